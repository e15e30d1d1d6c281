"""Start times of a folder's complete runs, for `--finished-since last`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from ..._files import check_state_folder, read_regular
from ..._publish import write_atomically
from ..text import format_time
from ..values import parse_time

_LARGEST = 4 << 20
"""Bytes of the file that are read at most."""
_CLOCK_SKEW = timedelta(hours=1)
"""Overlap between two runs, for clocks that differ; packages that are here already cost nothing."""


def read_last_run(folder: Path, selection: str) -> datetime | None:
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
    """Record the start of a complete run; the file is replaced atomically, and readable by its owner only."""
    path = _file(folder)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    check_state_folder(path.parent)
    text = json.dumps(_read(folder) | {selection: format_time(started)}, indent=1) + "\n"
    write_atomically(path, [text.encode()], mode=0o600)


def _read(folder: Path) -> dict[str, str]:
    try:
        document = json.loads(read_regular(_file(folder), _LARGEST, follow=False))
    except (OSError, ValueError, RecursionError):
        return {}
    members = document.items() if isinstance(document, dict) else ()
    return {name: text for name, text in members if isinstance(text, str)}


def _file(folder: Path) -> Path:
    return folder / ".pixxel" / "runs.json"
