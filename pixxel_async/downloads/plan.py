"""What would be done with packages: from record and disk alone, or, where sizes are wanted, by asking for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from attrs import evolve, frozen

from ..errors import DownloadError, KeyRefused, PixxelError
from ..packages import wanted
from ..packages.rules.ranges import parse_content_range
from .intake import Found, in_shard, look_up
from .place import first_name
from .rules.recovery import Step
from .source import Source

if TYPE_CHECKING:
    from ..packages import Link, Package
    from .disk import Disk
    from .pending import Terms
    from .record import Record
    from .threads import Threads

__all__ = ["Planned", "Sight", "plan"]

CHUNK = 512


@frozen
class Planned:
    """What would be done with a package.

    Attributes:
        package: the package.
        step: `done`, `fetch`, `resume`, `prove`, `taken`, `given_up`, another step of repair, or `elsewhere`: another
            machine's share.
        path: where its file is, or would be; its suffix follows what the bytes turn out to be.
        offset: bytes that are here already, for `resume`.
        size: bytes of the whole, as far as they are known.
        status: what the service said, where it was asked.
    """

    package: Package
    step: Step | Literal["elsewhere"]
    path: Path
    offset: int = 0
    size: int | None = None
    status: str = ""


class Sight(Protocol):
    """What a plan is read from; a manager's tools have all of it."""

    @property
    def record(self) -> Record: ...

    @property
    def disk(self) -> Disk: ...

    @property
    def threads(self) -> Threads: ...


async def plan(
    sight: Sight, terms: Terms, packages: Iterable[object] | AsyncIterable[object], *, sizes: bool
) -> list[Planned]:
    """What would be done with these packages, in their order; see `DownloadManager.plan`."""
    planned: list[Planned] = []
    source = Source(packages)
    try:
        while rows := await source.take(CHUNK):
            found = await look_up([wanted(row) for row in rows], terms, sight)
            planned += [_planned(each, terms) for each in found]
    finally:
        await source.aclose()
    return await _sized(planned, terms) if sizes else planned


def _planned(found: Found, terms: Terms) -> Planned:
    (wanted, row, decision), settings = found, terms.settings
    name = (row.name if row is not None else None) or first_name(wanted, settings.name)
    size = (row.size or row.total) if row is not None else None
    step = decision.step if in_shard(wanted.package, settings.shard) else "elsewhere"
    return Planned(wanted.package, step, terms.folder / name, decision.offset, size)


async def _sized(planned: list[Planned], terms: Terms) -> list[Planned]:
    """The same, with the sizes of what would be fetched; as many are asked for at once as the settings allow."""
    asked = [at for at, one in enumerate(planned) if one.step in ("fetch", "resume")]
    for start in range(0, len(asked), terms.settings.asks):
        some = asked[start : start + terms.settings.asks]
        results = await asyncio.gather(*(_asked(planned[at], terms) for at in some), return_exceptions=True)
        for at, result in zip(some, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            planned[at] = result
    return planned


async def _asked(one: Planned, terms: Terms) -> Planned:
    try:
        state = await terms.client.packages.ask(one.package)
        size = await _length(state.link, terms) if state.link is not None else one.size
    except KeyRefused:
        raise
    except PixxelError as error:
        return evolve(one, status=str(error))
    return evolve(one, size=size, status=state.message or state.status)


async def _length(link: Link, terms: Terms) -> int | None:
    """Bytes behind a link, by asking for the first of them: many storages refuse a HEAD of a signed link."""
    async with terms.client.storage.get(link.url, headers={"Range": "bytes=0-0"}) as reply:
        if reply.status == 206:
            found = parse_content_range(reply.headers.get("content-range"))
            return found.total if found is not None else None
        if reply.status in (200, 416):
            length = reply.headers.get("content-length", "") if reply.status == 200 else "0"
            return int(length) if length.isdecimal() else None
        raise DownloadError(f"the storage answered {reply.status}", stage="stream")
