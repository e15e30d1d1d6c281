"""Reading what people hand over as a package: the package itself, its text form, or a row of a listing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from attrs import frozen

from ..._redact import masked
from ...errors import ConfigError
from ...models import Asset, Catalog, Insight, Job, JobTask, OrderItem
from ...waiting import verdict
from .kinds import KINDS
from .package import Package

_NOTHING: Mapping[str, Any] = MappingProxyType({})
"""One for all packages that come without a row."""


@frozen
class Wanted:
    """A package with what its row tells.

    Attributes:
        fields: what a name template may use, beside the package's own ids.
        ended: whether the work behind it has ended; None when that is not known.
        name: a name of its own, below the folder and without suffix; None: by the template.
    """

    package: Package
    fields: Mapping[str, Any] = _NOTHING
    ended: bool | None = None
    name: str | None = None


PackageLike = Package | Job | JobTask | Insight | Asset | Catalog | OrderItem | str | Wanted
"""What may be handed over where a package is meant."""


def parse_package(text: str) -> Package:
    """The package that `str(package)` wrote.

    Raises:
        ConfigError: no such kind, or not the ids that it needs; the text says which there are.
    """
    word, colon, ids = text.strip().partition(":")
    kind = KINDS.get(word)
    if kind is None or not colon:
        *known, last = (f"{each}:" for each in KINDS if each != "link")
        raise ConfigError(f"{masked(text)[:200]!r} is no package: it must begin with {', '.join(known)} or {last}")
    return kind.read(ids)


def as_package(given: object) -> Package:
    """The package that a package, a row, a text or a `Wanted` names; raises `ConfigError`."""
    return wanted(given).package


def wanted(given: object, blank: Mapping[str, Any] = _NOTHING) -> Wanted:
    """The same, with what else the row tells.

    Args:
        blank: fields of a row that does not tell them.
    """
    if isinstance(given, Wanted):
        return given
    row: Any = type(given)
    if (found := _kind_of(row)) is not None:
        return _from_row(*found, given, blank)
    if isinstance(given, Package):
        return Wanted(given)
    if isinstance(given, str):
        return Wanted(parse_package(given))
    rows = ", ".join(row.__name__ for kind in KINDS.values() for row in kind.rows)
    raise ConfigError(f"{type(given).__name__} names no package; give a package, a row ({rows}), or text")


@cache
def _kind_of(row: type[Any]) -> tuple[type[Package], Mapping[str, str]] | None:
    """The kind that rows of a class name, and which of their members holds which id; None when they name none."""
    found = ((kind, ids) for kind in KINDS.values() for known, ids in kind.rows.items() if issubclass(row, known))
    return next(found, None)


def _from_row(kind: type[Package], members: Mapping[str, str], row: object, blank: Mapping[str, Any]) -> Wanted:
    ids: dict[str, Any] = {name: getattr(row, member, None) for name, member in members.items()}
    if not all(ids.values()):
        missing = [members[name] for name, value in ids.items() if not value]
        raise ConfigError(f"this {type(row).__name__} names no package: its {' and '.join(missing)} is missing")
    fields = dict(blank)
    for name, member in kind.row_fields.items():
        value = getattr(row, member, None)
        if value is not None and value != "":
            fields[name] = value
    status = fields.get("status")
    return Wanted(kind(**ids), fields, None if status is None else verdict(status) != "going")
