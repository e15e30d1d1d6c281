"""Which of two rows of one package is kept when the records of two machines become one."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Standing", "better"]

_RANK = {"waiting": 0, "failed": 1, "given_up": 1, "streaming": 2, "publishing": 3, "done": 4}


class Standing(Protocol):
    """What this needs to know of a row."""

    @property
    def state(self) -> str:
        """How far it is."""
        ...

    @property
    def updated_at(self) -> float:
        """When it was last written, in seconds since 1970."""
        ...


def better(theirs: Standing, mine: Standing | None) -> bool:
    """Whether the other machine's row takes the place of ours: it is further on, or as far and newer.

    Equal rows stay, so that merging twice changes nothing.
    """
    if mine is None:
        return True
    return (_RANK.get(theirs.state, 0), theirs.updated_at) > (_RANK.get(mine.state, 0), mine.updated_at)
