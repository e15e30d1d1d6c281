"""The table of finished packages beside the data: NDJSON objects below `.pixxel/done`, in a folder or object store."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import obstore
from attrs import asdict, frozen

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Store

    from ...events import ProofKind

PREFIX = ".pixxel/done/"


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

    An object is written whole or not at all, so that no reader sees half a row. A row may stand in two objects.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, rows: Iterable[Done]) -> None:
        """Write rows as one new object; nothing for no rows."""
        lines = [json.dumps(asdict(row), separators=(",", ":")) for row in rows]
        if lines:
            name = f"{PREFIX}{secrets.token_hex(8)}.ndjson"
            obstore.put(self._store, name, "\n".join([*lines, ""]).encode(), use_multipart=False)

    def read(self) -> dict[str, Done]:
        """Return all rows by package; lines that cannot be read are skipped, and their packages looked at again."""
        return {row.package: row for name in self._names() for row in self._rows(name)}

    def compact(self) -> None:
        """Replace the objects by one; a crash in between leaves rows twice, never none."""
        names = list(self._names())
        if len(names) > 1:
            self.append({row.package: row for name in names for row in self._rows(name)}.values())
            obstore.delete(self._store, names)

    def _names(self) -> Iterator[str]:
        for page in obstore.list(self._store, PREFIX):
            for meta in page:
                if meta["path"].endswith(".ndjson"):
                    yield meta["path"]

    def _rows(self, name: str) -> Iterator[Done]:
        for line in bytes(obstore.get(self._store, name).bytes()).splitlines():
            try:
                found: dict[str, Any] = json.loads(line)
                yield Done(**found)
            except (ValueError, TypeError):
                continue
