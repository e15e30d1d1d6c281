"""Where an item lies: its names below the folder, its row, and what is to be done about what is there."""

from __future__ import annotations

import os
import posixpath
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, frozen

from ..._aio.shield import finish
from ...errors import NameTaken
from ..disk.final import Final
from ..record import Claim, Row
from ..record.extracted import Extracted
from ..rules.file_names import distinct, part_name, render, segment, with_suffix
from .rules.recovery import DONE, Decision, Known, recover, stands

if TYPE_CHECKING:
    from ...packages import Package, Wanted
    from ..disk.destination import Destination, Look
    from ..disk.disk import Disk
    from ..item import BatchContext, Item
    from ..services import ReadServices, Services

__all__ = ["ClaimedItem", "LeaseHeld", "claimed", "decide", "first_name", "url_of"]


class LeaseHeld(Exception):
    """Inside this package only: another process has the item."""


@define(eq=False)
class ClaimedItem:
    """One claimed item.

    Attributes:
        folder: where the part file is.
        destination: where the final file goes.
        row: what the record knew when it was claimed.
        name, part: of the final file and of the part file, relative to the folder.
        decision: what to do.
        held: whether it is this process's own; whoever gives it back earlier says so.
    """

    folder: Path
    destination: Destination
    row: Row
    name: str
    part: str
    decision: Decision
    held: bool = True

    @property
    def path(self) -> Path:
        """The final file, unless it is an object."""
        return self.folder / self.name

    @property
    def title(self) -> str:
        """The final file, as people are told of it."""
        return self.destination.title(self.name)

    def learn(self, **changes: Any) -> None:
        """The row has changed."""
        self.row = self.row._replace(**changes)


def first_name(wanted: Wanted, template: str | None) -> str:
    """The name of a package as it is known before its bytes are: with the suffix of what is promised or most likely."""
    if wanted.name is not None:
        bare = "/".join(segment(part) for part in wanted.name.split("/"))
    else:
        bare = render(wanted.package, template, wanted.fields)
    return with_suffix(bare, wanted.package.promised or "zip")


@asynccontextmanager
async def claimed(item: Item, tools: Services) -> AsyncIterator[ClaimedItem]:
    """The item's place, this process's own for the block; raises `LeaseHeld` when another process has it."""
    folder = item.terms.folder
    name = first_name(item.wanted, item.terms.settings.name)
    claim = await _claim(item, tools, name)
    place: ClaimedItem | None = None
    try:
        row = claim.row
        name = row.name or name
        part = row.part or _part(item.package, name)
        look = await item.terms.destination.looking([name])
        decide_one = _Deciding(item.terms, tools.disk, look, lost=tools.record.lost, revive=True)
        decision = await tools.threads.run(decide_one, row, name, part, claim.same_boot)
        place = ClaimedItem(folder, item.terms.destination, row, name, part, decision)
        yield place
    finally:
        if place is None or place.held:
            await finish(tools.record.release(item.identity, folder))


async def _claim(item: Item, tools: Services, name: str) -> Claim:
    folder = item.terms.folder
    try:
        claim = await tools.record.claim(item.identity, folder, name=name, part=_part(item.package, name))
    except NameTaken:
        name = distinct(name, item.package)
        claim = await tools.record.claim(item.identity, folder, name=name, part=_part(item.package, name))
    if claim is None:
        raise LeaseHeld
    return claim


def _part(package: Package, name: str) -> str:
    return posixpath.join(posixpath.dirname(name), part_name(package))


@frozen
class _Deciding:
    """Looks at the disk and decides; runs in a thread."""

    terms: BatchContext
    disk: Disk
    look: Look
    lost: bool
    revive: bool = False

    def __call__(self, row: Row | None, name: str, part: str, same_boot: bool) -> Decision:
        final, exists, if_missing = self._final(row, name), self.terms.settings.exists, self.terms.settings.if_missing
        if row is not None and row.state == "done" and stands(row.size, row.mtime_ns, final, exists, if_missing):
            return DONE  # as nearly all of very many are
        known = self._known(row, same_boot)
        over = known is None or known.state in ("done", "given_up")
        kept = None if over else self.disk.look(os.path.join(self.terms.folder, part))
        part_size = kept.size if kept is not None and kept.regular else None
        return recover(known, part_size, final, exists=exists, if_missing=if_missing, lost=self.lost)

    def _final(self, row: Row | None, name: str) -> Final | None:
        """What is at the final name; an archive whose files were unpacked instead of it is there while they are."""
        there = self.look(name)
        if there is not None or row is None or row.extracted is None:
            return there
        found = Extracted.read(row.extracted)
        instead = found is not None and found.whole and not found.kept
        if instead and found is not None and os.path.isdir(os.path.join(self.terms.folder, found.folder)):
            return Final(regular=True, size=row.size or 0, mtime_ns=row.mtime_ns or 0)
        return None

    def _known(self, row: Row | None, same_boot: bool) -> Known | None:
        """What the row says; a row that a claim has just begun says nothing."""
        if row is None or (row.state == "waiting" and row.total is None):
            return None
        ours = row.finished_at is not None
        known = Known(row.state, row.size, row.mtime_ns, row.total, row.synced, same_boot, row.regions, ours)
        return known._replace(state="failed") if self.revive and row.state == "given_up" else known


async def decide(
    wanted: Sequence[Wanted], rows: Sequence[Row | None], terms: BatchContext, sight: ReadServices
) -> list[Decision]:
    """What is to be done about each of these, all of one call, before anything is asked for.

    An object store is looked at only where what it holds makes a difference to what the record says.
    """
    names = [_name(*each, terms) for each in zip(wanted, rows, strict=True)]
    sure = terms.settings.if_missing == "redo" or terms.settings.exists == "error" or sight.record.lost
    look = await terms.destination.looking(names, sure=sure)
    deciding = _Deciding(terms, sight.disk, look, lost=sight.record.lost)
    return await sight.threads.run(_decide, wanted, rows, names, deciding)


def _decide(
    wanted: Sequence[Wanted], rows: Sequence[Row | None], names: Sequence[str], one: _Deciding
) -> list[Decision]:
    return [
        one(row, name, (row.part if row is not None else None) or _part(each.package, name), True)
        for each, row, name in zip(wanted, rows, names, strict=True)
    ]


def _name(wanted: Wanted, row: Row | None, terms: BatchContext) -> str:
    return (row.name if row is not None else None) or first_name(wanted, terms.settings.name)


def url_of(terms: BatchContext, name: str) -> str | None:
    """The URL of a final file that is an object; None for other files."""
    return None if terms.destination.url is None else terms.destination.title(name)
