"""Is what lies in the folder still what was put there?"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from ..errors import PixxelError
from .extract import Extracted
from .prove import prove
from .sums import read_sums
from .threads import Threads

if TYPE_CHECKING:
    from .record import Record, Row

__all__ = ["Verified", "digest_of", "same_bytes", "verify_folder", "verify_sums"]


@frozen
class Verified:
    """One recorded file, read again.

    Attributes:
        path: the file.
        ok: whether its bytes are those that were proved.
        reason: what is wrong; empty when nothing is.
    """

    path: Path
    ok: bool
    reason: str = ""


async def verify_folder(folder: Path, record: Record) -> AsyncIterator[Verified]:
    """Read every file that the record says is done, one after the other.

    Args:
        folder: the folder that the packages were fetched into.
        record: its open record.
    """
    threads = Threads(1)
    try:
        async for row in record.rows(folder, "done"):
            if row.name is not None:
                yield await threads.run(_verified, folder, row.name, row)
    finally:
        threads.close()


async def verify_sums(sums: Path) -> AsyncIterator[Verified]:
    """Read every file that a `SHA256SUMS` lists, one after the other; nothing else is needed, no record and no network.

    Args:
        sums: the list, in the folder that its names are relative to.

    Raises:
        ConfigError: it cannot be read, lists nothing, or has a line that is no checksum with a name.
    """
    threads = Threads(1)
    try:
        for digest, name in await threads.run(read_sums, sums):
            yield await threads.run(_compared, sums.parent / name, digest)
    finally:
        threads.close()


def _compared(path: Path, digest: str) -> Verified:
    try:
        return Verified(path, True) if digest_of(path) == digest else Verified(path, False, "its bytes have changed")
    except FileNotFoundError:
        return Verified(path, False, "is gone")
    except OSError as error:
        return Verified(path, False, f"cannot be read: {error.strerror}")


def _verified(folder: Path, name: str, row: Row) -> Verified:
    path, unpacked = folder / name, Extracted.read(row.extracted)
    if unpacked is not None and unpacked.whole and not unpacked.kept:
        path = folder / unpacked.folder
        return Verified(path, True) if path.is_dir() else Verified(path, False, "is gone")
    try:
        size = path.stat().st_size
        if size != row.size:
            return Verified(path, False, f"has {size:,} bytes, had {row.size or 0:,}")
        return Verified(path, True) if same_bytes(path, row) else Verified(path, False, "its bytes have changed")
    except FileNotFoundError:
        return Verified(path, False, "is gone")
    except OSError as error:
        return Verified(path, False, f"cannot be read: {error.strerror}")


def same_bytes(path: Path, row: Row) -> bool:
    """Whether a file holds what the row says: by its digest, or where none was kept, by proving it again."""
    if row.sha256 is not None:
        return digest_of(path) == row.sha256
    try:
        prove(path, expected_size=row.size)
    except PixxelError:
        return False
    return True


def digest_of(path: Path) -> str:
    """The SHA-256 of a file in hex; runs in a thread."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
