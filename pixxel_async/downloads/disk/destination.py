"""Where final files lie: a local folder, or an object store.

Part files, the record and the leases are local in each case. What differs is the last step, `commit`, and how to look
at what was committed before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from .final import Final

if TYPE_CHECKING:
    from ..record import Row
    from .parts.part_file import PartFile

__all__ = ["Destination", "Look"]

Look = Callable[[str], Final | None]
"""What is at a name, None for nothing; called in a thread."""


class Destination(Protocol):
    """Final files by their names, each whole or not there.

    Every method raises `DownloadError`, or a kind of it, when the disk or the store does not do it.
    """

    @property
    def url(self) -> str | None:
        """Of the object store; None for a local folder."""
        ...

    def title(self, name: str) -> str:
        """A file, as people are told of it."""
        ...

    async def open(self) -> None:
        """Make sure that it can be used; raises `ConfigError` when it cannot, `ConnectionFailed` when not now."""
        ...

    async def looking(self, names: Sequence[str], *, sure: bool = True) -> Look:
        """A look at these names.

        Args:
            sure: whether the truth is needed; without, a store that would have to be asked says that nothing is there.
        """
        ...

    async def commit(self, part: PartFile, name: str, row: Row, *, replace: bool = False) -> Final:
        """Make a proved part file appear under its final name, whole, and remove the part file.

        Args:
            row: what the record says of it; its state is `publishing`.
            replace: whether what has the name is replaced.

        Raises:
            NameTaken: something else has the name; the part file stays.
        """
        ...

    async def damage(self, name: str, row: Row) -> str:
        """What is wrong with a file, by its bytes; empty if they are those that the row tells of."""
        ...

    async def remove(self, name: str) -> None:
        """Remove a file that may be there."""
        ...

    async def vouched(self, name: str) -> str | None:
        """The SHA-256 that was written together with a file's bytes, in hex; None where there is none."""
        ...

    async def has_sums(self) -> bool:
        """Whether there is a `SHA256SUMS`, which tells a new record that there was one before."""
        ...

    async def write_sums(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write `SHA256SUMS` anew from digests and names, without files that are gone; none where none is left."""
        ...
