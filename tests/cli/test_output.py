"""Rows are written to stdout in four formats."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.cli.show.rows import FORMATS, create_writer, show
from pixxel_async.cli.text import display_width, format_seconds, format_size, printable, shorten
from pixxel_async.cli.values import parse_size

ROWS: list[dict[str, Any]] = [
    {"name": "a", "size": 1, "when": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)},
    {"name": None, "size": None, "extra": "not written"},
]
COLUMNS = ("name", "size", "when")


def written(form: Any, rows: list[dict[str, Any]], columns: tuple[str, ...] = COLUMNS) -> str:
    stream = io.StringIO()
    show(form, columns, rows, stream)
    return stream.getvalue()


def test_forms() -> None:
    """Each format has exactly the requested columns, in order."""
    assert written("table", ROWS) == (
        "NAME  SIZE  WHEN\n"  #
        "a     1     2026-01-02T03:04:05Z\n"
        "\n"
    )
    assert written("csv", ROWS) == "name,size,when\na,1,2026-01-02T03:04:05Z\n,,\n"
    expected = [
        {"name": "a", "size": 1, "when": "2026-01-02T03:04:05Z"},
        {"name": None, "size": None, "when": None},
    ]
    assert json.loads(written("json", ROWS)) == expected
    assert [json.loads(line) for line in written("ndjson", ROWS).splitlines()] == expected


@pytest.mark.parametrize(
    ("form", "expected"), [("table", ""), ("json", "[]\n"), ("ndjson", ""), ("csv", "name,size,when\n")]
)
def test_no_rows(form: Any, expected: str) -> None:
    """A listing without rows is still a valid document of its format."""
    assert written(form, []) == expected


@pytest.mark.parametrize("form", ["ndjson", "json", "csv"])
def test_rows_come_at_once(form: Any) -> None:
    """A row is written when it is added, not when the run ends."""
    stream = io.StringIO()
    create_writer(form, ("name",), stream).add({"name": "first"})

    assert "first" in stream.getvalue()


def test_long_table_is_not_held() -> None:
    """A table holds back at most one block of rows, which decides the column widths."""
    stream = io.StringIO()
    table = create_writer("table", ("name",), stream)
    for number in range(1000):
        table.add({"name": str(number)})

    assert stream.getvalue().count("\n") == 1001


hostile = st.text(alphabet=st.characters() | st.sampled_from("\x1b\r\n\x9b\x7f\u202e\u2028"), max_size=30)


@pytest.mark.fault("D-10")
@pytest.mark.slow
@given(hostile)
def test_control_characters_are_escaped(text: str) -> None:
    """No format prints a control, direction or line character from a server's text."""
    for form in FORMATS:
        lines = written(form, [{"name": text}], ("name",)).splitlines()

        assert lines == [printable(line) for line in lines]
        assert len(lines) == {"table": 2, "json": 3, "ndjson": 1, "csv": 2}[form]


@pytest.mark.slow
@given(st.lists(hostile, max_size=5))
def test_json_is_lossless(texts: list[str]) -> None:
    """JSON escapes control characters and loses no information."""
    rows = [{"name": text} for text in texts]

    assert json.loads(written("json", rows, ("name",))) == rows


@pytest.mark.slow
@given(st.lists(st.text(alphabet="ab,\"' é"), max_size=5))
def test_csv_reads_back(texts: list[str]) -> None:
    """CSV preserves commas and quotes in cells."""
    rows = [{"name": text, "size": 1} for text in texts]

    read = list(csv.DictReader(io.StringIO(written("csv", rows, ("name", "size")))))
    assert [row["name"] for row in read] == texts


@pytest.mark.fault("D-10")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é 漢", "plain é 漢"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\ud800", r"\ud800"),
    ],
)
def test_printable(text: str, expected: str) -> None:
    """Control, direction and line characters and lone surrogates are written as escapes."""
    assert printable(text) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"), (10**20, "100000.0 PB")],
)
def test_size(count: int, expected: str) -> None:
    """Sizes are decimal and never read `1000.0 kB`."""
    assert format_size(count) == expected


@pytest.mark.parametrize(("count", "expected"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (245, "4m05s"), (7380, "2h03m")])
def test_seconds(count: float, expected: str) -> None:
    """Durations have two units at most."""
    assert format_seconds(count) == expected


def test_geojson() -> None:
    """Rows become features with a geometry or null and the columns as properties; no rows give an empty collection."""
    point = {"type": "Point", "coordinates": [1.5, 2]}
    drawn = json.loads(written("geojson", [{**ROWS[0], "geometry": point}, ROWS[1]], ("name",)))

    assert [feature["geometry"] for feature in drawn["features"]] == [point, None]
    assert [feature["properties"] for feature in drawn["features"]] == [{"name": "a"}, {"name": None}]
    assert json.loads(written("geojson", [])) == {"type": "FeatureCollection", "features": []}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4096", 4096), ("500MB", 500_000_000), ("1.5 g", 1_500_000_000), ("2GiB", 2 << 30), ("7b", 7), ("3KiB", 3072)],
)
def test_amounts(text: str, expected: int) -> None:
    """Sizes are parsed into bytes, with decimal or binary units."""
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "MB", "-1", "1XB", "1 2", "inf"])
def test_no_amounts(text: str) -> None:
    """Text that is not a size is refused."""
    with pytest.raises(ValueError):
        parse_size(text)


class Terminal(io.StringIO):
    """A text stream whose isatty() is true."""

    def isatty(self) -> bool:
        return True


def test_a_terminals_rows_take_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a row fits on one line, with ids shortened in the middle; elsewhere cells are complete."""
    monkeypatch.setenv("COLUMNS", "60")
    row = {"id": "0004ab8d-0ad1-4d62-8a3f-fe18a7000e70", "name": "漢字" * 20, "status": "done", "note": "n" * 300}
    columns, stream = tuple(row), Terminal()
    show("table", columns, [row], stream)

    lines = stream.getvalue().splitlines()
    assert len(lines) == 2 and all(display_width(line) <= 60 for line in lines)
    assert lines[1].startswith("0004a") and "0e70  " in lines[1] and "…" in lines[1] and "done" in lines[1]
    assert row["note"] in written("table", [row], columns)


@pytest.mark.slow
@given(st.text(max_size=40), st.integers(1, 30))
def test_shortened(text: str, width: int) -> None:
    """shorten() returns at most `width` columns, and text that fits unchanged."""
    assert display_width(shorten(text, width)) <= width
    assert display_width(text) > width or shorten(text, width) == text


def test_csv_is_flat() -> None:
    """Column `a.b` is member `b` of object `a`; lists of texts or numbers are comma-separated."""
    row = {"id": "i", "properties": {"gsd": 30, "eo:cloud_cover": 5.5}, "bbox": [1, 2.5], "assets": [{"href": "h"}]}
    text = written("csv", [row], ("id", "properties.gsd", "properties.eo:cloud_cover", "missing.x", "bbox", "assets"))

    cells = next(iter(csv.DictReader(io.StringIO(text))))
    assert list(cells.values()) == ["i", "30", "5.5", "", "1,2.5", '[{"href": "h"}]']


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_csv_is_safe_for_spreadsheets(text: str) -> None:
    """A text that a spreadsheet would evaluate is prefixed with an apostrophe; numbers stay unchanged."""
    cells = list(csv.reader(io.StringIO(written("csv", [{"name": text, "size": -1}], ("name", "size")))))[1]

    assert cells[1] == "-1"
    assert cells[0].startswith("'") or cells[0].startswith("\\t")
