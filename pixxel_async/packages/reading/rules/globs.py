"""Names of members by pattern: `*`, `?` and `[…]` stay within one folder, `**` is any number of folders."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

__all__ = ["matches"]


def matches(name: str, glob: str) -> bool:
    """Whether a whole name with `/` between its folders fits the pattern; capitals count."""
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
    """A `**` may stand for no folder at all."""
    for at in range(len(folders)):
        if at in reached and folders[at] == "**":
            reached.add(at + 1)
    return reached
