"""Serialization of Python values into JSON: members of models, and arguments of users."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Protocol, TypeAlias, get_args, runtime_checkable
from uuid import UUID

import attrs

from ...errors import ConfigError
from .reading.hooks import is_list, is_map, without_none
from .reading.scalars import write_time

Write = Callable[[Any], Any]


@runtime_checkable
class HasGeoInterface(Protocol):
    """Anything with a GeoJSON form: shapely, geopandas, our own models."""

    @property
    def __geo_interface__(self) -> Mapping[str, Any]:
        """The object as GeoJSON, in plain values."""
        ...


@runtime_checkable
class HasId(Protocol):
    """A row that has an id, such as a `Job`."""

    def to_dict(self) -> dict[str, Any]:
        """Return the members by wire name."""
        ...


Id: TypeAlias = str | HasId | UUID
"""Accepted types of an id: its text, a UUID, or the row that has it."""


def id_member(kind: type[Any]) -> str | None:
    """Return the member of a model that holds its id: `id`, or one named after it, as `aoi_id` of an AOI; else None."""
    names = ("id", f"{kind.__name__.lower()}_id", "download_id")
    return next((name for name in names if hasattr(kind, name)), None)


def id_of(value: Any, name: str = "id") -> Any:
    """Return the id in a row, or the text of a UUID; other values unchanged.

    Args:
        name: the argument that it is for; a member of this name is preferred, so that a `Job` is a `workflow_id`, too.
    """
    if isinstance(value, UUID):
        return str(value)
    if not hasattr(type(value), "to_dict"):
        return value
    member = name if hasattr(value, name) else id_member(type(value))
    return value if member is None else getattr(value, member)


def write_hook(kind: Any, name: str = "a list") -> Write | None:
    """Return the function that serializes a member of this type and name; None if it is JSON already."""
    kind = without_none(kind)
    if kind is dt.datetime:
        return to_wire
    if attrs.has(kind):
        return _write_model
    if is_list(kind):
        return _rows(name, write_hook(get_args(kind)[0]))
    if is_map(kind):
        return _write_each(write_hook(get_args(kind)[1]))
    return None


def _rows(name: str, write: Write | None) -> Write:
    def written(rows: Any) -> Any:
        if rows is None:
            return None
        as_list(name, rows)
        return [write(row) for row in rows] if write else rows

    return written


def _write_each(write: Write | None) -> Write | None:
    return write and (lambda rows: {name: write(row) for name, row in rows.items()})


def _write_model(value: Any) -> Any:
    return value.to_dict() if attrs.has(type(value)) else to_wire(value)


def to_wire(value: Any) -> Any:
    """Return a value as plain JSON values: models, words, times, GeoJSON-like objects, mappings, sequences, scalars.

    Raises:
        ConfigError: a value, at any depth, has no place in JSON; the text names its type.
    """
    kind = type(value)
    if kind is WireObject:
        return value
    if kind is list or kind is tuple:
        # The long ones are positions of a geometry, so two numbers are the fast path. `sum` is finite if both are.
        if len(value) <= 3 and all(type(each) is float for each in value) and math.isfinite(sum(value)):
            return list(value)
        return [each if type(each) in _EXACT else to_wire(each) for each in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, dt.date | UUID):
        return str(value)
    if attrs.has(type(value)) and hasattr(value, "to_dict"):
        return to_wire(value.to_dict())
    if isinstance(value, Mapping):
        return {_name(name): to_wire(each) for name, each in value.items()}
    if isinstance(value, HasGeoInterface):
        return to_wire(value.__geo_interface__)
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray | memoryview):
        return [to_wire(each) for each in value]
    raise ConfigError(f"cannot send {_describe(value)} as JSON")


class WireObject(dict[str, Any]):
    """A JSON object that was serialized already."""


_EXACT = frozenset({str, int, bool, type(None)})


def _moment(value: dt.datetime) -> str:
    if value.tzinfo is None:
        raise ConfigError(f"{value} has no time zone; say which, such as tzinfo=datetime.UTC")
    return write_time(value)


def _name(name: Any) -> str:
    if isinstance(name, str):
        return name
    raise ConfigError(f"cannot send a mapping whose keys are {type(name).__name__}; JSON needs texts")


def _describe(value: Any) -> str:
    return f"the number {value}" if isinstance(value, float) else f"a value of type {type(value).__name__}"


def to_body(members: Mapping[str, Any], *required: str) -> dict[str, Any]:
    """Return the members of a request as JSON: None is left out at the top, and sent as null further down.

    Args:
        required: names of members that may not be None.

    Raises:
        ConfigError: a value has no place in JSON, or a required one is None.
    """
    if missing := [name for name in required if members.get(name) is None]:
        raise ConfigError(f"{', '.join(missing)} may not be None")
    try:
        body = {name: to_wire(_ids(name, value)) for name, value in members.items() if value is not None}
    except RecursionError:
        raise ConfigError("cannot send as JSON a value that is nested too deeply, or contains itself") from None
    for name, value in body.items():
        if name in _FLAGS and not isinstance(value, bool):
            raise ConfigError(f"{name} is True or False, not {value!r}")
        if name in _NOT_EMPTY and not value:
            raise ConfigError(f"{name} is empty: there is nothing to order")
        check_time(name, value)
    return body


def _ids(name: str, value: Any) -> Any:
    """Return the ids that an argument named `…_id` or `…_ids` means; values of other arguments unchanged."""
    if name == "id" or name.endswith("_id"):
        return id_of(value, name)
    if name.endswith("_ids") and isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        return [id_of(each, name.removesuffix("s")) for each in value]
    return value


_FLAGS = frozenset({"dry_run"})
_NOT_EMPTY = frozenset({"order_items"})
_TIMES = frozenset({"created_at", "created_on", "updated_at", "start_date", "end_date", "datetime"})
"""Arguments that are times: a day, an instant, or an interval of two with `/` between them."""


def check_time(name: str, value: Any) -> None:
    """Refuse a text that is no time where the argument is one; other arguments pass.

    Raises:
        ConfigError: it is none.
    """
    if name not in _TIMES or not isinstance(value, str):
        return
    parts = value.split("/")
    try:
        for part in parts:
            if part not in ("", "..") or len(parts) != 2:
                dt.datetime.fromisoformat(part)
        if len(parts) > 2:
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"{name} is not a date: {value[:60]!r}; write 2024-05-27, 2024-05-27T06:50:00Z, or two with '/' between"
        ) from None


def as_list(name: str, value: Any) -> Any:
    """Return the value of an argument that takes a list; None stays None.

    Raises:
        ConfigError: it is a single text or mapping, which Python would take apart into letters or keys.
    """
    if isinstance(value, str | bytes | bytearray | Mapping) or attrs.has(type(value)):
        raise ConfigError(f"{name} takes a list: give [value], not a single {type(value).__name__}")
    return value


def rows_of(name: str, rows: Any, model: type[Any]) -> Any:
    """Return the objects of a list argument as mappings; None stays None.

    Args:
        name: name of the argument.
        rows: instances of `model`, or mappings with its members by wire name.

    Raises:
        ConfigError: no list, an element of another type, or one that lacks required members, which are all named.
    """
    as_list(name, rows)
    return rows and [_row(f"{name}[{number}]", row, model) for number, row in enumerate(rows)]


def _row(title: str, row: Any, model: type[Any]) -> dict[str, Any]:
    if isinstance(row, model):
        row = row.to_dict()
    if not isinstance(row, Mapping):
        raise ConfigError(f"{title} is a {model.__name__} or a mapping of its members, not {_describe(row)}")
    fields = {each.metadata.get("wire", each.name): each for each in attrs.fields(model)}
    needed = [name for name, each in fields.items() if each.default is attrs.NOTHING]
    if missing := [name for name in needed if row.get(name) in (None, "")]:
        raise ConfigError(f"{title} lacks {', '.join(missing)}; `{model.__name__}` describes each")
    for name, value in row.items():
        check_time(name, value)
    writes = {name: each.metadata["write"] for name, each in fields.items() if "write" in each.metadata}
    return {name: writes[name](value) if name in writes else value for name, value in row.items()}


def require_one(body: dict[str, Any], *names: str, each: str = "") -> dict[str, Any]:
    """Return the body if exactly one of the members is given; `each` names the list whose rows are checked instead.

    Raises:
        ConfigError: none, or more than one, is given.
    """
    for row in as_list(each, body.get(each, [None])) if each else [body]:
        present = [name for name in names if isinstance(row, dict) and row.get(name)]
        if len(present) != 1:
            raise ConfigError(f"give exactly one of {' and '.join(names)}, not {len(present)}")
    return body


def require_when(body: dict[str, Any], name: str, **condition: str) -> dict[str, Any]:
    """Return the body unless `name` is missing while the other member has that value.

    Raises:
        ConfigError: it is missing.
    """
    for condition_name, value in condition.items():
        if body.get(condition_name) == value and name not in body:
            raise ConfigError(f"{name} is needed when {condition_name} is {value!r}")
    return body
