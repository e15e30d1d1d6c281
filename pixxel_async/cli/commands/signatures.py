"""Read the arguments and results of `client.<resource>` methods from their signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from os import PathLike
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from attrs import fields, frozen, has, resolve_types

from ...resources import OPERATIONS, RESOURCES

ArgumentKind = Literal["text", "whole", "number", "switch", "texts", "numbers", "area", "json"]

_SECTION = re.compile(r"^(Args|Returns|Raises|Note|Source):$", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+): ", re.MULTILINE)
_FIRST = ("id", "name", "status")
_DEPTH = 3
"""Maximum nesting of `flat_members`."""
_CHOSEN_BY = {
    "STACItem": ("id", "properties.datetime", "properties.eo:cloud_cover", "properties.gsd", "collection"),
    "Satellite": ("id", "name", "bands"),
}
"""Columns of a table for models whose rows are chosen by members other than their identifying scalars."""
_PLAIN: dict[Any, ArgumentKind] = {str: "text", datetime: "text", bool: "switch", int: "whole", float: "number"}
_LISTS: dict[Any, ArgumentKind] = {str: "texts", UUID: "texts", float: "numbers"}


@frozen
class CommandArgument:
    """Argument of a method.

    Attributes:
        kind: type of its command-line value; `area` for geometries, `json` for other objects.
        positional: passed without its name.
    """

    name: str
    kind: ArgumentKind
    positional: bool
    required: bool
    help: str


@frozen
class ResourceMethod:
    """Method of a resource.

    Attributes:
        resource, name: names of the client's and the resource's attributes.
        about: description, from the docstring.
        gives: class of its result, or of each row.
        listed: returns rows: a listing, a watch, or a list.
        paged: is a paginated listing, which may be cut short.
        paid: costs tokens.
    """

    resource: str
    name: str
    about: str
    arguments: tuple[CommandArgument, ...]
    gives: Any
    listed: bool
    paged: bool
    paid: bool


def method_names(resource: str) -> list[str]:
    """Return the names of a resource's methods, in the order of its class."""
    return [name for name, member in vars(RESOURCES[resource]).items() if not name.startswith("_") and callable(member)]


def describe(resource: str) -> str:
    """Return the one-line description of a resource."""
    return inspect.getdoc(RESOURCES[resource]) or ""


def read_method(resource: str, name: str) -> ResourceMethod:
    """Read a method's signature, type hints and docstring."""
    function = getattr(RESOURCES[resource], name)
    text, entries = _split_docstring(function)
    hints = get_type_hints(function)
    gives, inner = hints["return"], get_args(hints["return"])
    operation = OPERATIONS.get(f"{resource}.{name}")
    return ResourceMethod(
        resource,
        name,
        text,
        tuple(_read_arguments(function, hints, entries)),
        inner[0] if inner else gives,
        listed=bool(inner),
        paged=bool(inner) and get_origin(gives) not in (AsyncIterator, list),
        paid=operation is not None and operation.repeat == "paid",
    )


def _read_arguments(
    function: Callable[..., Any], hints: dict[str, Any], entries: dict[str, str]
) -> list[CommandArgument]:
    arguments = []
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        kind, required = _kind_of(hints[name]), parameter.default is parameter.empty
        positional = parameter.kind is parameter.POSITIONAL_OR_KEYWORD and kind not in ("area", "json")
        arguments.append(CommandArgument(name, kind, positional, required, entries.get(name, "")))
    return arguments


def _kind_of(hint: Any) -> ArgumentKind:
    """Return the kind of command-line value for a type hint."""
    options = _alternatives(hint)
    if any(get_origin(each) is PathLike for each in options):
        return "area"
    if str in options:  # beside it: the word class, a time, a UUID, a row with the id
        return "text"
    if all(isinstance(each, type) and each in _PLAIN for each in options):
        return _PLAIN[options[-1]]
    if len(options) == 1 and get_origin(options[0]) is Sequence:
        return _LISTS.get(_alternatives(get_args(options[0])[0])[-1], "json")
    return "json"


def table_members(model: Any) -> list[str]:
    """Return the members of a model for a table, by wire name: those that rows are chosen by, or else the scalars."""
    if chosen := _CHOSEN_BY.get(model.__name__):
        return list(chosen)
    names = [
        each.metadata.get("wire", each.name)
        for each in fields(resolve_types(model))
        if each.name != "extra" and not {"within", "lent"} & each.metadata.keys() and _is_short(each.type)
    ]
    return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))


def geometry_member(model: Any) -> str | None:
    """Return where a model has its GeoJSON geometry: `geometry`, `details.geometry`, or None."""
    names = set(flat_members(model))
    return next((name for name in ("geometry", "details.geometry") if f"{name}.coordinates" in names), None)


def flat_members(model: Any, prefix: str = "") -> list[str]:
    """Return all members of a model by wire name; those of a nested object as `object.member`."""
    names: list[str] = []
    for each in fields(resolve_types(model)):
        if each.name == "extra" or "lent" in each.metadata:
            continue
        name = prefix + (each.metadata.get("within") or each.metadata.get("wire", each.name))
        nested = [hint for hint in _alternatives(each.type) if has(hint)]
        if nested and prefix.count(".") < _DEPTH and "within" not in each.metadata:
            names += flat_members(nested[0], f"{name}.")
        else:
            names.append(name)
    return list(dict.fromkeys(names))


def _alternatives(hint: Any) -> list[Any]:
    """Return the types of a union other than None."""
    return [
        each for each in (get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)) if each is not NoneType
    ]


def _is_short(hint: Any) -> bool:
    options = _alternatives(hint)
    return all(isinstance(each, type) and issubclass(each, tuple(_PLAIN)) for each in options)


def _split_docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """Split the docstring into its description and the help of each argument."""
    head, *rest = _SECTION.split(inspect.getdoc(function) or "")
    sections = dict(zip(rest[::2], rest[1::2], strict=True))
    _, *entries = _ENTRY.split(sections.get("Args", ""))
    about = {name: " ".join(text.split()) for name, text in zip(entries[::2], entries[1::2], strict=True)}
    return head.strip(), about
