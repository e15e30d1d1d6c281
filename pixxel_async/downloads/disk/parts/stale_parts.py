"""Abandoned part files: of leases that were taken over, and of records that were lost."""

from __future__ import annotations

import os
import re
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from ....errors import ConfigError
from ..below import Entry, entry
from ..syscalls import Syscalls

__all__ = ["StaleParts", "sweep"]

PART_NAME = re.compile(r"(\.[0-9a-f]{16})-[0-9a-f]{16}(?:-[0-9a-f]{8})?\.part")
"""The name of a part file: hash of its package, nonce of its holder, and a random number where that file was busy."""
MAX_ENTRIES = 200_000
"""Folder entries that a sweep looks at."""


class StaleParts:
    """Part files of a package beside its own, found by one scan of each folder; all methods run in threads.

    The holder of a package's lease may remove its other part files: their holders are dead, or have lost the lease
    and can publish nothing.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._names: dict[Path, dict[str, list[str]]] = {}

    def remove_others(self, part: Entry, *, rescan: bool = False) -> None:
        """Remove all part files of a package but one.

        Args:
            part: the one that stays.
            rescan: scan the folder although it was scanned before, since a lease was taken over.
        """
        folder = part.directory
        matched = PART_NAME.fullmatch(part.name)
        if matched is None:
            return
        with self._guard:
            if rescan or folder not in self._names:
                self._names[folder] = _scan(folder if part.fd is None else part.fd)
            names = self._names[folder].pop(matched[1], [])
        for name in names:
            if name != part.name:
                with suppress(OSError):  # another user's, or open on a system where that keeps it
                    part.beside(name).unlink()


def _scan(folder: Path | int) -> dict[str, list[str]]:
    by_package = defaultdict(list)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if matched := PART_NAME.fullmatch(entry.name):
                by_package[matched[1]].append(entry.name)
    return dict(by_package)


def sweep(folder: Path, calls: Syscalls) -> None:
    """Remove the part files of a lost record from a folder and those below it, unless a process has them open.

    Their length and validators are lost with the record, so none of them can be resumed.
    """
    entries = 0
    for place, folders, names in os.walk(folder):  # follows no links
        folders[:] = [name for name in folders if name != ".pixxel"]
        entries += len(folders) + len(names)
        if entries > MAX_ENTRIES:
            return
        for name in filter(PART_NAME.fullmatch, names):
            below = Path(place, name).relative_to(folder).as_posix()
            with suppress(OSError, ConfigError), entry(folder, below, calls) as part:
                _remove_if_abandoned(part)


def _remove_if_abandoned(part: Entry) -> None:
    fd = part.open(os.O_RDWR | getattr(os, "O_NONBLOCK", 0))
    try:
        if part.calls.lock(fd):
            part.unlink()
    finally:
        part.calls.close(fd)
