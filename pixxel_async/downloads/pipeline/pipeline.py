"""One package from request to record.

The spine is `carry`: claim → decide → ready → fetch → prove → name → record "publishing" → rename → record "done",
and then its files, where they are wanted.
A crash between any two lines leaves what `rules/recovery.py` knows how to take up again.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ..._aio.shield import finish
from ...errors import Corrupt, DownloadError, NameTaken, NotAPackage, PackageFailed
from ...events import Downloaded
from ..body.body import Stream
from ..body.rules.resume import Kept
from ..disk.file_check import digest_of
from ..disk.part_writer import PartWriter
from ..rules.file_names import distinct, with_suffix
from .ask import inquire
from .claim import ClaimedItem, claimed, url_of
from .extract import extracted
from .inspect import Inspection, inspect

if TYPE_CHECKING:
    from ...packages import Link
    from ..disk.part_file import PartFile
    from ..item import Item
    from ..record import Row
    from ..services import Services

__all__ = ["NotReady", "carry"]


class NotReady(Exception):
    """Inside this package only: the service no longer has the package ready."""


async def carry(item: Item, tools: Services) -> Downloaded:
    """Bring one package to its final name.

    Raises:
        Held: another process is at it.
        NotReady: it has to be waited for again.
        PixxelError: its end in this run.
    """
    async with claimed(item, tools) as place:
        done = await _there(item, place, tools)
        if done is None:
            async with _writing(item, place, tools) as (part, writer, free):
                stream, sound = await _proved(item, place, part, writer, free, tools)
                await _publish(item, place, part, stream, sound, tools)
            done = _downloaded(item, place, tools, members=sound.members)
        return await _with_files(done, item, place, tools)


async def _there(item: Item, place: ClaimedItem, tools: Services) -> Downloaded | None:
    """The outcome, if the final file is there and sound; else None, and the decision says how to go on."""
    match place.decision.step:
        case "done":
            return _downloaded(item, place, tools, fetched=False)
        case "finish":
            sound = True
        case "check":
            sound = not await place.destination.damage(place.name, place.row)
        case "adopt":
            sound = await _adopted(item, place, tools)
        case "taken":
            raise NameTaken(f"{place.title} exists and is not known to be ours", package=item.identity)
        case _:
            return None
    if sound:
        return await _finish(item, place, tools)
    if place.decision.otherwise == "taken":
        raise NameTaken(f"{place.title} exists and is not known to be ours", package=item.identity)
    return None


async def _finish(item: Item, place: ClaimedItem, tools: Services) -> Downloaded:
    """The record learns of a file that is there, and an old part file goes."""
    look = await place.destination.looking([place.name])
    found = await tools.threads.run(look, place.name)
    if found is None:
        raise DownloadError(f"{place.title} was removed meanwhile", package=item.identity, stage="publish")
    await _save(
        item, place, tools, state="done", size=found.size, mtime_ns=found.mtime_ns, error=None, error_kind=None,
        finished_at=tools.now() if place.row.finished_at is None else place.row.finished_at,
    )  # fmt: skip
    await tools.threads.run(tools.disk.remove, place.folder / place.part)
    return _downloaded(item, place, tools, fetched=False)


async def _adopted(item: Item, place: ClaimedItem, tools: Services) -> bool:
    """Whether a file that a lost record may have known is sound."""
    if place.destination.url is not None:
        return await _vouched(item, place, tools)
    try:
        proof = (await inspect(item, place.path, Kept(), {}, None, tools)).proof
    except (Corrupt, NotAPackage):
        return False
    sha256 = await tools.threads.run(digest_of, place.path) if item.terms.settings.digest else None
    await _save(item, place, tools, name=place.name, sha256=sha256, proof=proof.proof, container=proof.container)
    return True


async def _vouched(item: Item, place: ClaimedItem, tools: Services) -> bool:
    """The same of an object: it was proved before it was sent, and tells the digest of what was proved."""
    sha256 = await place.destination.vouched(place.name)
    if sha256 is not None:
        await _save(item, place, tools, name=place.name, sha256=sha256, proof="digest")
    return sha256 is not None


@asynccontextmanager
async def _writing(item: Item, place: ClaimedItem, tools: Services) -> AsyncIterator[tuple[PartFile, PartWriter, int]]:
    """The open part file, its writer, and the disk's free bytes; nothing is in use any more when the block is left."""
    settings, decision = item.terms.settings, place.decision
    part, free = await _open_part(place, tools)
    kept = part.size if decision.step == "prove" else min(decision.offset, part.size)
    writer = PartWriter(
        part, tools.threads, buffer=settings.buffer, digest=settings.digest,
        kept=kept, beyond=decision.beyond, synced=place.row.synced, unpack=settings.verify == "full",
    )  # fmt: skip
    try:
        await writer.begin()
        yield part, writer, free
    finally:
        if not part.closed:
            await finish(_let_go(item, place, part, writer, tools))


async def _open_part(place: ClaimedItem, tools: Services) -> tuple[PartFile, int]:
    """The part file and the disk's free bytes; what is opened for one who is cancelled meanwhile is closed again."""
    opening = tools.threads.start(tools.disk.open_with_room, place.folder, place.part)
    try:
        return await tools.threads.result(opening)
    except CancelledError:
        if not opening.cancelled() and opening.exception() is None:
            opening.result()[0].close()
        raise


