"""`SHA256SUMS`: what `sha256sum -c` needs to look after a folder without us."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .threads import Threads

if TYPE_CHECKING:
    from .destination import Destination
    from .record import Record

__all__ = ["SUMS", "line", "read_sums", "write_list", "write_sums"]

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


async def write_sums(folder: Path, record: Record, destination: Destination | None = None) -> Path:
    """Write `<folder>/SHA256SUMS` anew, in one step, with every file that the record knows a digest of.

    Files that were moved away or deleted are left out, for they are done and not damaged. Where none is left there is
    no `SHA256SUMS`, since `sha256sum -c` refuses an empty one.

    Args:
        folder: the folder that the packages were fetched into, or that they were spooled in.
        record: its open record.
        destination: where the files are, and the list goes; None for the folder itself.

    Returns:
        the file, which may not be there.
    """
    rows = [(row.sha256, row.name) async for row in record.rows(folder, "done") if row.sha256 and row.name]
    if destination is not None:
        await destination.write_sums(rows)
        return folder / SUMS
    threads = Threads(1)
    try:
        return await threads.run(write_list, folder, rows)
    finally:
        threads.close()


def write_list(folder: Path, rows: Sequence[tuple[str, str]]) -> Path:
    """Write the list of a local folder from digests and names; runs in a thread."""
    final, part = folder / SUMS, folder / f".{SUMS}.{secrets.token_hex(4)}.part"
    lines = list(_lines(folder, rows))
    if not lines:
        final.unlink(missing_ok=True)
        return final
    try:
        with part.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        part.replace(final)
    finally:
        part.unlink(missing_ok=True)
    return final


def _lines(folder: Path, rows: Sequence[tuple[str, str]]) -> Iterable[str]:
    for digest, name in sorted(rows, key=lambda row: row[1]):
        if os.path.isfile(os.path.join(folder, name)):
            yield line(digest, name)


def line(digest: str, name: str) -> str:
    """One line of the list."""
    return f"{digest}  {name}\n"


def read_sums(sums: Path) -> list[tuple[str, str]]:
    """The digests and names that a list of sums has; runs in a thread.

    Raises:
        ConfigError: it cannot be read, lists nothing, or has a line of another form.
    """
    try:
        lines = sums.read_text(encoding="utf-8", errors="surrogateescape").removesuffix("\n").split("\n")
    except OSError as error:
        raise ConfigError(f"{sums} cannot be read: {error.strerror}") from None
    found = [_LINE.fullmatch(line) for line in lines] if lines != [""] else []
    for number, match in enumerate(found, 1):
        if match is None:
            raise ConfigError(f"line {number} of {sums} is no SHA-256 with a file's name")
    if not found:
        raise ConfigError(f"{sums} lists no file")
    return [(match[1].lower(), match[2]) for match in found if match is not None]
