"""Convert arguments to packages: a package, its text form, or a row of a listing."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from attrs import frozen

from ... import models
from ..._redact import mask
from ...errors import ConfigError
from ...waiting import verdict
from .kinds import KINDS
from .package import Package

if TYPE_CHECKING:
    from ...models import Asset, Catalog, Insight, Job, JobTask, OrderItem

INSTEAD: Mapping[str, str] = {
    "Workflow": "its jobs: client.jobs.list(workflow.id)",
    "Project": "the jobs of its workflows: client.workflows.list(project_id=project.id)",
    "AOI": "its assets or insights: client.assets.list(aoi.aoi_id), client.insights.list(aoi.aoi_id)",
    "Order": "its items: client.order_items.list(order_ids=[order.id])",
    "JobRun": "f'job:{job.workflow_id}/{job.id}'",
    "STACItem": "what was ordered of it: client.catalogs.search(…)",
}
"""Rows that are not packages themselves, by class name, with the advice on what to fetch."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})
"""Shared by all packages that come without a row."""


@frozen
class PackageEntry:
    """A package with the fields of its row.

    Attributes:
        fields: fields for name templates, in addition to the package's ids.
        ended: whether the work that produces it has ended; None if unknown.
        name: path below the folder, without suffix; None to use the name template.
    """

    package: Package
    fields: Mapping[str, Any] = _NOTHING
    ended: bool | None = None
    name: str | None = None


PackageLike: TypeAlias = "Package | Job | JobTask | Insight | Asset | Catalog | OrderItem | str | PackageEntry"
"""Everything that is accepted where a package is expected."""


def parse_package(text: str) -> Package:
    """Parse a package's text form, as `str(package)` writes it.

    Raises:
        ConfigError: the kind is unknown or an id is missing; the message lists the kinds or shows the form.
    """
    word, colon, ids = text.strip().partition(":")
    kind = KINDS.get(word)
    if kind is None or not colon:
        *prefixes, last = (f"{each}:" for each in KINDS if each != "link")
        raise ConfigError(f"{mask(text)[:200]!r} is no package: it must begin with {', '.join(prefixes)} or {last}")
    return kind.read(ids)


def as_package(value: object) -> Package:
    """Return the package that a package, row, text or entry identifies; raise `ConfigError` for anything else."""
    return as_entry(value).package


def as_entry(value: object, blank: Mapping[str, Any] = _NOTHING) -> PackageEntry:
    """Return the package with the fields of its row; raise `ConfigError` if `value` identifies no package.

    Args:
        blank: defaults for fields that the row does not have.
    """
    if isinstance(value, PackageEntry):
        return value
    row: Any = type(value)
    if (identified := _kind_of(row)) is not None:
        return _from_row(*identified, value, blank)
    if isinstance(value, Package):
        return PackageEntry(value)
    if isinstance(value, str):
        return PackageEntry(parse_package(value))
    raise ConfigError(_no_package(value))


def _no_package(value: object) -> str:
    """Return the advice for a value that identifies no package."""
    name = value.__name__ if isinstance(value, type) else type(value).__name__
    if instead := INSTEAD.get(name):
        return f"a row of class {name} is no package: fetch {instead}"
    if isinstance(value, UUID):
        return f"the id {value} alone identifies no package: pass JobPackage(workflow_id=…, job_id=…) or 'job:W/J'"
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        return f"this {name} is no package yet: write `await` before the call"
    if isinstance(value, list | tuple | set):
        return f"a {name} is no package: `fetch_all` takes many of them, `fetch` a single one"
    rows = ", ".join(row for kind in KINDS.values() for row in kind.rows)
    return f"{name} identifies no package; pass a package, a row ({rows}), or text such as 'job:W/J'"


@cache
def _kind_of(row: type[Any]) -> tuple[type[Package], Mapping[str, str]] | None:
    """Return the kind of a row class, with id name → row member; None if its rows stand for no package."""
    names = {each.__name__ for each in row.__mro__ if each.__module__.startswith(f"{models.__name__}.")}
    kinds = ((kind, ids) for kind in KINDS.values() for name, ids in kind.rows.items() if name in names)
    return next(kinds, None)


def _from_row(kind: type[Package], members: Mapping[str, str], row: object, blank: Mapping[str, Any]) -> PackageEntry:
    ids: dict[str, Any] = {name: getattr(row, member, None) for name, member in members.items()}
    if not all(ids.values()):
        missing = [members[name] for name, value in ids.items() if not value]
        raise ConfigError(f"this {type(row).__name__} identifies no package: its {' and '.join(missing)} is missing")
    fields = dict(blank)
    for name, member in kind.row_fields.items():
        value = getattr(row, member, None)
        if value is not None and value != "":
            fields[name] = value
    status = fields.get("status")
    return PackageEntry(kind(**ids), fields, None if status is None else verdict(status) != "going")
