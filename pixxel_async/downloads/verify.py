"""Verify files against the record or SHA256SUMS, and write SHA256SUMS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from .._aio.threads import Threads
from .._files import open_regular
from .disk.checksums import SUMS, read_sums, write_list
from .disk.file_check import damage, digest_of
from .record.rows import Extracted

if TYPE_CHECKING:
    from .disk.destination import Destination
    from .record import Record, Row

__all__ = ["Verified", "verify_folder", "verify_sums", "write_sums"]


@frozen
class Verified:
    """One recorded file, verified.

    Attributes:
        path: the file; for an object, where it would be if its store were the folder.
        ok: whether its bytes are those that were proved.
        reason: the damage; empty if intact.
        url: of the object, if it is one.
    """

    path: Path
    ok: bool
    reason: str = ""
    url: str | None = None


async def verify_folder(
    folder: Path, record: Record, destination: Destination | None = None
) -> AsyncIterator[Verified]:
    """Read every file recorded as done, one after the other.

    Args:
        folder: the folder that packages were fetched into, or spooled in.
        record: its open record.
        destination: where the files are; None for the folder itself.

    Raises:
        DownloadError: an object store does not respond.
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
    """Return the folder of unpacked files that replaces an archive."""
    unpacked = Extracted.read(row.extracted)
    return unpacked.folder if unpacked is not None and unpacked.whole and not unpacked.kept else None


async def verify_sums(sums: Path) -> AsyncIterator[Verified]:
    """Read every file listed in a `SHA256SUMS`, one after the other, without record or network.

    Args:
        sums: the list; its names are relative to its folder.

    Raises:
        ConfigError: it cannot be read, lists nothing, or has a line that is no checksum with a name.
    """
    threads = Threads(1)
    try:
        for digest, name in await threads.run(read_sums, sums):
            yield await threads.run(_compare, sums.parent / name, digest)
    finally:
        threads.close()


def _compare(path: Path, digest: str) -> Verified:
    try:
        return Verified(path, True) if digest_of(path) == digest else Verified(path, False, "its bytes have changed")
    except FileNotFoundError:
        return Verified(path, False, "is gone")
    except OSError as error:
        return Verified(path, False, f"cannot be read: {error.strerror}")


async def write_sums(folder: Path, record: Record, destination: Destination | None = None) -> Path:
    """Update `<folder>/SHA256SUMS` atomically with every file whose checksum the record knows.

    Files that were moved away or deleted are left out, for they are done and not damaged. If none is left there is no
    `SHA256SUMS`, since `sha256sum -c` refuses an empty one.

    Args:
        folder: the folder that packages were fetched into, or spooled in.
        record: its open record.
        destination: where the files and the list are; None for the folder itself.

    Returns:
        the file, which may not exist.
    """
    threads = Threads(1)
    try:
        rows = await record.digests(folder, await threads.run(_read_list, folder / SUMS))
        if destination is None:
            await threads.run(write_list, folder, rows)
        else:
            await destination.write_sums(rows)
    finally:
        threads.close()
    return folder / SUMS


def _read_list(sums: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the checksums and names of an existing list, names interned, so that none is kept twice."""
    with (
        suppress(OSError),
        open(open_regular(sums), encoding="utf-8", errors="surrogateescape", newline="\n") as file,
    ):
        pairs = ((line[:64], line[66:-1]) for line in file)
        return {pair: pair for pair in pairs}
    return {}
