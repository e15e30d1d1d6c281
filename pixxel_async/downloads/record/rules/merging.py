"""Choice between two rows of one package when the records of two machines are merged."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Standing", "is_better"]

_RANK = {"waiting": 0, "failed": 1, "given_up": 1, "streaming": 2, "publishing": 3, "done": 4}


class Standing(Protocol):
    """The members of a row that decide."""

    @property
    def state(self) -> str:
        """State of the package."""
        ...

    @property
    def updated_at(self) -> float:
        """Time of the last change, in seconds since 1970."""
        ...


def is_better(foreign: Standing, own: Standing | None) -> bool:
    """Return whether the other machine's row replaces ours: it is further on, or as far and newer.

    Equal rows stay, so that merging twice changes nothing.
    """
    if own is None:
        return True
    return (_RANK.get(foreign.state, 0), foreign.updated_at) > (_RANK.get(own.state, 0), own.updated_at)
