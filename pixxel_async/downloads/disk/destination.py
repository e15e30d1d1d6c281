"""Destination of final files: a local folder or an object store.

Part files, the record and the leases are always local. Destinations differ in the last step, `commit`, and in how
committed files are inspected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from .final import Final

if TYPE_CHECKING:
    from ..record import Row
    from .parts.part_file import PartFile

__all__ = ["Commit", "Destination", "LookUp"]

LookUp = Callable[[str], Final | None]
"""Return the status of a name, None for nothing; called in a thread."""


class Commit(Protocol):
    """Publication of one file in another place than that of its part file."""

    async def __call__(self, part: PartFile, name: str, row: Row, *, replace: bool = False) -> Final:
        """Publish a proved part file under its final name, atomically, and remove the part file.

        Args:
            row: its row, in the state `publishing`.
            replace: whether a file of that name is replaced.

        Raises:
            NameTaken: something else has the name; the part file stays.
        """
        ...


class Destination(Protocol):
    """Final files by name, each complete or absent.

    Every method raises `DownloadError`, or a subclass, if the disk or the store fails.
    """

    @property
    def url(self) -> str | None:
        """The URL of the object store; None for a local folder."""
        ...

    def title(self, name: str) -> str:
        """Return the path or URL of a file, for messages."""
        ...

    async def open(self) -> None:
        """Check that it can be used; raises `ConfigError` if not, `ConnectionFailed` if it does not answer."""
        ...

    async def prepare_lookup(self, names: Sequence[str], *, sure: bool = True) -> LookUp:
        """Return a function that returns the status of each of these names.

        Args:
            sure: whether the status must be right; if not, a store is not asked, and every name is reported as free.
        """
        ...

    @property
    def commit(self) -> Commit | None:
        """Function that uploads proved files; None for a local folder, whose files are renamed in groups."""
        ...

    async def damage(self, name: str, row: Row) -> str:
        """Describe how the bytes of a file differ from its row; empty if they do not."""
        ...

    async def remove(self, name: str) -> None:
        """Remove a file that may be there."""
        ...

    async def stored_sha256(self, name: str) -> str | None:
        """Return the SHA-256 that was stored with a file's bytes, in hex; None without one."""
        ...

    async def has_sums(self) -> bool:
        """Return whether there is a `SHA256SUMS`: then an earlier record was lost."""
        ...

    async def write_sums(self, rows: Sequence[tuple[str, str]]) -> None:
        """Rewrite `SHA256SUMS` from digests and names, without missing files; remove it if none is left."""
        ...
