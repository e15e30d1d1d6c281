"""Part files that nobody will go on with: of leases that were taken over, and of records that were lost."""

from __future__ import annotations

import os
import re
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from ..syscalls import Syscalls

__all__ = ["StaleParts", "sweep"]

PART_NAME = re.compile(r"(\.[0-9a-f]{16})-[0-9a-f]{16}(?:-[0-9a-f]{8})?\.part")
"""The name of a part file: hash of its package, nonce of its holder, and a random number where that file was busy."""
MAX_ENTRIES = 200_000
"""Folder entries that a sweep looks at."""


class StaleParts:
    """Part files of a package beside its own, found by one scan of each folder; all methods run in threads.

    Whoever holds a package's lease may remove its other part files: their holders are dead, or have lost the lease
    and can publish nothing.
    """

    def __init__(self, calls: Syscalls) -> None:
        self._calls = calls
        self._guard = threading.Lock()
        self._found: dict[Path, dict[str, list[str]]] = {}

    def remove_others(self, part: Path, *, again: bool = False) -> None:
        """Remove all part files of a package but one.

        Args:
            part: the one that stays.
            again: scan the folder although it was scanned before: a lease was taken over meanwhile.
        """
        matched = PART_NAME.fullmatch(part.name)
        if matched is None:
            return
        with self._guard:
            if again or part.parent not in self._found:
                self._found[part.parent] = _scan(part.parent)
            names = self._found[part.parent].pop(matched[1], [])
        for name in names:
            if name != part.name:
                with suppress(OSError):  # another user's, or open on a system where that keeps it
                    self._calls.unlink(part.parent / name)


def _scan(folder: Path) -> dict[str, list[str]]:
    found = defaultdict(list)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if matched := PART_NAME.fullmatch(entry.name):
                found[matched[1]].append(entry.name)
    return dict(found)


def sweep(folder: Path, calls: Syscalls) -> None:
    """Remove the part files of a lost record from a folder and those below it, unless a process has them open.

    What was known of them, their length and validators, is lost with the record: none of them can be gone on with.
    """
    seen = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".pixxel"]
        seen += len(folders) + len(names)
        if seen > MAX_ENTRIES:
            return
        for name in filter(PART_NAME.fullmatch, names):
            with suppress(OSError):
                _remove_if_abandoned(os.path.join(place, name), calls)


def _remove_if_abandoned(path: str, calls: Syscalls) -> None:
    fd = calls.open(path, os.O_RDWR | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    try:
        if calls.lock(fd):
            calls.unlink(path)
    finally:
        calls.close(fd)
