"""One row of the record: its columns (one is about unpacked files), its checksum, and which rows are trusted."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from attrs import frozen

from ..._formats.name_encoding import from_native, to_native
from ...errors import ConfigError
from ...events import ProofKind
from ..rules.file_names import is_below

__all__ = [
    "COLUMNS",
    "HEAD",
    "Claim",
    "Extracted",
    "Row",
    "RowChange",
    "RowState",
    "blank",
    "from_columns",
    "from_head",
    "seal",
    "to_columns",
    "trusted",
    "trusted_head",
]

RowState = Literal["waiting", "streaming", "publishing", "done", "failed", "given_up"]

STATES = frozenset({"waiting", "streaming", "publishing", "done", "failed", "given_up"})
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"'<>]*")


class Row(NamedTuple):
    """The record of one package in one folder; a tuple, since 100,000 of them are read at once.

    Attributes:
        identity: the package's text form.
        folder: as the record keeps it: relative to the record's own folder where it lies in it, else absolute.
        state: how far it is.
        name: final path below the folder, once it has one.
        part: path of the part file below the folder.
        size, mtime_ns: of the proved file, from "publishing" on.
        sha256: hex digest of the file; None when none was wanted.
        proof: how it was proved.
        container: format of its bytes.
        etag, last_modified, total: validators and length that the storage announced for the bytes in the part file.
        server_name: the name that the server gave the file; for people only.
        download_id: the id of a package requested by POST.
        error, error_kind: message and class name of the last failure.
        retryable: whether the last failure may be temporary.
        runs: failures that count towards giving up.
        counted_at: when the last of them was counted, in seconds since 1970.
        synced: bytes of the part file that were synced (fsync) when this was written.
        boot: the machine's start when the part file was last worked on.
        updated_at, finished_at: seconds since 1970.
        asked_at, started_at: when the run that fetched it sent its first request, and began to stream it.
        fields: values for name templates.
        regions: which parts of the part file are filled, as JSON, where a body comes in several streams.
        extracted: unpacked members and their folder, as JSON.
    """

    identity: str
    folder: str
    state: RowState = "waiting"
    name: str | None = None
    part: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    sha256: str | None = None
    proof: ProofKind | None = None
    container: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    total: int | None = None
    server_name: str | None = None
    download_id: str | None = None
    error: str | None = None
    error_kind: str | None = None
    retryable: bool = False
    runs: int = 0
    synced: int = 0
    boot: str = ""
    updated_at: float = 0.0
    finished_at: float | None = None
    asked_at: float | None = None
    started_at: float | None = None
    fields: Mapping[str, Any] = _NOTHING
    regions: str | None = None
    extracted: str | None = None
    counted_at: float | None = None


class RowChange(NamedTuple):
    """A change of one row, or a new row.

    Attributes:
        identity, folder: of the row.
        columns: fields of `Row` and their new values.
        release: whether the lease is released in the same commit.
        leased: whether the row is changed only under our own lease (fencing).
    """

    identity: str
    folder: Path
    columns: Mapping[str, Any]
    release: bool = False
    leased: bool = False


@frozen
class Claim:
    """A package that is now this process's own until it is released.

    Attributes:
        row: the row when it was claimed.
        took_over: whether a process that is dead held it before.
        same_boot: whether the machine has run on since its part file was last worked on.
        decision: the answer of the caller's `decide`; None without one.
    """

    row: Row
    took_over: bool = False
    same_boot: bool = True
    decision: Any = None


COLUMNS: tuple[str, ...] = Row._fields
"""Fields of `Row` in order; the database has a column of each name."""
HEAD = COLUMNS[: COLUMNS.index("sha256") + 1]
"""The first columns: enough to skip a package that is done."""
_KNOWN = frozenset(COLUMNS)
_BLANK_REST = Row("", "")[len(HEAD) :]
_REST = len(HEAD)
_NAME, _PART = COLUMNS.index("name"), COLUMNS.index("part")
_RETRYABLE = COLUMNS.index("retryable")
_FIELDS = COLUMNS.index("fields")
_JSON = json.JSONDecoder()


def trusted_head(values: Sequence[Any], sealed: int | None) -> bool:
    """Return whether the `HEAD` of a row has its checksum, and only paths that stay below the folder."""
    return isinstance(sealed, int) and sealed >> 32 == _head_crc(values) and _paths_below(values[_NAME], values[_PART])


def _paths_below(name: str | None, part: str | None) -> bool:
    return (name is None or is_below(name)) and (part is None or (is_below(part) and part.endswith(".part")))


def _without_urls(value: object) -> str:
    text = str(value)
    return _URL.sub("(link)", text) if "://" in text else text


_CONVERTERS: Mapping[str, Callable[[Any], int | float | str]] = {
    **dict.fromkeys(COLUMNS, _without_urls),
    **dict.fromkeys(("name", "part"), lambda path: _without_urls(from_native(path))),
    **dict.fromkeys(("size", "mtime_ns", "total", "retryable", "runs", "synced"), int),
    **dict.fromkeys(("updated_at", "finished_at", "asked_at", "started_at", "counted_at"), float),
    "fields": lambda fields: _without_urls(json.dumps(dict(fields), default=str, sort_keys=True)),
}
"""From a field to its column: numbers as the database returns them, since the checksum is over values as read back."""


def to_columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Convert changes of a row to what the database keeps: no URL in any text, `fields` as JSON.

    Raises:
        ConfigError: a field or a state that rows do not have.
    """
    if unknown := changes.keys() - _KNOWN:
        raise ConfigError(f"rows of the record have no {', '.join(sorted(unknown))}")
    if changes.get("state", "waiting") not in STATES:
        raise ConfigError(f"{changes['state']!r} is no state of a row")
    return {name: value if value is None else _CONVERTERS[name](value) for name, value in changes.items()}


