"""The destination as the coordinator of an export sees it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from anyio.from_thread import BlockingPortal

from ...downloads import Record, Row
from ...downloads.disk.locations import where
from ...errors import ConfigError
from ..objects import ObjectStore
from ..shared_folder import SharedFolder
from .done_table import Done, DoneTable

if TYPE_CHECKING:
    from ...downloads.disk.destination import Destination

TOGETHER = 500
"""Rows of one commit."""


class Home:
    """The table of finished packages, the record of exports without a cluster, and SHA256SUMS.

    Args:
        to: absolute path, or URL.
        origin: the API that the record is bound to.
    """

    def __init__(self, to: str, origin: str, portal: BlockingPortal) -> None:
        self._portal = portal
        self._to = to
        self._origin = origin
        is_url = "://" in to
        if not is_url:
            Path(to).mkdir(parents=True, exist_ok=True)
        store = ObjectStore.at(to if is_url else Path(to).as_uri())
        self._table = DoneTable(store.store)
        self._destination: Destination = store if is_url else SharedFolder(Path(to))
        self._folder = where(to).folder
        self._record = where(to).record

    def read(self, *, redo_missing: bool) -> dict[str, Done]:
        """Return what is done, by this table or by the record of exports without a cluster.

        Args:
            redo_missing: leave out files that are gone from a folder; one that was changed is left out in any case.
        """
        known = self._table.read()
        if self._record.exists():
            known = self._portal.call(self._recorded) | known
        if "://" in self._to:
            return known
        return {identity: done for identity, done in known.items() if self._stands(done, redo_missing)}

    def _stands(self, done: Done, redo_missing: bool) -> bool:
        try:
            status = os.lstat(os.path.join(self._to, done.name))
        except FileNotFoundError:
            return not redo_missing
        except OSError:
            return False
        return status.st_size == done.size and status.st_mtime_ns == done.mtime_ns

    async def _recorded(self) -> dict[str, Done]:
        async with await Record.open(self._record, origin=None) as record:
            return {
                row.identity: Done(row.identity, row.name, row.size or 0, row.mtime_ns or 0, row.sha256, row.proof)
                async for row in record.rows(self._folder, "done")
                if row.name is not None
            }

    def finish(self, done: Mapping[str, Done]) -> None:
        """Compact the table, write SHA256SUMS, and take the rows into the record of exports without a cluster."""
        self._table.compact()
        sums = [(row.sha256, row.name) for row in done.values() if row.sha256 is not None]
        self._portal.call(self._destination.write_sums, sums)
        with suppress(ConfigError):  # on a network file system there is no such record; the table is enough
            self._portal.call(self._record_all, list(done.values()))

    async def _record_all(self, done: Sequence[Done]) -> None:
        async with await Record.open(self._record, origin=self._origin) as record:
            for start in range(0, len(done), TOGETHER):
                rows = [_row(each) for each in done[start : start + TOGETHER]]
                await asyncio.gather(*(record.take(row) for row in rows), return_exceptions=True)


def _row(done: Done) -> Row:
    """Return the record's row; the folder is that of the record itself."""
    return Row(
        done.package, ".", "done", done.name, size=done.size, mtime_ns=done.mtime_ns, sha256=done.sha256,
        proof=done.proof, container=done.container, finished_at=done.mtime_ns / 1e9,
    )  # fmt: skip
