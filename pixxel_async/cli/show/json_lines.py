"""Every event of a run as one JSON object on a line of stderr, for programs that watch."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict

from ...errors import PixxelError
from ...events import Downloaded, Event, Failed, Moved, Skipped
from ...packages import Package
from ..errors import one_line
from .lines import Silent

if TYPE_CHECKING:
    from ...downloads import Snapshot

_OFTEN = 1.0
"""Seconds between two lines on the bytes of one body."""


class EventLines(Silent):
    """JSON lines: each event, the run's counts every few seconds, and what is said to people."""

    period = 5.0

    def __init__(self, *stream: Any) -> None:
        super().__init__(*stream)
        self._moved: dict[str, float] = {}

    def take(self, event: Event) -> None:
        """Write one event; of those that only say how many bytes have come, one a second and body."""
        if isinstance(event, Moved):
            now = time.monotonic()
            if now - self._moved.get(event.item, -_OFTEN) < _OFTEN:
                return
            self._moved[event.item] = now
        elif isinstance(event, Downloaded | Skipped | Failed):
            self._moved.pop(str(event.package), None)
        self._write(type(event).__name__.lower(), told(event))

    def show(self, snapshot: Snapshot) -> None:
        """Write how the run stands."""
        self._write("standing", asdict(snapshot))

    def say(self, text: str) -> None:
        """Write one line for people."""
        self._write("said", {"text": text})

    def _write(self, event: str, members: dict[str, Any]) -> None:
        super().say(json.dumps({"event": event, **members}))


def told(event: Event) -> dict[str, Any]:
    """The members of an event as JSON has them; `item` is the package's text form in all of them."""
    members = {name: _plain(value) for name, value in asdict(event, recurse=False).items() if name != "members"}
    if isinstance(event, Skipped):
        members["path"] = members.pop("file")
    return {"item": members.pop("package", None) or members.pop("item"), **members}


def _plain(value: Any) -> Any:
    if isinstance(value, PixxelError):
        return one_line(value)
    return str(value) if isinstance(value, Package | Path) else value
