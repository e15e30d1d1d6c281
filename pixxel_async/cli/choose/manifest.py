"""Manifests: the packages to fetch, one a line, as CSV with a header or as NDJSON.

A line names its package by `package` (the text form, `job:W/J`) or by the ids' own names (`workflow_id`, `job_id`, …);
lists such as `asset_ids` have commas between their ids, in NDJSON they may be arrays.
`name` is optional: the file's name below the folder, without suffix. Other members are left alone, so that what
`pixxel jobs` and `pixxel list` write as CSV or NDJSON can be read here.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from io import TextIOWrapper
from itertools import chain
from typing import Any, BinaryIO

from ...errors import ConfigError
from ...packages import KINDS, Package, Wanted, parse_package

LINE_LIMIT = 1 << 20
"""Characters of one line at most."""

_KINDS = [kind for kind in KINDS.values() if kind.rows]
"""Those whose ids stand in listings; the others are named by their text form."""
_NAMES = {name for kind in _KINDS for name in (*kind.names(), *kind.lists())}
_LISTS = {name for kind in _KINDS for name in kind.lists()}
_NEEDED = "`package`, or the ids of one kind by their names, such as `workflow_id` and `job_id`"

_Line = tuple[int, Mapping[str, Any]]
"""A line's number and its members by name."""


@contextmanager
def open_manifest(path: str) -> Iterator[Iterator[str]]:
    """The lines of a file, or of stdin for `-`, in bounded pieces; raises `ConfigError` if it cannot be opened."""
    raw = _opened(path)
    text = TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="")
    try:
        yield iter(lambda: text.readline(LINE_LIMIT), "")
    finally:
        text.detach()
        if path != "-":
            raw.close()


def _opened(path: str) -> BinaryIO:
    try:
        return sys.stdin.buffer if path == "-" else open(path, "rb")
    except OSError as error:
        raise ConfigError(f"cannot read the manifest {path}: {error.strerror}") from None


def read_manifest(lines: Iterable[str]) -> Iterator[Wanted]:
    """The packages of a manifest, each once, read as they are asked for.

    Args:
        lines: the text's lines; CRLF, a byte order mark and blank lines do no harm.

    Raises:
        ConfigError: a line cannot be used; the text begins with its number, counted from 1.
    """
    seen: dict[bytes, int] = {}
    names: dict[int, str] = {}
    for number, members in _members(lines):
        try:
            item = _item(members)
        except ConfigError as error:
            raise _bad(number, str(error)) from None
        first = seen.setdefault(_digest(item.package), number)
        if first == number:
            if item.name is not None:
                names[number] = item.name
            yield item
        elif names.get(first) != item.name:
            raise _bad(number, f"{item.package} has another name on line {first}")


def _bad(number: int, why: str) -> ConfigError:
    return ConfigError(f"line {number} of the manifest: {why}")


def _members(lines: Iterable[str]) -> Iterator[_Line]:
    numbered = ((number, _checked(number, line)) for number, line in enumerate(lines, 1))
    first = next((each for each in numbered if each[1].strip()), None)
    if first is None:
        return iter(())
    rest = chain([first], numbered)
    return _objects(rest) if first[1].lstrip().startswith("{") else _table(rest)


def _checked(number: int, line: str) -> str:
    line = line.removeprefix("\ufeff") if number == 1 else line
    if len(line) >= LINE_LIMIT:
        raise _bad(number, f"longer than {LINE_LIMIT:,} characters")
    if "\0" in line or any("\udc80" <= char <= "\udcff" for char in (() if line.isascii() else line)):
        raise _bad(number, "not UTF-8 text")
    return line


def _objects(lines: Iterable[tuple[int, str]]) -> Iterator[_Line]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            members = json.loads(line)
        except (ValueError, RecursionError):
            members = None
        if not isinstance(members, dict):
            raise _bad(number, "not a JSON object")
        yield number, members


def _table(lines: Iterator[tuple[int, str]]) -> Iterator[_Line]:
    number = 0

    def following() -> Iterator[str]:
        nonlocal number
        for number, line in lines:  # noqa: B007 - told to the errors below
            yield line

    reader = csv.reader(following(), strict=True)
    try:
        header = [cell.strip() for cell in next(reader)]
        _check_header(number, header)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield number, _named(number, header, cells)
    except csv.Error as error:
        raise _bad(number, str(error)) from None


def _check_header(number: int, header: list[str]) -> None:
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise _bad(number, f"the column {twice!r} comes twice")
    if "package" not in header and not any(_may_name(kind, header) for kind in _KINDS):
        raise _bad(number, f"a header is needed with {_NEEDED}")


def _named(number: int, header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(header):
        raise _bad(number, f"{len(cells)} cells where the header has {len(header)}")
    return dict(zip(header, cells, strict=True))


def _item(members: Mapping[str, Any]) -> Wanted:
    return Wanted(_package(members), name=_text(members, "name") or None)


def _package(members: Mapping[str, Any]) -> Package:
    text = _text(members, "package")
    if text:
        return parse_package(text)
    given: dict[str, Any] = {name: value for name in members if name in _NAMES and (value := _ids(members, name))}
    for kind in _KINDS:
        if _may_name(kind, given) and given.keys() <= {*kind.names(), *kind.lists()}:
            return kind(**given)
    raise ConfigError(f"it needs {_NEEDED}")


def _may_name(kind: type[Package], given: Collection[str]) -> bool:
    """Whether ids of these names can be those of a package of the kind."""
    return {*kind.names()} <= {*given} and (bool(kind.names()) or not {*kind.lists()}.isdisjoint(given))


def _ids(members: Mapping[str, Any], name: str) -> str | list[str]:
    """An id, or for a list the ids between commas or of a JSON array."""
    value = members.get(name)
    if name not in _LISTS:
        return _text(members, name)
    if not isinstance(value, list):
        return [id for part in _text(members, name).split(",") if (id := part.strip())]
    if not all(isinstance(each, str) for each in value):
        raise ConfigError(f"`{name}` must hold texts alone")
    return value


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if value is None or isinstance(value, str):
        return (value or "").strip()
    raise ConfigError(f"`{name}` must be text, not {type(value).__name__}")


def _digest(package: Package) -> bytes:
    """What tells packages apart, in a size that a million of them may have."""
    return blake2b(str(package).encode(), digest_size=16).digest()
