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
        reached = _with_skips({_next(at, folders) for at in reached if _fits(part, at, folders)}, folders)
    return len(folders) in reached


def _fits(part: str, at: int, folders: Sequence[str]) -> bool:
    return at < len(folders) and (folders[at] == "**" or fnmatchcase(part, folders[at]))


def _next(at: int, folders: Sequence[str]) -> int:
    return at if folders[at] == "**" else at + 1


def _with_skips(reached: set[int], folders: Sequence[str]) -> set[int]:
    """Add the positions behind each `**`, which may match no folder at all."""
    for at in range(len(folders)):
        if at in reached and folders[at] == "**":
            reached.add(at + 1)
    return reached
