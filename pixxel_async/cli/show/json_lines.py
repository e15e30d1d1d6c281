"""Progress as NDJSON on stderr: one object per event, for programs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict

from ...errors import PixxelError
from ...events import Downloaded, Dropped, Event, Failed, Moved, Skipped, Unpacking
from ...packages import Package
from ..errors import format_error
from .lines import Silent

if TYPE_CHECKING:
    from ...downloads import Snapshot

_MIN_INTERVAL = 1.0
"""Seconds between two `moved` lines of one download."""


class EventLines(Silent):
    """NDJSON: each event, the run's counts every few seconds, and the messages to people."""

    period = 5.0

    def __init__(self, *stream: Any) -> None:
        super().__init__(*stream)
        self._moved: dict[str, float] = {}

    def take(self, event: Event) -> None:
        """Write an event; `Moved` and `Unpacking` at most once a second per download, and the end of an unpacking."""
        if isinstance(event, Moved) or (isinstance(event, Unpacking) and event.files < event.total):
            now = time.monotonic()
            if now - self._moved.get(event.item, -_MIN_INTERVAL) < _MIN_INTERVAL:
                return
            self._moved[event.item] = now
        elif isinstance(event, Downloaded | Skipped | Failed):
            self._moved.pop(str(event.package), None)
        elif isinstance(event, Dropped):  # thousands at once when a run is stopped, and its last line says how many
            return
        self._write(type(event).__name__.lower(), event_members(event))

    def show(self, snapshot: Snapshot) -> None:
        """Write the state of the run, as event `progress`."""
        self._write("progress", asdict(snapshot))

    def print_line(self, text: str) -> None:
        """Write a message to people, as event `message`."""
        self._write("message", {"text": text})

    def _write(self, event: str, members: dict[str, Any]) -> None:
        super().print_line(json.dumps({"event": event, **members}))


def event_members(event: Event) -> dict[str, Any]:
    """Convert an event to JSON members; `item` is the package's text form in all of them."""
    members = {
        name: _to_plain(value) for name, value in asdict(event, recurse=False).items() if not name.startswith("_")
    }
    if isinstance(event, Skipped):
        members["path"] = members.pop("file")
    return {"item": members.pop("package", None) or members.pop("item"), **members}


def _to_plain(value: Any) -> Any:
    if isinstance(value, PixxelError):
        return format_error(value)
    return str(value) if isinstance(value, Package | Path) else value
