"""The finished packages of a destination: by the table beside the data, or by a record; and their SHA256SUMS."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from anyio.from_thread import BlockingPortal

from ...downloads import Record, Row, write_sums
from ...downloads.disk.locations import locate
from ...errors import ConfigError
from ..objects import ObjectStore
from ..shared_folder import SharedFolder
from .done_table import Done, DoneTable

if TYPE_CHECKING:
    from ...downloads.disk.destination import Destination

TOGETHER = 500
"""Rows of one commit."""


class FinishedPackages:
    """The table of finished packages, the record of exports without a cluster, and SHA256SUMS; a context manager.

    Args:
        to: absolute path, or URL.
        origin: the API that the record is bound to.
        redo_missing: whether files that are gone from a folder count as not done; changed ones do in any case.
    """

    def __init__(self, to: str, origin: str, portal: BlockingPortal, *, redo_missing: bool) -> None:
        self._portal = portal
        self._to = to
        self._origin = origin
        self._redo_missing = redo_missing
        self._is_url = "://" in to
        if not self._is_url:
            Path(to).mkdir(parents=True, exist_ok=True)
        store = ObjectStore.at(to if self._is_url else Path(to).as_uri())
        self._table = DoneTable(store.store)
        self._destination: Destination = store if self._is_url else SharedFolder(Path(to))
        self._place = locate(to)
        self._stack = AsyncExitStack()
        self._record: Record | None = None
        self._rows: dict[str, Done] = {}
        self._unmerged: dict[str, Done] = {}

    def __enter__(self) -> Self:
        self._rows, self._unmerged = self._table.read()
        if self._place.record.exists():
            self._record = self._portal.call(self._open_record)
        return self

    def __exit__(self, *_: object) -> None:
        self._portal.call(self._stack.aclose)

    async def _open_record(self) -> Record:
        origin = None if self._place.record.exists() else self._origin
        return await self._stack.enter_async_context(await Record.open(self._place.record, origin=origin))

    def find(self, identities: Sequence[str]) -> dict[str, Done]:
        """Return those of the packages that are done, by the table or by the record of exports without a cluster."""
        rows = {identity: self._rows[identity] for identity in identities if identity in self._rows}
        rest = [identity for identity in identities if identity not in rows]
        if self._record is not None and rest:
            rows |= self._portal.call(self._find_in_record, rest)
        if self._is_url:
            return rows
        return {identity: done for identity, done in rows.items() if self._is_unchanged(done)}

    async def _find_in_record(self, identities: Iterable[str]) -> dict[str, Done]:
        assert self._record is not None  # noqa: S101 - the caller looked
        rows = await self._record.known_rows(identities, self._place.folder, heads=True)
        return {
            identity: Done(identity, row.name, row.size or 0, row.mtime_ns or 0, row.sha256)
            for identity, row in rows.items()
            if row.state == "done" and row.name is not None
        }

    def _is_unchanged(self, done: Done) -> bool:
        try:
            status = os.lstat(os.path.join(self._to, done.name))
        except FileNotFoundError:
            return not self._redo_missing
        except OSError:
            return False
        return status.st_size == done.size and status.st_mtime_ns == done.mtime_ns

    def record(self, new: dict[str, Done]) -> None:
        """Take new rows into the record and SHA256SUMS, then compact the table; nothing to do if there are none."""
        fresh = self._unmerged | new
        if fresh or self._record is None:
            self._portal.call(self._write_record, fresh)
            self._table.compact()

    async def _write_record(self, fresh: dict[str, Done]) -> None:
        try:
            record, rows = self._record, fresh
            if record is None:
                record, rows = await self._open_record(), self._rows | fresh
        except ConfigError:  # on a network file system there is no such record; the table is enough
            sums = [(row.sha256, row.name) for row in (self._rows | fresh).values() if row.sha256 is not None]
            await self._destination.write_sums(sums)
            return
        done = list(rows.values())
        for start in range(0, len(done), TOGETHER):
            await record.take_all(_row(each) for each in done[start : start + TOGETHER])
        await write_sums(self._place.folder, record, self._destination)


def _row(done: Done) -> Row:
    """Return the record's row; the folder is that of the record itself."""
    return Row(
        done.package, ".", "done", done.name, size=done.size, mtime_ns=done.mtime_ns, sha256=done.sha256,
        proof=done.proof, container=done.container, finished_at=done.mtime_ns / 1e9,
    )  # fmt: skip
