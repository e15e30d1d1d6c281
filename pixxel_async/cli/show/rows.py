"""Write rows to stdout as a table, JSON, NDJSON, CSV or GeoJSON, one at a time."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import IO, Any, Literal

from ..text import display_width, format_time, printable, shorten

OutputFormat = Literal["table", "json", "ndjson", "csv", "geojson", "stac"]
FORMATS: tuple[OutputFormat, ...] = ("table", "json", "ndjson", "csv")
"""The formats of every command; GeoJSON and STAC are for rows with a geometry."""

OutputRow = Mapping[str, object]

_GAP = "  "
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-")
_NARROWEST_ID = 11
_NARROWEST = 6
"""Minimum width of a narrowed column."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters of a cell that spreadsheets evaluate as a formula."""
_BLOCK = 200
"""Rows of a table that determine the widths of its columns."""


def create_writer(
    form: OutputFormat, columns: Sequence[str], stream: IO[str], *, before: Callable[[], object] | None = None
) -> Rows:
    """Create the writer of a format.

    Args:
        form: `table`, `json`, `ndjson`, `csv`, `geojson` for rows with a `geometry`, or `stac` for STAC items.
        columns: members of a row to write, in order; empty, for JSON: all of them.
        stream: output stream; flushed after each row, so that a reader sees it at once.
        before: called before each write, to clear progress bars.
    """
    kinds: dict[OutputFormat, type[Rows]] = {
        "table": Table,
        "json": Array,
        "ndjson": Rows,
        "csv": CSV,
        "geojson": Features,
        "stac": Items,
    }
    return kinds[form](columns, stream, before)


def show(form: OutputFormat, columns: Sequence[str], rows: Sequence[OutputRow], stream: IO[str]) -> None:
    """Write all rows at once."""
    out = create_writer(form, columns, stream)
    for row in rows:
        out.add(row)
    out.end()


class Rows:
    """NDJSON: one JSON object a line; also the base class of the other formats."""

    blank = False
    """True if nothing at all was written: a table without rows."""

    def __init__(self, columns: Sequence[str], stream: IO[str], before: Callable[[], object] | None = None) -> None:
        self.columns = tuple(columns)
        self._stream = stream
        self._before = before or (lambda: None)

    def add(self, row: OutputRow) -> None:
        """Write one row; raises `BrokenPipeError` when the reader closed the stream."""
        self._write_row(_encode(row, self.columns) + "\n")

    def end(self) -> None:
        """Write the end of the document."""

    def _write_row(self, text: str) -> None:
        self._before()
        self._stream.write(text)
        self._stream.flush()


class Array(Rows):
    """One JSON array."""

    _open = "["

    def add(self, row: OutputRow) -> None:
        self._write_row(f"{self._open}\n{_encode(row, self.columns)}")
        self._open = ","

    def end(self) -> None:
        self._write_row("[]\n" if self._open == "[" else "\n]\n")


class Features(Rows):
    """One GeoJSON FeatureCollection: the row's `geometry` or null, the columns as properties."""

    _open = '{"type": "FeatureCollection", "features": ['

    def add(self, row: OutputRow) -> None:
        geometry = json.dumps(row.get("geometry"))
        columns = self.columns or [name for name in row if name != "geometry"]
        self._write_feature(f'{{"type": "Feature", "geometry": {geometry}, "properties": {_encode(row, columns)}}}')

    def _write_feature(self, feature: str) -> None:
        self._write_row(f"{self._open}\n{feature}")
        self._open = ","

    def end(self) -> None:
        self._write_row("\n]}\n" if self._open == "," else f"{self._open}]}}\n")


class Items(Features):
    """One STAC item collection; each row is an item."""

    def add(self, row: OutputRow) -> None:
        self._write_feature(_encode(row, ()))