def blank(identity: str, folder: str) -> dict[str, Any]:
    """Return the columns of a row without any fact."""
    return {**_BLANK, "identity": identity, "folder": folder}


def from_columns(values: Sequence[Any], *, fields: bool = True) -> Row:
    """Build a row from its columns, in the order of `COLUMNS`; without `fields` these are left out, which is faster."""
    row = list(values)
    row[_RETRYABLE] = bool(row[_RETRYABLE])
    if row[_NAME] is not None:
        row[_NAME] = to_native(row[_NAME])
    if row[_PART] is not None:
        row[_PART] = to_native(row[_PART])
    text = row[_FIELDS]
    row[_FIELDS] = _JSON.raw_decode(text)[0] if fields and text != "{}" else {}
    return Row._make(row)


def from_head(values: Sequence[Any]) -> Row:
    """Build the row of a finished package from its `HEAD` alone; the other columns are blank."""
    row = Row._make((*values, *_BLANK_REST))
    return row if row.name is None or row.name.isascii() else row._replace(name=to_native(row.name))


def seal(values: Sequence[Any]) -> int:
    """Return the checksum of a row, so that a bit that flipped on the disk never makes a package done.

    It is crc32(HEAD columns) mod 2^31 in the upper half and crc32(other columns) in the lower half of 63 bits, so that
    the head of a row can be read and checked alone.
    """
    return _head_crc(values[:_REST]) << 32 | zlib.crc32(ascii(tuple(values[_REST:])).encode())


def _head_crc(head: Sequence[Any]) -> int:
    return zlib.crc32(ascii(tuple(head)).encode()) & 0x7FFFFFFF


def trusted(values: Sequence[Any], sealed: int | None) -> bool:
    """Return whether a row has its checksum, and only paths that stay below the folder."""
    return isinstance(sealed, int) and sealed == seal(values) and _paths_below(values[_NAME], values[_PART])


_BLANK = to_columns({name: getattr(Row("", ""), name) for name in COLUMNS})


class Extracted(NamedTuple):
    """State of a package's unpacked folder, kept as JSON.

    Attributes:
        folder: its name, relative to the manager's folder.
        kept: whether the archive stays.
        whole: whether the folder has been filled; False from the announcement until then.
    """

    folder: str
    kept: bool = True
    whole: bool = False

    @classmethod
    def read(cls, text: str | None) -> Extracted | None:
        """Parse the record's text; None if it is malformed or its folder would leave the manager's folder."""
        if not text:
            return None
        try:
            members = json.loads(text)
            read = cls(to_native(str(members["folder"])), bool(members["kept"]), bool(members["whole"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        return read if is_below(read.folder) else None

    def text(self) -> str:
        """Return it as JSON for the record."""
        return json.dumps(self._replace(folder=from_native(self.folder))._asdict())
