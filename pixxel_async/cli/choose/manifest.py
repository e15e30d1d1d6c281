"""Read manifests: the packages to fetch, as CSV with a header, NDJSON or a JSON array.

A row names its package by `package` (the text form, `job:W/J`) or by the ids of one kind (`workflow_id`, `job_id`, …);
lists such as `asset_ids` are comma-separated, in JSON they may be arrays. `name` is optional: the file's name below the
folder, without suffix. Other columns are ignored, so that the output of `pixxel jobs` and `pixxel list` is a manifest.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from itertools import chain
from typing import Any

from ...errors import ConfigError
from ...packages import KINDS, Package, PackageEntry, parse_package
from .text_file import is_text, open_text

LINE_LIMIT = 1 << 20
"""Maximum characters of a line."""
ARRAY_LIMIT = 256 << 20
"""Maximum characters of a JSON array, which is read into memory; NDJSON has no limit."""

_SPACE = re.compile(r"[ \t\r\n]*")
_DELIMITERS = ",;\t|"
_KINDS = [kind for kind in KINDS.values() if kind.rows]
"""Kinds whose ids appear in listings; the others are named by their text form."""
_NAMES = {name for kind in _KINDS for name in (*kind.names(), *kind.lists())}
_LISTS = {name for kind in _KINDS for name in kind.lists()}
_NEEDED = "`package`, or the ids of one kind by their names, such as `workflow_id` and `job_id`"
_MOST_NAMED = 12
"""Maximum columns listed in an error."""

_Line = tuple[int, Mapping[str, Any]]
"""A line's number and its members by name."""


@contextmanager
def open_manifest(path: str) -> Iterator[Iterator[str]]:
    """Open a manifest and yield its lines, at most `LINE_LIMIT` characters each; raises `ConfigError`.

    Args:
        path: path of a file or pipe in UTF-8 or UTF-16; `-` is stdin.
    """
    with open_text(path, "the manifest") as text:
        yield iter(lambda: text.readline(LINE_LIMIT), "")


def read_manifest(lines: Iterable[str]) -> Iterator[PackageEntry]:
    """Parse the packages of a manifest lazily, without duplicates.

    Args:
        lines: lines of the text, with any line end. The delimiter is that of a `sep=` line, or else one of comma,
            semicolon, tab and bar by which the header can be read.

    Raises:
        ConfigError: an unusable line; the message begins with its number, counted from 1.
    """
    line_numbers: dict[bytes, int] = {}
    names: dict[int, str] = {}
    for number, members in _read_members(lines):
        try:
            item = PackageEntry(_parse_package(members), name=_text(members, "name") or None)
        except ConfigError as error:
            raise _line_error(number, str(error)) from None
        # a digest: a million text forms would take 100 MB
        first = line_numbers.setdefault(sha256(str(item.package).encode()).digest()[:16], number)
        if first == number:
            if item.name is not None:
                names[number] = item.name
            yield item
        elif names.get(first) != item.name:
            raise _line_error(number, f"{item.package} has another name on line {first}")


def _line_error(number: int, reason: str) -> ConfigError:
    return ConfigError(f"line {number} of the manifest: {reason}")


def _read_members(lines: Iterable[str]) -> Iterator[_Line]:
    numbered = ((number, _check_line(number, line)) for number, line in enumerate(lines, 1))
    first = next((each for each in numbered if each[1].strip()), None)
    if first is None:
        return iter(())
    rest = chain([first], numbered)
    match first[1].lstrip()[:1]:
        case "{":
            return _read_objects(rest)
        case "[":
            return _read_array(rest)
    return _read_table(rest)


def _check_line(number: int, line: str) -> str:
    line = line.removeprefix("\ufeff") if number == 1 else line
    if len(line) >= LINE_LIMIT:
        raise _line_error(number, f"longer than {LINE_LIMIT:,} characters")
    if not is_text(line):
        raise _line_error(number, "not UTF-8 or UTF-16 text; save it as CSV UTF-8")
    return line


def _read_objects(lines: Iterable[tuple[int, str]]) -> Iterator[_Line]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            members = json.loads(line)
        except (ValueError, RecursionError):
            members = None
        if not isinstance(members, dict):
            raise _line_error(number, "not a JSON object")
        yield number, members


