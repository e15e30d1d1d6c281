"""What is done with a folder beside fetching into it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from ..packages import wanted
from .pending import Item, Terms
from .place import decide

if TYPE_CHECKING:
    from ..packages import Package
    from .tools import Tools

__all__ = ["Planned", "forget", "plan"]


@frozen
class Planned:
    """What would be done with a package.

    Attributes:
        step: `done`, `fetch`, `resume`, `prove`, `taken`, `given_up`, or another step of repair.
        offset: bytes that are here already, for `resume`.
    """

    package: Package
    step: str
    offset: int = 0


async def plan(tools: Tools, terms: Terms, packages: Iterable[object]) -> list[Planned]:
    """What would be done with these packages, from record and disk alone."""
    items = [Item(wanted(given), terms, 0.0) for given in packages]
    known = await tools.record.known([item.identity for item in items], terms.folder)
    rows = [known.get(item.identity) for item in items]
    decisions = await tools.threads.run(decide, items, rows, tools.disk, tools.record)
    return [
        Planned(item.package, decision.step, decision.offset) for item, decision in zip(items, decisions, strict=True)
    ]


async def forget(tools: Tools, folder: Path, identity: str, *, delete: bool) -> bool:
    """Remove a package from the record, and with `delete` its files; False when it was not in it."""
    row = await tools.record.get(identity, folder)
    if row is None:
        return False
    for name in (row.name, row.part) if delete else ():
        if name is not None:
            await tools.threads.run(tools.disk.remove, folder / name)
    return await tools.record.forget(identity, folder)
