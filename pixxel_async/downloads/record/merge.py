"""Merge the records of several machines."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

from attrs import frozen

from ..._aio.threads import Threads
from ...errors import ConfigError, DownloadError
from .record import Record
from .rows import Row

__all__ = ["Merged", "merge"]

_TOGETHER = 500


@frozen
class Merged:
    """The result of a merge.

    Attributes:
        taken: rows that are new here, or replaced a worse one.
        kept: rows of which as much or more was known here.
        clashes: why others were left out, each with its package: its name is another's here, or a process is at it.
    """

    taken: int = 0
    kept: int = 0
    clashes: tuple[str, ...] = ()


async def merge(into: Path, sources: Sequence[Path]) -> Merged:
    """Merge other records into one, as after shards on several machines. Idempotent.

    A folder in a record is relative to the record's own: the files are brought together first, in the same layout. The
    other records are only read, from copies.

    Args:
        into: the record that takes; it is begun when there is none.
        sources: the records that give.

    Raises:
        ConfigError: a record is damaged, missing, of a newer version, or of another API or organization; those before
            it were merged.
    """
    total = Merged()
    for source in sources:
        async with (
            _copy_open(source, into) as source_record,
            await Record.open(into, origin=await _origin(source_record)) as record,
        ):
            if organization := await source_record.bound("organization"):
                await record.bind(organization)
            total = _sum(total, await _merge(record, source_record))
    return total


@asynccontextmanager
async def _copy_open(source: Path, into: Path) -> AsyncIterator[Record]:
    with tempfile.TemporaryDirectory(prefix="pixxel-merge-") as folder:
        copy = Path(folder) / "record.sqlite"
        await Threads(1).run(_copy, source, copy, into)
        async with await Record.open(copy, origin=None) as opened:
            if opened.notes:
                raise ConfigError(f"the record {source} is damaged; nothing was taken from it")
            yield opened


def _copy(source: Path, copy: Path, into: Path) -> None:
    """Copy a database including its write-ahead log, without changing it."""
    if not source.is_file():
        raise ConfigError(f"there is no record at {source}")
    if into.exists() and source.samefile(into):
        raise ConfigError(f"the record {source} cannot be merged into itself")
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as read,
            closing(sqlite3.connect(copy)) as written,
        ):
            read.backup(written)
    except sqlite3.Error as error:
        raise ConfigError(f"the record {source} cannot be read ({type(error).__name__}); nothing was taken") from None


async def _origin(source: Record) -> str:
    origin = await source.bound("origin")
    if origin is None:
        raise ConfigError("a record that belongs to no API cannot be merged")
    return origin


async def _merge(record: Record, source: Record) -> Merged:
    total, rows = Merged(), []
    async for row in source.rows():
        rows.append(row)
        if len(rows) == _TOGETHER:
            total, rows = _sum(total, await _merge_rows(record, rows)), []
    return _sum(total, await _merge_rows(record, rows))


async def _merge_rows(record: Record, rows: Sequence[Row]) -> Merged:
    results = await record.take_all(rows)
    clashes = []
    for row, result in zip(rows, results, strict=True):
        if isinstance(result, DownloadError):
            clashes.append(f"{row.identity}: {result}")
        elif isinstance(result, Exception):
            raise result
    merged = sum(result is True for result in results)
    return Merged(merged, len(rows) - merged - len(clashes), tuple(clashes))


def _sum(first: Merged, second: Merged) -> Merged:
    return Merged(first.taken + second.taken, first.kept + second.kept, first.clashes + second.clashes)
