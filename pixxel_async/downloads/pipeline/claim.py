"""Take the lease of one package, change its row under it, and publish its file."""

from __future__ import annotations

import posixpath
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..._aio.shield import finish
from ...errors import NameTaken, PixxelError
from ..disk.final import Final
from ..disk.publisher import Publication
from ..record import Claim, Row
from ..record.lease import LeaseLost
from ..record.rows import RowChange
from ..rules.file_names import make_distinct, part_name
from .decide import Decider, first_name
from .rules.recovery import Decision

if TYPE_CHECKING:
    from ..disk.destination import Destination
    from ..disk.parts.part_file import PartFile
    from ..item import BatchContext, Item
    from ..services import Services

__all__ = ["ClaimedItem", "LeaseHeld", "claimed", "url_of"]


class LeaseHeld(Exception):
    """Internal: another process holds the package's lease."""


@define(eq=False)
class ClaimedItem:
    """One package under lease.

    Attributes:
        row: the record's row as this process knows it; `save` keeps both the same.
        name: path of the final file, relative to the folder.
        part: path of the part file, relative to the folder.
        decision: how to go on from row, part file and final file.
        took_over: whether the last holder of the lease did not release it.
        held: whether the lease is still to be released.
        lost: whether another process took the lease over, which happens to a process that was frozen.
    """

    item: Item
    services: Services
    row: Row
    name: str
    part: str
    decision: Decision
    took_over: bool
    held: bool = field(init=False, default=True)
    lost: bool = field(init=False, default=False)

    @property
    def folder(self) -> Path:
        """The folder of the part file."""
        return self.item.folder

    @property
    def destination(self) -> Destination:
        """The destination of the final file."""
        return self.item.destination

    @property
    def path(self) -> Path:
        """The final file; of an object the path that it would have in the spool folder."""
        return self.folder / self.name

    @property
    def title(self) -> str:
        """The final file as messages name it: a path or a URL."""
        return self.destination.title(self.name)

    @property
    def fresh_part(self) -> str:
        """Path of a new part file, relative to the folder; another one with each access."""
        owner = f"{self.services.record.nonce}-{secrets.token_hex(4)}"
        return posixpath.join(posixpath.dirname(self.part), part_name(self.item.identity, owner))

    async def save(self, *, durable: bool = False, **changes: Any) -> None:
        """Change the row, in the record and here; arguments as `Record.save`."""
        await self._save(durable=durable, **changes)

    async def publish(self, part: PartFile, publishing: Mapping[str, Any]) -> None:
        """Give a proved part file the final name `name`, and record it as done; see `disk/publisher.py`.

        Unless files are still to be unpacked, the lease is released in the last commit.

        Args:
            publishing: facts of the file recorded before the rename.

        Raises:
            NameTaken: something that is not ours has the name; the part file stays.
        """
        publication = self._publication(part, publishing)
        try:
            await self._publish(publication)
        except NameTaken:
            if publication.announced:
                raise
            self.name = make_distinct(self.name, self.item.package)  # another package of this record has the name
            await self._publish(self._publication(part, publishing))

    def _publication(self, part: PartFile, publishing: Mapping[str, Any]) -> Publication:
        now, settings = self.services.now, self.item.settings
        columns = {**publishing, "name": self.name}
        replace = settings.on_existing == "replace" or self.decision.replace

        def done(final: Final) -> RowChange:
            return self._change(
                {
                    "state": "done", "size": final.size, "mtime_ns": final.mtime_ns, "finished_at": now(),
                    "error": None, "error_kind": None, "runs": 0,
                },
                release=not settings.extract,
            )  # fmt: skip

        upload = None
        if (commit := self.destination.commit) is not None:
            row = self.row._replace(**columns)
            upload = partial(commit, part, self.name, row, replace=replace)
        return Publication(
            part=part, name=self.name, replace=replace, announcement=self._change(columns), done=done, upload=upload
        )

    async def _publish(self, publication: Publication) -> None:
        with self._fenced():
            done = await self.services.publisher.publish(publication)
        self.row = self.row._replace(**{**publication.announcement.columns, **done.columns})
        self.held = not done.release

    def _change(self, columns: Mapping[str, Any], *, release: bool = False) -> RowChange:
        return RowChange(self.item.identity, self.folder, columns, release=release, leased=True)

    @contextmanager
    def _fenced(self) -> Iterator[None]:
        """Turn the loss of the lease into `LeaseHeld`, and remember it."""
        try:
            yield
        except LeaseLost:
            self.lost = True
            raise LeaseHeld from None

    async def was_taken_over(self) -> bool:
        """Return whether another process has taken the lease over."""
        with suppress(LeaseHeld, PixxelError):
            await self._save()
        return self.lost

    async def _save(self, **changes: Any) -> None:
        with self._fenced():
            await self.services.record.save(self.item.identity, self.folder, leased=True, **changes)
        self.row = self.row._replace(**{key: value for key, value in changes.items() if key in Row._fields})


@asynccontextmanager
async def claimed(item: Item, services: Services) -> AsyncIterator[ClaimedItem]:
    """Hold the package's lease for the block, with its row and the decision how to go on.

    Raises:
        LeaseHeld: another process holds it.
    """
    name, record = first_name(item.entry, item.settings.name_template), services.record
    try:
        grant = await _take_lease(item, services, name)
    except NameTaken:  # by another package of this record: append the package's own hash
        name = make_distinct(name, item.package)
        grant = await _take_lease(item, services, name)
    if grant is None:
        raise LeaseHeld
    claim: ClaimedItem | None = None
    try:
        row = grant.row
        name, part = row.name or name, row.part or ""
        decision = grant.decision
        if decision is None:
            decider = Decider(item.context, services, await item.destination.prepare_lookup([name]), revive=True)
            decision = await services.threads.run(decider, row, name, part, grant.same_boot)
        claim = ClaimedItem(item, services, row, name, part, decision, grant.took_over)
        yield claim
    except PixxelError:
        if claim is not None and await claim.was_taken_over():
            raise LeaseHeld from None  # the one that took over may have removed the part file
        raise
    finally:
        if claim is None or claim.held:
            await finish(record.release(item.identity, item.folder))


async def _take_lease(item: Item, services: Services, name: str) -> Claim | None:
    """Claim the package; the decision is made in the same job of the record if the final file is on a local disk."""
    decide: Callable[[Claim], Decision] | None = None
    if item.destination.url is None:
        decider = Decider(item.context, services, await item.destination.prepare_lookup([name]), revive=True)

        def decide(grant: Claim) -> Decision:
            return decider(grant.row, grant.row.name or name, grant.row.part or "", grant.same_boot)

    part = posixpath.join(posixpath.dirname(name), part_name(item.identity, services.record.nonce))  # no other record's
    return await services.record.claim(item.identity, item.folder, name=name, part=part, decide=decide)


def url_of(context: BatchContext, name: str) -> str | None:
    """Return the URL of a final file that is an object; None for a local file."""
    return None if context.destination.url is None else context.destination.title(name)
