"""One package from request to record.

The spine is `carry`: claim → decide → ready → fetch → prove → name → record "publishing" → rename → record "done".
A crash between any two lines leaves what `rules/recovery.py` knows how to take up again.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import Corrupt, DownloadError, NameTaken, NotAPackage, PackageFailed
from ..events import Asked, Downloaded
from .checks import same_bytes
from .place import Place, claimed
from .rules.naming import distinct, with_suffix
from .rules.resume import Kept
from .sound import Sound, check
from .stream import Stream
from .surely import surely
from .writer import Writer

if TYPE_CHECKING:
    from ..packages import Link
    from .part import PartFile
    from .pending import Item
    from .prove import Proof
    from .record import Row
    from .tools import Tools

__all__ = ["NotReady", "carry"]


class NotReady(Exception):
    """Inside this package only: the service no longer has the package ready."""


async def carry(item: Item, tools: Tools) -> Downloaded:
    """Bring one package to its final name.

    Raises:
        Held: another process is at it.
        NotReady: it has to be waited for again.
        PixxelError: its end in this run.
    """
    async with claimed(item, tools) as place:
        if (there := await _there(item, place, tools)) is not None:
            return there
        async with _writing(item, place, tools) as (part, writer):
            stream, sound = await _proved(item, place, part, writer, tools)
            await _name(item, place, sound.proof, tools)
            await _publish(item, place, part, stream, sound, tools)
        return _downloaded(item, place, tools, members=sound.members)


async def _there(item: Item, place: Place, tools: Tools) -> Downloaded | None:
    """The outcome, if the final file is there and sound; else None, and the decision says how to go on."""
    match place.decision.step:
        case "done":
            return _downloaded(item, place, tools, fetched=False)
        case "finish":
            sound = True
        case "check":
            sound = await tools.threads.run(same_bytes, place.path, place.row)
        case "adopt":
            sound = await _adopted(item, place, tools)
        case "taken":
            raise NameTaken(f"{place.path} exists and is not known to be ours", package=item.identity)
        case _:
            return None
    if sound:
        return await _finish(item, place, tools)
    if place.decision.otherwise == "taken":
        raise NameTaken(f"{place.path} exists and is not known to be ours", package=item.identity)
    return None


async def _finish(item: Item, place: Place, tools: Tools) -> Downloaded:
    """The record learns of a file that is there, and an old part file goes."""
    found = await tools.threads.run(tools.disk.look, place.path)
    if found is None:
        raise DownloadError(f"{place.path} was removed meanwhile", package=item.identity, stage="publish")
    await _save(item, place, tools, state="done", size=found.size, mtime_ns=found.mtime_ns, error=None, error_kind=None)
    await tools.threads.run(tools.disk.remove, place.folder / place.part)
    return _downloaded(item, place, tools, fetched=False)


async def _adopted(item: Item, place: Place, tools: Tools) -> bool:
    """Whether a file that a lost record may have known is sound."""
    try:
        proof = (await check(item, place.path, Kept(), {}, None, tools)).proof
    except (Corrupt, NotAPackage):
        return False
    await _save(item, place, tools, name=place.name, proof=proof.proof, container=proof.container)
    return True


@asynccontextmanager
async def _writing(item: Item, place: Place, tools: Tools) -> AsyncIterator[tuple[PartFile, Writer]]:
    """The open part file and its writer; nothing is in use any more when the block is left."""
    settings, decision = item.terms.settings, place.decision
    part = await _open_part(place, tools)
    kept = part.size if decision.step == "prove" else min(decision.offset, part.size)
    writer = Writer(part, tools.threads, buffer=settings.buffer, digest=settings.digest, kept=kept)
    try:
        await writer.begin()
        yield part, writer
    finally:
        await surely(_let_go(part, writer, tools))


async def _open_part(place: Place, tools: Tools) -> PartFile:
    """The part file; what is opened for one who is cancelled meanwhile is closed again."""
    opening = tools.threads.begin(tools.disk.open_part, place.folder, place.part)
    try:
        return await tools.threads.result(opening)
    except CancelledError:
        if not opening.cancelled() and opening.exception() is None:
            opening.result().close()
        raise


async def _let_go(part: PartFile, writer: Writer, tools: Tools) -> None:
    """Close the part file, and leave none that is empty."""
    await writer.settle()
    await tools.threads.run(part.close if part.size else part.discard)


async def _proved(item: Item, place: Place, part: PartFile, writer: Writer, tools: Tools) -> tuple[Stream, Sound]:
    """Fetch and prove; what does not prove itself is fetched once more from byte 0."""
    row = place.row
    kept = Kept(writer.size, row.etag, row.last_modified, row.total) if writer.size else Kept()
    with tools.room.need(part.path.parent) as need:
        stream = Stream(
            item=item, tools=tools, writer=writer, kept=kept, need=need,
            ask=partial(_link, item, tools), remember=partial(_remember, item, place, tools),
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


async def _fetched(item: Item, part: PartFile, stream: Stream, tools: Tools) -> Sound:
    await stream.fetch()
    return await check(item, part.path, stream.kept, stream.digests, stream.writer, tools)


async def _link(item: Item, tools: Tools) -> Link:
    """A fresh link; raises `NotReady` when the service is packing again."""
    state = await item.terms.client.packages.ask(item.package)
    tools.tell(Asked(item.identity, state.status))
    item.status = state.status
    if state.failed:
        raise PackageFailed(state.message, package=item.identity)
    if state.link is None:
        raise NotReady
    return state.link


async def _remember(item: Item, place: Place, tools: Tools, kept: Kept) -> None:
    """The validators of the bytes that come now."""
    await _save(
        item, place, tools,
        state="streaming", etag=kept.etag, last_modified=kept.last_modified, total=kept.total,
    )  # fmt: skip


async def _name(item: Item, place: Place, proof: Proof, tools: Tools) -> None:
    """The final name: the suffix is what the bytes deserve, and a name that another package has is made distinct."""
    name = with_suffix(place.name, proof.container)
    owner = await tools.record.taken(place.folder, name)
    place.name = name if owner in (None, item.identity) else distinct(name, item.package)


async def _publish(item: Item, place: Place, part: PartFile, stream: Stream, sound: Sound, tools: Tools) -> None:
    proof = sound.proof
    digest = stream.writer.digest()
    await _save(
        item, place, tools, state="publishing", name=place.name, size=part.size, total=part.size,
        mtime_ns=sound.mtime_ns, sha256=digest.hex() if digest else None, proof=proof.proof,
        container=proof.container, server_name=stream.server_name, fields=dict(item.wanted.fields),
    )  # fmt: skip
    replace = item.terms.settings.exists == "replace" or place.decision.replace
    published = await tools.threads.run(tools.disk.publish, part, place.path, replace=replace)
    await _save(
        item, place, tools, state="done", size=published.size, mtime_ns=published.mtime_ns,
        finished_at=tools.now(), error=None, error_kind=None, runs=0,
    )  # fmt: skip


async def _save(item: Item, place: Place, tools: Tools, **changes: Any) -> None:
    """Change the row, here and in the record."""
    await tools.record.save(item.identity, place.folder, **changes)
    place.learn(**changes)


def _downloaded(
    item: Item, place: Place, tools: Tools, *, fetched: bool = True, members: tuple[Any, ...] = ()
) -> Downloaded:
    row: Row = place.row
    return Downloaded(
        item.package, place.path, row.size or 0, row.sha256, row.proof or "size",
        fetched=fetched, members=members, server_name=row.server_name,
        seconds=tools.timing.clock() - item.began if fetched else 0.0,
    )  # fmt: skip
