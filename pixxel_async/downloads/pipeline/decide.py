"""Decide the next step of packages from the record, the part file and the final file, and name new ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from ..disk.final import Final
from ..record.rows import Extracted
from ..rules.file_names import render, segment, with_suffix
from .rules.recovery import DONE, Decision, RowFacts, may_skip, recover

if TYPE_CHECKING:
    from ...packages import PackageEntry
    from ..disk.destination import LookUp
    from ..item import BatchContext
    from ..record import Row
    from ..services import ReadServices


async def decide(
    entries: Sequence[PackageEntry], rows: Sequence[Row | None], context: BatchContext, services: ReadServices
) -> list[Decision]:
    """Decide the next step of each package of one call, before anything is requested.

    An object store is looked at only if the decision depends on its contents.
    """
    names = [
        (row.name if row is not None else None) or first_name(each, context.settings.name_template)
        for each, row in zip(entries, rows, strict=True)
    ]
    sure = context.settings.on_missing == "redo" or context.settings.on_existing == "error" or services.record.lost
    look_up = await context.destination.prepare_lookup(names, sure=sure)
    decider = Decider(context, services, look_up)

    def decide_all() -> list[Decision]:
        # A row without a part file has none to look for: its name is made when the package is claimed.
        return [
            decider(row, name, (row.part if row is not None else None) or "", True)
            for row, name in zip(rows, names, strict=True)
        ]

    return await services.threads.run(decide_all)


def first_name(entry: PackageEntry, template: str | None) -> str:
    """Name a package before its bytes are known: with the suffix of its promised or most likely container."""
    if entry.name is not None:
        bare = "/".join(segment(part) for part in entry.name.split("/"))
    else:
        bare = render(entry.package, template, entry.fields)
    return with_suffix(bare, entry.package.promised or "zip")


@frozen
class Decider:
    """LookUp at the disk and decide the next step of one package after another; called in a thread.

    Attributes:
        look_up: returns the status of a final name.
        revive: whether a package that was given up is tried again.
    """

    context: BatchContext
    services: ReadServices
    look_up: LookUp
    revive: bool = False

    def __call__(self, row: Row | None, name: str, part: str, same_boot: bool) -> Decision:
        settings, final = self.context.settings, self._look_up_final(row, name)
        exists, if_missing = settings.on_existing, settings.on_missing
        if row is not None and row.state == "done" and may_skip(row.size, row.mtime_ns, final, exists, if_missing):
            return DONE  # the fast path: the state of nearly all packages of a repeated run
        trusted = self._trusted_facts(row, same_boot)
        over = trusted is None or trusted.state in ("done", "given_up")
        part_file = self.services.disk.look_up(self.context.folder, part) if part else None
        part_size = part_file.size if part_file is not None and part_file.regular and not over else None
        record_lost = self.services.record.lost
        decision = recover(trusted, part_size, final, exists=exists, if_missing=if_missing, lost=record_lost)
        return decision._replace(new_part=part_file is None)

    def _look_up_final(self, row: Row | None, name: str) -> Final | None:
        """LookUp at the final name; a folder of files that replaced their archive stands for the archive."""
        final = self.look_up(name)
        if final is not None or row is None or row.extracted is None:
            return final
        unpacked = Extracted.read(row.extracted)
        instead = unpacked is not None and unpacked.whole and not unpacked.kept
        if instead and unpacked is not None and os.path.isdir(os.path.join(self.context.folder, unpacked.folder)):
            return Final(regular=True, size=row.size or 0, mtime_ns=row.mtime_ns or 0)
        return None

    def _trusted_facts(self, row: Row | None, same_boot: bool) -> RowFacts | None:
        """Return the facts of the row; None for a row that the claim has just created."""
        if row is None or (row.state == "waiting" and row.total is None):
            return None
        published = row.finished_at is not None
        trusted = RowFacts(row.state, row.size, row.mtime_ns, row.total, row.synced, same_boot, row.regions, published)
        return trusted._replace(state="failed") if self.revive and row.state == "given_up" else trusted
