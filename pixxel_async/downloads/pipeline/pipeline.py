"""One package from lease to final name: the steps of `Pipeline.run`."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..._aio.shield import finish
from ...errors import Corrupt, DownloadError, NameTaken, NotAPackage, PackageFailed
from ...events import Downloaded, Publishing
from ..body.body import BodyDownload
from ..body.rules.resume import Kept
from ..disk.file_check import digest_of
from ..disk.parts.part_writer import PartWriter
from ..rules.file_names import with_suffix
from .ask import ask
from .claim import ClaimedItem, LeaseHeld, claimed, url_of
from .extract import extract_files
from .inspect import Inspection, inspect
from .rules.recovery import Decision

if TYPE_CHECKING:
    from ...packages import Link
    from ..disk.parts.part_file import PartFile
    from ..item import Item
    from ..services import Services

__all__ = ["NotReady", "Pipeline"]


class NotReady(Exception):
    """Internal: the service no longer has the package ready; it has to be polled again."""


@frozen
class OpenPart:
    """An open part file.

    Attributes:
        file: the file.
        writer: its only writer.
    """

    file: PartFile
    writer: PartWriter


class Pipeline:
    """Fetch one package to its final name.

    A crash between any two lines of `run` leaves a row, a part file and a final file from which `rules/recovery.py`
    decides how the next run continues.
    """

    def __init__(self, item: Item, services: Services) -> None:
        self.item = item
        self.services = services
        self.began = services.timing.clock()

    async def run(self) -> Downloaded:
        """Take the lease, fetch, prove, publish, record, unpack.

        Raises:
            LeaseHeld: another process holds the package.
            NotReady: the package has to be polled again.
            PixxelError: the package fails in this run.
        """
        async with claimed(self.item, self.services) as claim:  # lease, row, decision
            done = await self.find_final(claim)  # done / finish / check / adopt / taken
            if done is None:
                async with self.part_file(claim) as part:  # open, free space, keep the bytes that can be trusted
                    proof = await self.fetch_and_prove(claim, part)  # resume, renew, retry; once more if corrupt
                    await self.publish(claim, part, proof)  # state `publishing` (write-ahead), rename, state `done`
                done = self.build_outcome(claim, members=proof.members, resumed_from=proof.resumed_from)
            return await self.extract(claim, done)

    async def find_final(self, claim: ClaimedItem) -> Downloaded | None:
        """Return the outcome if the final file is there and intact, else None."""
        decision = claim.decision
        match decision.step:
            case "done":
                return self.build_outcome(claim, fetched=False)
            case "finish":
                intact = True
            case "check":
                intact = not await claim.destination.damage(claim.name, claim.row)
            case "adopt":
                intact = await self.adopt(claim)
            case "taken":
                intact = False
            case _:
                return None
        if intact:
            return await self.record_found(claim)
        if "taken" in (decision.step, decision.otherwise):
            raise NameTaken(f"{claim.title} exists and is not in the record", package=self.item.identity)
        return None

    async def adopt(self, claim: ClaimedItem) -> bool:
        """Prove a final file that the record does not know, and write its row; return False if it is not intact.

        An object was proved before its upload and carries the checksum of the proved bytes.
        """
        if claim.destination.url is not None:
            sha256 = await claim.destination.stored_sha256(claim.name)
            if sha256 is not None:
                await claim.save(name=claim.name, sha256=sha256, proof="digest")
            return sha256 is not None
        try:
            proof = (await inspect(self.item, self.services, claim.name, Kept())).proof
        except (Corrupt, NotAPackage):
            return False
        sha256 = await self.services.threads.run(digest_of, claim.path) if self.item.settings.checksum else None
        await claim.save(name=claim.name, sha256=sha256, proof=proof.proof, container=proof.container)
        return True

    async def record_found(self, claim: ClaimedItem) -> Downloaded:
        """Record an intact final file as done and remove its part file."""
        look_up = await claim.destination.prepare_lookup([claim.name])
        final = await self.services.threads.run(look_up, claim.name)
        if final is None:
            raise DownloadError(f"{claim.title} was removed meanwhile", package=self.item.identity, stage="publish")
        first_time = self.services.now() if claim.row.finished_at is None else claim.row.finished_at
        await claim.save(
            state="done", size=final.size, mtime_ns=final.mtime_ns, error=None, error_kind=None, finished_at=first_time
        )
        await self.services.threads.run(self.services.disk.remove, claim.folder, claim.part)
        return self.build_outcome(claim, fetched=False)

    @asynccontextmanager
    async def part_file(self, claim: ClaimedItem) -> AsyncIterator[OpenPart]:
        """Open the part file for the block; afterwards it is closed, synced and recorded."""
        settings, decision, threads = self.item.settings, claim.decision, self.services.threads
        if decision.new_part:
            file = self.services.disk.new_part(claim.folder, claim.part, took_over=claim.took_over)
        else:
            file = await self.open_part(claim)
        busy = file.name != claim.part  # a process that may be frozen has that one open
        if busy:
            claim.part, decision = file.name, Decision("fetch", replace=decision.replace)
        writer = PartWriter(
            file, threads, buffer=self.item.constants.chunk_bytes, digest=settings.checksum, beyond=decision.beyond,
            kept=file.size if decision.step == "prove" else min(decision.offset, file.size),
            synced=0 if busy else claim.row.synced, unpack=settings.verify == "full",
        )  # fmt: skip
        try:
            if busy:
                await claim.save(part=file.name, synced=0, regions=None)
            await writer.begin()
            yield OpenPart(file, writer)
        finally:
            if not file.closed:
                await finish(self.close_part(claim, file, writer))

    async def open_part(self, claim: ClaimedItem) -> PartFile:
        """Open the part file of an earlier run."""
        threads = self.services.threads
        opening = threads.start(
            self.services.disk.open_leased, claim.folder, claim.part, fresh=claim.fresh_part, took_over=claim.took_over
        )
        try:
            return await threads.result(opening)
        except CancelledError:
            if opening.error is None:
                opening.result().close()
            raise

    async def close_part(self, claim: ClaimedItem, file: PartFile, writer: PartWriter) -> None:
        """Sync and close the part file, and record how many bytes would survive a power cut."""
        await writer.settle()
        if claim.lost:  # the process that took over writes to a file of its own
            await self.services.threads.run(file.discard)
            return
        with suppress(DownloadError, LeaseHeld):
            synced = min(await self.services.threads.run(file.sync_and_close), writer.size)
            if (synced, writer.regions) != (claim.row.synced, claim.row.regions):
                await claim.save(synced=synced, regions=writer.regions)

    async def fetch_and_prove(self, claim: ClaimedItem, part: OpenPart) -> Inspection:
        """Fetch the missing bytes and prove the file; fetch a corrupt one once more from byte 0."""
        row, writer = claim.row, part.writer
        kept = Kept(writer.size, row.etag, row.last_modified, row.total) if writer.size else Kept()

        async def remember(kept: Kept, synced: int) -> None:
            # Fewer synced bytes than the row claims must be durable before other bytes are written in their place.
            await claim.save(
                durable=synced < claim.row.synced, state="streaming", etag=kept.etag, synced=synced,
                last_modified=kept.last_modified, total=kept.total, regions=writer.regions,
            )  # fmt: skip

        with self.services.disk_space.reservation(part.file.path.parent) as reservation:
            body = BodyDownload(
                item=self.item, services=self.services, writer=writer, kept=kept, reservation=reservation,
                known=(row.etag, row.last_modified, row.total, row.synced) != (None, None, None, 0),
                renew_link=self.renew_link, remember=remember,
            )  # fmt: skip
            try:
                return await self.fetch_once(body, part)
            except (Corrupt, NotAPackage):
                await body.start_over()
            try:
                return await self.fetch_once(body, part)
            except (Corrupt, NotAPackage):
                await body.start_over()
                raise

    async def fetch_once(self, body: BodyDownload, part: OpenPart) -> Inspection:
        """Fetch the missing bytes and prove the file."""
        await body.fetch()
        inspection = await inspect(
            self.item, self.services, part.file.name, body.kept, digests=body.digests, writer=part.writer
        )
        return inspection._replace(server_name=body.server_name, resumed_from=body.resumed_from)

    async def renew_link(self) -> Link:
        """Request a fresh signed link.

        Raises:
            NotReady: the service is packing the package again.
            PackageFailed: the service has given the package up.
        """
        state = await ask(self.item, self.services)
        if state.failed:
            raise PackageFailed(state.message, package=self.item.identity)
        if state.link is None:
            raise NotReady
        return state.link

    async def publish(self, claim: ClaimedItem, part: OpenPart, proof: Inspection) -> None:
        """Give the proved file its final name, with all packages that wait for theirs, and record it as done.

        Unless files are still to be unpacked, the lease is released with the last change of the row.
        """
        self.services.emit(Publishing(self.item.identity))
        digest = part.writer.taps.digest()
        publishing: dict[str, Any] = {
            "state": "publishing", "size": part.file.size, "total": part.file.size, "mtime_ns": proof.mtime_ns,
            "sha256": digest.hex() if digest else None, "proof": proof.proof.proof, "container": proof.proof.container,
            "server_name": proof.server_name, "fields": dict(self.item.entry.fields), "regions": None,
            "asked_at": self.wall_time(self.item.asked_at), "started_at": self.wall_time(self.began),
        }  # fmt: skip
        claim.name = with_suffix(claim.name, proof.proof.container)
        await claim.publish(part.file, publishing)

    def wall_time(self, moment: float) -> float:
        """Convert a reading of the monotonic clock to seconds since 1970."""
        return self.services.now() - (self.services.timing.clock() - moment)

    async def extract(self, claim: ClaimedItem, done: Downloaded) -> Downloaded:
        """Unpack the archive's files if `extract` is set; return the outcome with their folder."""
        unpacked = await extract_files(claim)
        if unpacked is None or not unpacked.whole:
            return done
        folder = claim.folder / unpacked.folder
        if unpacked.kept:
            return evolve(done, folder=folder)
        return evolve(done, folder=folder, path=folder, members=None)  # those in the folder, as in a later run

    def build_outcome(
        self,
        claim: ClaimedItem,
        *,
        fetched: bool = True,
        members: tuple[Any, ...] | None = None,
        resumed_from: int = 0,
    ) -> Downloaded:
        """Build the outcome from the row."""
        row = claim.row
        return Downloaded(
            self.item.package, claim.path, row.size or 0, row.sha256, row.proof or "size",
            fetched=fetched, members=members, server_name=row.server_name, url=url_of(self.item.context, claim.name),
            seconds=self.services.timing.clock() - self.item.began if fetched else 0.0, resumed_from=resumed_from,
        )  # fmt: skip