def _read_array(lines: Iterable[tuple[int, str]]) -> Iterator[_Line]:
    """Decode the objects of a JSON array one after another, each with the number of the line on which it begins."""
    texts: list[str] = []
    length, first = 0, 1
    for number, line in lines:
        first = first if texts else number
        texts.append(line)
        length += len(line)
        if length > ARRAY_LIMIT:
            raise _line_error(number, f"a JSON array of more than {ARRAY_LIMIT:,} characters; write it as NDJSON")
    text, decoder = "".join(texts), json.JSONDecoder()
    position, counted, number = _skip(text, text.index("[") + 1), 0, first
    while text[position : position + 1] != "]":
        number += text.count("\n", counted, position)
        counted = position
        try:
            members, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            members = None
        if not isinstance(members, dict):
            raise _line_error(number, "not a JSON object, in a JSON array")
        yield number, members
        position = _skip(text, position)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
        elif text[position : position + 1] != "]":
            raise _line_error(number, "the JSON array breaks off after this object")
    if text[position + 1 :].strip():
        raise _line_error(number, "something follows the JSON array")


def _skip(text: str, position: int) -> int:
    """Return the position of the next character that is not JSON white space."""
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _read_table(lines: Iterator[tuple[int, str]]) -> Iterator[_Line]:
    first_number, first = next(lines)
    delimiter = None
    if first.strip().strip('"').lower().startswith("sep=") and len(first.strip().strip('"')) <= 5:
        # Excel's own hint; a tab may be stripped from the line's end
        delimiter = first.strip("\r\n").strip('"')[4:5] or "\t"
    else:
        lines = chain([(first_number, first)], lines)
        delimiter = _choose_delimiter(first)
    number = first_number

    def following() -> Iterator[str]:
        nonlocal number
        for number, line in lines:  # noqa: B007 - the errors below name it
            yield line

    reader = csv.reader(following(), strict=True, delimiter=delimiter)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(number, header, delimiter)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield number, _name_cells(number, header, cells, delimiter)
    except csv.Error as error:
        raise _line_error(number, f"{error} (columns separated by {delimiter!r})") from None


def _choose_delimiter(header: str) -> str:
    """Choose the delimiter by which the header names a package, else the one that occurs most."""
    for delimiter in _DELIMITERS:
        if _names_packages(_split(header, delimiter)):
            return delimiter
    return max(_DELIMITERS, key=header.count)


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:
        return []


def _names_packages(header: Collection[str]) -> bool:
    return "package" in header or any(_may_name(kind, header) for kind in _KINDS)


def _check_header(number: int, header: list[str], delimiter: str) -> None:
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise _line_error(number, f"the column {twice!r} comes twice")
    if not _names_packages(header):
        raise _line_error(number, f"a header is needed with {_NEEDED}; found {_describe_columns(header, delimiter)}")


def _describe_columns(header: list[str], delimiter: str) -> str:
    """Describe the columns and the delimiter found."""
    names = ", ".join(header[:_MOST_NAMED]) + (", …" if len(header) > _MOST_NAMED else "")
    if len(header) == 1:
        return f"one column, {names}"
    return f"{len(header)} columns separated by {delimiter!r}: {names}"


def _name_cells(number: int, header: list[str], cells: list[str], delimiter: str) -> dict[str, str]:
    """Name the cells of a row; missing last cells are empty, surplus cells must be empty."""
    if any(cell.strip() for cell in cells[len(header) :]):
        raise _line_error(number, f"{len(cells)} cells where the header has {_describe_columns(header, delimiter)}")
    cells += [""] * (len(header) - len(cells))
    return {name: _unquote(cell) for name, cell in zip(header, cells, strict=False)}


def _unquote(cell: str) -> str:
    """Remove the apostrophe by which our CSV keeps spreadsheets from evaluating a cell."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] and cell[1] in "=+-@\t\r" else cell


def _parse_package(members: Mapping[str, Any]) -> Package:
    text = _text(members, "package")
    if text:
        return parse_package(text)
    ids: dict[str, Any] = {name: value for name in members if name in _NAMES and (value := _parse_ids(members, name))}
    for kind in _KINDS:
        if _may_name(kind, ids) and ids.keys() <= {*kind.names(), *kind.lists()}:
            return kind(**ids)
    raise ConfigError(f"it needs {_NEEDED}")


def _may_name(kind: type[Package], names: Collection[str]) -> bool:
    """Return whether ids of these names can identify a package of the kind."""
    return {*kind.names()} <= {*names} and (bool(kind.names()) or not {*kind.lists()}.isdisjoint(names))


def _parse_ids(members: Mapping[str, Any], name: str) -> str | list[str]:
    """Return an id, or the ids of a comma-separated text or JSON array."""
    value = members.get(name)
    if name not in _LISTS:
        return _text(members, name)
    if not isinstance(value, list):
        return [id for part in _text(members, name).split(",") if (id := part.strip())]
    if not all(isinstance(each, str) for each in value):
        raise ConfigError(f"`{name}` may contain texts only")
    return value


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if value is None or isinstance(value, str):
        return (value or "").strip()
    raise ConfigError(f"`{name}` must be text, not {type(value).__name__}")
