"""When a folder was last brought up to date, for `--finished-since last`."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

from ..options import date
from ..text import moment

_MARGIN = timedelta(hours=1)
"""Looked at again, for clocks that differ; what is there already costs nothing."""


def last_run(folder: Path, selection: str) -> datetime | None:
    """From when on to look for what is new; None when this selection was never brought here completely.

    Args:
        folder: where the packages lie.
        selection: the name of what was selected; each has a time of its own.
    """
    try:
        return date(_read(folder)[selection]) - _MARGIN
    except (KeyError, ValueError):
        return None


def note_run(folder: Path, selection: str, started: datetime) -> None:
    """Keep when a run began that has brought everything; the file is replaced at once or not at all."""
    path = _file(folder)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(_read(folder) | {selection: moment(started)}, indent=1) + "\n", "utf-8")
    part.replace(path)


def _read(folder: Path) -> dict[str, str]:
    try:
        found = json.loads(_file(folder).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    members = found.items() if isinstance(found, dict) else ()
    return {name: text for name, text in members if isinstance(text, str)}


def _file(folder: Path) -> Path:
    return folder / ".pixxel" / "runs.json"