class CSV(Rows):
    """CSV with a header; control characters and line breaks in cells are escaped.

    A column `a.b` is member `b` of the object `a`. A text that a spreadsheet would evaluate is prefixed by an
    apostrophe, which manifests drop again; numbers are left as they are.
    """

    _has_header = False

    def add(self, row: OutputRow) -> None:
        self._write_header()
        self._write_line([_csv_cell(_member(row, name)) for name in self.columns])

    def end(self) -> None:
        self._write_header()

    def _write_header(self) -> None:
        if not self._has_header:
            self._has_header = True
            self._write_line(self.columns)

    def _write_line(self, cells: Sequence[str]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        self._write_row(text.getvalue())


class Table(Rows):
    """Aligned columns; the first block of rows determines the widths, so that memory stays bounded.

    On a terminal a row fits on one line: the widest columns are narrowed, and long cells are shortened in the middle.
    """

    def __init__(self, columns: Sequence[str], stream: IO[str], before: Callable[[], object] | None = None) -> None:
        super().__init__(columns, stream, before)
        self._block: list[list[str]] = []
        self._widths: list[int] = []
        self._limit = shutil.get_terminal_size().columns if stream.isatty() else None
        self.blank = True

    def add(self, row: OutputRow) -> None:
        self.blank = False
        self._block.append([_table_cell(_member(row, name)) for name in self.columns])
        if len(self._block) >= _BLOCK:
            self._write()

    def end(self) -> None:
        self._write()

    def _write(self) -> None:
        block, self._block = self._block, []
        if not self._widths and block:
            block.insert(0, list(map(_heading, self.columns)))
            widths = [max(map(display_width, column)) for column in zip(*block, strict=True)]
            ids = [any(map(_ID.search, column)) for column in zip(*block[1:], strict=True)]
            self._widths = widths if self._limit is None else fit_widths(widths, ids, self._limit)
        self._write_row("".join(self._format_line(cells) for cells in block))

    def _format_line(self, cells: Sequence[str]) -> str:
        if self._limit is not None:
            cells = [shorten(cell, width) for cell, width in zip(cells, self._widths, strict=True)]
        padded = (cell + " " * (width - display_width(cell)) for cell, width in zip(cells, self._widths, strict=True))
        return _GAP.join(padded).rstrip() + "\n"


def fit_widths(widths: Sequence[int], ids: Sequence[bool], limit: int) -> list[int]:
    """Narrow columns until a row, gaps included, has at most `limit` cells.

    Columns of ids are narrowed first, the widest by one cell at a time, down to `_NARROWEST_ID`; then all columns, down
    to `_NARROWEST`.

    Args:
        ids: whether a column holds ids, for each column.
    """
    fitted = list(widths)
    surplus = sum(fitted) + len(_GAP) * (len(fitted) - 1) - limit
    for chosen, least in ((ids, _NARROWEST_ID), ([True] * len(fitted), _NARROWEST)):
        while surplus > 0:
            widest = max(
                (width if choose else 0, at) for at, (width, choose) in enumerate(zip(fitted, chosen, strict=True))
            )
            if widest[0] <= least:
                break
            fitted[widest[1]] -= 1
            surplus -= 1
    return fitted


def _encode(row: OutputRow, columns: Sequence[str]) -> str:
    return json.dumps({name: _to_plain(row.get(name)) for name in columns or row}, default=str)


def _to_plain(value: object) -> Any:
    return format_time(value) if isinstance(value, datetime) else value


def _cell(value: object) -> str:
    if value is None:
        return ""
    value = _to_plain(value)
    return printable(value if isinstance(value, str) else json.dumps(value, default=str))


def _member(row: OutputRow, name: str) -> Any:
    """Return a member of a row; `a.b` is member `b` of the object `a`, unless the row has a member of that name."""
    if name in row or "." not in name:
        return row.get(name)
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _heading(name: str) -> str:
    """Return the heading of a column: its last part, without the prefix of a STAC extension."""
    return name.rpartition(".")[2].rpartition(":")[2].upper().replace("_", " ")


def _table_cell(value: object) -> str:
    """Format a cell; of a list of named objects the names."""
    if isinstance(value, list) and value and all(isinstance(each, Mapping) and each.get("name") for each in value):
        value = ", ".join(str(each["name"]) for each in value)
    return _cell(value)


def _csv_cell(value: object) -> str:
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        value = ",".join(map(str, value))
    cell = _cell(value)
    return f"'{cell}" if isinstance(value, str) and cell.startswith(_FORMULA) else cell