async def _let_go(item: Item, place: ClaimedItem, part: PartFile, writer: PartWriter, tools: Services) -> None:
    """Put the part file away; what of it is surely on the disk counts also after a power cut."""
    await writer.settle()
    with suppress(DownloadError):
        synced = min(await tools.threads.run(part.put_away), writer.size)
        if (synced, writer.regions) != (place.row.synced, place.row.regions):
            await _save(item, place, tools, synced=synced, regions=writer.regions)


async def _proved(
    item: Item, place: ClaimedItem, part: PartFile, writer: PartWriter, free: int, tools: Services
) -> tuple[Stream, Inspection]:
    """Fetch and prove; what does not prove itself is fetched once more from byte 0."""
    row = place.row
    kept = Kept(writer.size, row.etag, row.last_modified, row.total) if writer.size else Kept()
    with tools.room.need(part.path.parent, free) as need:
        stream = Stream(
            item=item, tools=tools, writer=writer, kept=kept, need=need, known=_known(row),
            ask=partial(_link, item, tools), remember=partial(_remember, item, place, writer, tools),
        )  # fmt: skip
        try:
            return stream, await _fetched(item, part, stream, tools)
        except (Corrupt, NotAPackage):
            await stream.start_over()
        try:
            return stream, await _fetched(item, part, stream, tools)
        except (Corrupt, NotAPackage):
            await stream.start_over()
            raise


async def _fetched(item: Item, part: PartFile, stream: Stream, tools: Services) -> Inspection:
    await stream.fetch()
    return await inspect(item, part.path, stream.kept, stream.digests, stream.writer, tools)


async def _link(item: Item, tools: Services) -> Link:
    """A fresh link; raises `NotReady` when the service is packing again."""
    state = await inquire(item, tools)
    if state.failed:
        raise PackageFailed(state.message, package=item.identity)
    if state.link is None:
        raise NotReady
    return state.link


def _known(row: Row) -> bool:
    """Whether the record vouches for bytes of a part file."""
    return (row.etag, row.last_modified, row.total, row.synced) != (None, None, None, 0)


async def _remember(
    item: Item, place: ClaimedItem, writer: PartWriter, tools: Services, kept: Kept, synced: int
) -> None:
    """The validators of the bytes that come now, how many are surely on the disk, and where they are.

    That there are fewer than the record said must be known before others are written.
    """
    await _save(
        item, place, tools, durable=synced < place.row.synced,
        state="streaming", etag=kept.etag, last_modified=kept.last_modified, total=kept.total, synced=synced,
        regions=writer.regions,
    )  # fmt: skip


async def _publish(
    item: Item, place: ClaimedItem, part: PartFile, stream: Stream, sound: Inspection, tools: Services
) -> None:
    """Announce the final name, take it, and note that it is done."""
    place.name = with_suffix(place.name, sound.proof.container)
    try:
        await _announce(item, place, part, stream, sound, tools)
    except NameTaken:
        place.name = distinct(place.name, item.package)
        await _announce(item, place, part, stream, sound, tools)
    replace = item.terms.settings.exists == "replace" or place.decision.replace
    published = await place.destination.commit(part, place.name, place.row, replace=replace)
    release = not item.terms.settings.extract
    await _save(
        item, place, tools, release=release, state="done", size=published.size, mtime_ns=published.mtime_ns,
        finished_at=tools.now(), error=None, error_kind=None, runs=0,
    )  # fmt: skip
    place.held = not release


async def _announce(
    item: Item, place: ClaimedItem, part: PartFile, stream: Stream, sound: Inspection, tools: Services
) -> None:
    """The record knows of a proved file before that has its name."""
    proof, digest = sound.proof, stream.writer.onlookers.digest()
    await _save(
        item, place, tools, state="publishing", name=place.name, size=part.size, total=part.size,
        mtime_ns=sound.mtime_ns, sha256=digest.hex() if digest else None, proof=proof.proof,
        container=proof.container, server_name=stream.server_name, fields=dict(item.wanted.fields), regions=None,
    )  # fmt: skip


async def _save(
    item: Item, place: ClaimedItem, tools: Services, *, durable: bool = False, release: bool = False, **changes: Any
) -> None:
    """Change the row, here and in the record."""
    await tools.record.save(item.identity, place.folder, durable=durable, release=release, **changes)
    place.learn(**changes)


async def _with_files(done: Downloaded, item: Item, place: ClaimedItem, tools: Services) -> Downloaded:
    """The same, with the folder that its files were unpacked into."""
    found = await extracted(item, place, partial(_save, item, place, tools), tools)
    if found is None or not found.whole:
        return done
    folder = place.folder / found.folder
    return evolve(done, folder=folder, path=done.path if found.kept else folder)


def _downloaded(
    item: Item, place: ClaimedItem, tools: Services, *, fetched: bool = True, members: tuple[Any, ...] = ()
) -> Downloaded:
    row: Row = place.row
    return Downloaded(
        item.package, place.path, row.size or 0, row.sha256, row.proof or "size",
        fetched=fetched, members=members, server_name=row.server_name, url=url_of(item.terms, place.name),
        seconds=tools.timing.clock() - item.began if fetched else 0.0,
    )  # fmt: skip
