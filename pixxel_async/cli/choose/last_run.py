"""Start times of a folder's complete runs, for `--finished-since last`."""

from __future__ import annotations

import json
import os
import stat
from datetime import datetime, timedelta
from pathlib import Path

from ..options import parse_time
from ..text import moment

_MAX_CHARACTERS = 4 << 20
"""Of the file; a longer one is not ours."""
_CLOCK_SKEW = timedelta(hours=1)
"""Overlap between two runs, for clocks that differ; packages that are here already cost nothing."""


def last_run(folder: Path, selection: str) -> datetime | None:
    """Return the start of the last complete run of this selection, less the clock skew; None if there was none.

    Args:
        folder: folder of the packages.
        selection: name of the selection; each has a time of its own.
    """
    try:
        return parse_time(_read(folder)[selection]) - _CLOCK_SKEW
    except (KeyError, ValueError):
        return None


def note_run(folder: Path, selection: str, started: datetime) -> None:
    """Record the start of a complete run; the file is replaced atomically."""
    path = _file(folder)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(_read(folder) | {selection: moment(started)}, indent=1) + "\n", "utf-8")
    part.replace(path)


def _read(folder: Path) -> dict[str, str]:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        with open(os.open(_file(folder), flags), encoding="utf-8") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return {}
            found = json.loads(file.read(_MAX_CHARACTERS))
    except (OSError, ValueError, RecursionError):
        return {}
    members = found.items() if isinstance(found, dict) else ()
    return {name: text for name, text in members if isinstance(text, str)}


def _file(folder: Path) -> Path:
    return folder / ".pixxel" / "runs.json"
