"""The table of finished packages beside the data: NDJSON objects below `.pixxel/done`, in a folder or object store."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import obstore
from attrs import asdict, frozen

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Store

    from ...events import ProofKind

PREFIX = ".pixxel/done/"
_COMPACTED = "all-"
"""Prefix of the name of an object that the coordinator has written: its rows are in the record and in SHA256SUMS."""
_READERS = 16
"""Objects that are read at the same time."""


@frozen
class Done:
    """A finished package.

    Attributes:
        package: text form.
        name: path below the destination.
        size: bytes.
        mtime_ns: modification time in nanoseconds since 1970, as the destination shows it.
        sha256: hex digest; None without checksum.
        proof, container: as of the record's rows.
    """

    package: str
    name: str
    size: int
    mtime_ns: int
    sha256: str | None = None
    proof: ProofKind | None = None
    container: str | None = None


class DoneTable:
    """Append-only table; many workers append, the coordinator reads and compacts.

    An object is written whole or not at all, so that no reader sees half a row. Of rows of the same package the one of
    the latest file counts.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, rows: Iterable[Done], *, prefix: str = "") -> None:
        """Write rows as one new object; nothing for no rows."""
        lines = [json.dumps(asdict(row), separators=(",", ":")) for row in rows]
        if lines:
            name = f"{PREFIX}{prefix}{secrets.token_hex(8)}.ndjson"
            obstore.put(self._store, name, "\n".join([*lines, ""]).encode(), use_multipart=False)

    def read(self) -> tuple[dict[str, Done], dict[str, Done]]:
        """Return all rows by package, and those of them that were not compacted yet.

        Lines that cannot be read are skipped, and their packages looked at again.
        """
        names = self._names()
        rows: dict[str, Done] = {}
        fresh: dict[str, Done] = {}
        with ThreadPoolExecutor(_READERS) as threads:  # a request to an object store takes tens of milliseconds
            for name, table in zip(names, threads.map(self._rows, names), strict=True):
                for row in table:
                    if row.package not in rows or row.mtime_ns >= rows[row.package].mtime_ns:
                        rows[row.package] = row
                        if not name.startswith(PREFIX + _COMPACTED):
                            fresh[row.package] = row
        return rows, fresh

    def compact(self) -> None:
        """Replace the objects by one; a crash in between leaves rows twice, never none."""
        names = self._names()
        if len(names) > 1 or not all(name.startswith(PREFIX + _COMPACTED) for name in names):
            self.append(self.read()[0].values(), prefix=_COMPACTED)
            obstore.delete(self._store, names)

    def _names(self) -> list[str]:
        pages = obstore.list(self._store, PREFIX)
        return [meta["path"] for page in pages for meta in page if meta["path"].endswith(".ndjson")]

    def _rows(self, name: str) -> list[Done]:
        rows = []
        with suppress(FileNotFoundError):  # another coordinator has compacted the table
            for line in bytes(obstore.get(self._store, name).bytes()).splitlines():
                with suppress(ValueError, TypeError):
                    rows.append(Done(**json.loads(line)))
        return rows
