"""Atomic write of a stream to a file: complete and checked under its final name, or not there at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..._aio.threads import Threads
from ..._files import FULL
from ..._publish import publish
from ...errors import ConfigError, DiskFull, DownloadError, NameTaken

__all__ = ["save"]


async def save(pieces: AsyncIterable[bytes], to: Path, *, replace: bool, threads: Threads) -> Path:
    """Write the pieces to a part file in the same folder, fsync it, and publish it under its final name.

    Args:
        pieces: the file's bytes; must raise if they are not sound.
        to: path of the file; its folder must exist.
        replace: whether to replace an existing file.
        threads: pool for the file's system calls.

    Raises:
        NameTaken: the file exists.
        DiskFull, DownloadError: it could not be written.
        ConfigError: the folder does not exist.
    """
    part = to.with_name(f".{secrets.token_hex(8)}.part")
    with ExitStack() as clean_up:
        file = await threads.run(_create_part, clean_up, part, to, replace)
        async for piece in pieces:
            await threads.run(_write, file, piece, to)
        await threads.run(_publish, file, to, replace)
    return to


def _create_part(clean_up: ExitStack, part: Path, to: Path, replace: bool) -> BinaryIO:
    """Create the part file; `clean_up` closes and removes it, also when its caller was cancelled."""
    if not to.parent.is_dir():
        raise ConfigError(f"there is no folder {to.parent}")
    if not replace and os.path.lexists(to):
        raise _name_taken(to)
    clean_up.callback(_quietly, part.unlink)
    with _os_errors(to):
        file = part.open("xb")
    clean_up.callback(_quietly, file.close)
    return file


def _quietly(call: Callable[[], object]) -> None:
    with suppress(OSError):
        call()


def _write(file: BinaryIO, piece: bytes, to: Path) -> None:
    with _os_errors(to):
        file.write(piece)


def _publish(file: BinaryIO, to: Path, replace: bool) -> None:
    with _os_errors(to):
        file.flush()
        os.fsync(file.fileno())
        file.close()
        publish(Path(file.name), to, replace=replace)


@contextmanager
def _os_errors(to: Path) -> Iterator[None]:
    """Convert OSErrors to DownloadErrors."""
    try:
        yield
    except FileExistsError:
        raise _name_taken(to) from None
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "OSError")
        if error.errno in FULL:
            raise DiskFull(f"{to.parent} has no room: {name}", stage="publish") from None
        raise DownloadError(f"{to} cannot be written: {name}", stage="publish") from None


def _name_taken(to: Path) -> NameTaken:
    return NameTaken(f"{to} exists already; choose another file, or replace it with replace=True")
