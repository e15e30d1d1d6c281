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
    from .destination import Destination
    from .record import Record, Row

__all__ = ["Verified", "damage", "digest_of", "same_bytes", "verify_folder", "verify_sums"]


@frozen
class Verified:
    """One recorded file, read again.

    Attributes:
        path: the file, or where an object would be if its store were the folder.
        ok: whether its bytes are those that were proved.
        reason: what is wrong; empty when nothing is.
        url: of the object, where it is one.
    """

    path: Path
    ok: bool
    reason: str = ""
    url: str | None = None


async def verify_folder(
    folder: Path, record: Record, destination: Destination | None = None
) -> AsyncIterator[Verified]:
    """Read every file that the record says is done, one after the other.

    Args:
        folder: the folder that the packages were fetched into, or that they were spooled in.
        record: its open record.
        destination: where the files are; None for the folder itself.

    Raises:
        DownloadError: an object store does not answer.
    """
    threads = Threads(1)
    try:
        async for row in record.rows(folder, "done"):
            if row.name is None:
                continue
            path, url = folder / row.name, None
            if destination is not None and destination.url is not None:
                reason, url = await destination.damage(row.name, row), destination.title(row.name)
            elif (unpacked := _instead(row)) is not None:
                path = folder / unpacked
                reason = "" if await threads.run(path.is_dir) else "is gone"
            else:
                reason = await threads.run(damage, path, row)
            yield Verified(path, not reason, reason, url)
    finally:
        threads.close()


def _instead(row: Row) -> str | None:
    """The folder of files that is there instead of their archive."""
    unpacked = Extracted.read(row.extracted)
    return unpacked.folder if unpacked is not None and unpacked.whole and not unpacked.kept else None


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


def damage(path: Path, row: Row) -> str:
    """What is wrong with a file that the row tells of; empty when nothing is. Runs in a thread."""
    try:
        size = path.stat().st_size
        if size != row.size:
            return f"has {size:,} bytes, had {row.size or 0:,}"
        return "" if same_bytes(path, row) else "its bytes have changed"
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


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
