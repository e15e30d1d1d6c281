"""Glob patterns of member names: `*`, `?` and `[…]` match within one folder, `**` matches any number of folders."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

__all__ = ["matches"]


def matches(name: str, glob: str) -> bool:
    """Return whether the whole name fits the pattern; case-sensitive, `/` separates folders.

    The pattern is run as a nondeterministic automaton over the name's folders: `reached` holds the pattern positions
    that are possible so far, so the time is O(folders of name x folders of pattern), also with several `**`.
    """
    folders = glob.split("/")
    reached = _with_skips({0}, folders)
    for part in name.split("/"):
        open_positions = [at for at in reached if at < len(folders)]
        stay = {at for at in open_positions if folders[at] == "**"}
        go_on = {at + 1 for at in open_positions if folders[at] != "**" and fnmatchcase(part, folders[at])}
        reached = _with_skips(stay | go_on, folders)
    return len(folders) in reached


def _with_skips(reached: set[int], folders: Sequence[str]) -> set[int]:
    """Add the positions behind each `**`, which may match no folder at all."""
    for at in range(len(folders)):
        if at in reached and folders[at] == "**":
            reached.add(at + 1)
    return reached
