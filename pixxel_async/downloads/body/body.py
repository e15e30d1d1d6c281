"""Link → part file: goes on where it was cut, renews links that came to their end, and never joins two versions.

Rule 1: what an answer means is decided in `rules/resume.py` and `rules/verdict.py`; here it is carried out.
Rule 2: validators are in the record before a byte that they vouch for is in the file. A body that fits into one buffer,
    of a package that the record knows nothing of, is written when it is whole, and needs none until then.
Rule 3: attempts are bounded, and given back only for bytes that never were here before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from ..._protocol.storage_answers import classify
from ...errors import ConnectionFailed, DownloadError, TimedOut, TooLarge
from ...events import Moved, Renewed, Rewound, Started
from ..limits.stall import StallDetected, Watch
from .attempts import RetryBudget
from .multipart import Split
from .rules.multipart import Gauge, lines, splittable
from .rules.responses import StorageRefusal, given_name, refused, stated_digests
from .rules.resume import Kept, RangeRequest, RangeVerdict, read, request

if TYPE_CHECKING:
    from ..._http.streaming import StorageReply
    from ...packages import Link
    from ..disk.part_writer import PartWriter
    from ..item import Item
    from ..limits.free_space import Reservation
    from ..services import Services

__all__ = ["Stream"]

LINK_MARGIN = 5.0
"""Seconds: a link with less than that left is renewed before it is used."""


@define(eq=False, kw_only=True)
class Stream:
    """One body on its way into its part file.

    Args:
        item: whose it is.
        writer: the open part file's writer.
        kept: what the record knows of the bytes that are there.
        need: what is spoken for on the disk.
        ask: asks the service for a fresh link; raises when there is none.
        known: whether the record holds validators, which new bytes may contradict.
        remember: writes validators into the record, and how many bytes are surely on the disk.

    Attributes:
        digests: what the storage stated about the whole package: algorithm → bytes.
        server_name: the file name that the storage gave; for people only.
    """

    item: Item
    tools: Services
    writer: PartWriter
    kept: Kept
    need: Reservation
    ask: Callable[[], Awaitable[Link]]
    known: bool
    remember: Callable[[Kept, int], Awaitable[None]]
    digests: dict[str, bytes] = field(factory=dict)
    server_name: str | None = None
    _link: Link | None = field(init=False, default=None)
    _patience: RetryBudget = field(init=False)
    _most: int = field(init=False, default=0)
    _vouched: bool = field(init=False, default=False)
    _synced: int = field(init=False, default=0)
    _told: int = field(init=False, default=0)
    _lines: int = field(init=False, default=1)
    _alone: bool = field(init=False, default=False)
    _answered: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._link = self.item.link
        self._here()
        self._patience = RetryBudget(item=self.item, tools=self.tools, high=self.writer.here)

    async def fetch(self) -> None:
        """Bring all that is missing.

        Raises:
            LinkExpired, Stalled, TooLarge, DiskFull, DownloadError: the package's end in this run.
            APIError, ConnectionFailed, TimedOut: the same, where the bytes are an answer of the API and none came.
        """
        while not (asked := self._request()).complete:
            link = await self._good_link()
            self._answered = self.item.package.linked
            try:
                answer = await self._attempt(link, asked)
            except (ConnectionFailed, TimedOut, StallDetected) as error:
                if not self._answered:
                    raise  # a call of the API, which was repeated already
                if self.writer.here > self._told:
                    self._moved()
                await self._keep()
                await self._patience.broken(error)
            else:
                await self._act(answer)

    def _request(self) -> RangeRequest:
        settings = self.item.terms.settings
        self.kept = evolve(self.kept, size=self.writer.size)
        if self.kept.size == self.kept.total:
            return RangeRequest(self.kept.size, complete=True)
        return request(self.kept, proved=settings.verify == "full", unsafe=settings.unsafe_resume)

    async def _attempt(self, link: Link | None, asked: RangeRequest) -> RangeVerdict | StorageRefusal:
        """One request and its body if it has one that we want, or many for the pieces of the rest."""
        if self._lines > 1 or self.writer.beyond:
            return await self._several(link)
        with self.tools.lines.line():
            return await self._single(link, asked)

    async def _single(self, link: Link | None, asked: RangeRequest) -> RangeVerdict | StorageRefusal:
        packages = self.item.terms.client.packages
        async with packages.body(self.item.package, link, headers=asked.headers) as reply:
            self._answered = True
            if classify(reply.status, reply.headers) != "body":
                return refused(reply.status, reply.headers, await reply.peek())
            reading = read(reply.status, reply.headers, asked, self.kept)
            if reading.action in ("go on", "from 0"):
                await self._begin(reply.status, reply.headers, reading)
                await self._body(reply)
            return reading

    async def _several(self, link: Link | None) -> RangeVerdict | StorageRefusal:
        """The rest over several connections; over half as many after they broke."""
        if link is None or not splittable(self.kept):
            return RangeVerdict("alone")
        self._most = await self._room(self.kept.total)
        self.tools.tell(Started(self.item.identity, self.kept.total, self._here()))
        count, self._lines = self._lines, max(self._lines // 2, 1)
        answer = await Split(
            item=self.item, tools=self.tools, writer=self.writer, kept=self.kept, url=link.url, count=count,
            remember=self._note, moved=self._moved,
        ).fetch()  # fmt: skip
        if isinstance(answer, StorageRefusal) and answer.meaning == "renew":
            self._lines = count
        return answer

    async def _begin(self, status: int, headers: Mapping[str, str], reading: RangeVerdict) -> None:
        """Make the part file, the record and the disk ready for a body."""
        if reading.action == "from 0":
            await self.start_over()
        etag, date = headers.get("etag", self.kept.etag), headers.get("last-modified", self.kept.last_modified)
        self.kept = Kept(self.writer.size, etag, date, reading.total)
        self.digests |= stated_digests(headers, whole=status == 200)
        self.server_name = given_name(headers.get("content-disposition", "")) or self.server_name
        self._most = await self._room(reading.total)
        self._vouched = False
        if self.known or reading.total is None or reading.total > self.item.terms.settings.buffer:
            await self._vouch()
        self.tools.tell(Started(self.item.identity, reading.total, self._here()))

    async def _vouch(self) -> None:
        """The record knows what the bytes on disk are of, before they are there."""
        if not self._vouched or self.writer.synced > self._synced:
            await self._note()

    async def _note(self) -> None:
        self._vouched = self.known = True
        self._synced = self.writer.synced
        await self.remember(self.kept, self._synced)

    async def _keep(self) -> None:
        """All that came is on disk, and vouched for."""
        if self.writer.size:
            await self._vouch()
        await self.writer.flush()

    async def _room(self, total: int | None) -> int:
        """Bytes that the package may have in all."""
        settings = self.item.terms.settings
        most = settings.max_bytes
        if most is not None and total is not None and total > most:
            raise self._patience.error(TooLarge, f"announced are {total:,} bytes, allowed {most:,}")
        missing = max((total or 0) - self.writer.here, 0)
        left = await self.tools.room.ask(self.need, missing, reserve=settings.keep_free)
        return min(most, self.writer.here + left) if most is not None else total or self.writer.here + left

    async def _body(self, reply: StorageReply) -> None:
        settings = self.item.terms.settings
        add, rate = self.writer.add, settings.bandwidth
        gauge = Gauge(self.tools.timing.clock(), self.writer.size)
        async with self.tools.watchdog.watch(settings.stall, settings.stall_bytes) as watch:
            while self._lines == 1 and (chunk := await reply.read()):
                watch.moved += len(chunk)
                if add(chunk):
                    await self._turn(watch, gauge)
                if rate is not None:
                    await self._paced(watch, len(chunk), rate)
        self._moved()
        if self._lines > 1:
            return
        if self.kept.total is None:
            self.kept = evolve(self.kept, total=self.writer.size)
        elif self.writer.size < self.kept.total:
            await self._keep()

    async def _paced(self, watch: Watch, size: int, rate: float) -> None:
        """Wait until so many bytes may have come; that is no stall."""
        watch.resting = True
        await self.tools.pace.take(size, rate)
        watch.resting = False

    async def _turn(self, watch: Watch, gauge: Gauge) -> None:
        """A buffer is full: on with it, and see where we stand, and whether one connection is enough."""
        watch.resting = True
        await self._vouch()
        await self.writer.turn()
        watch.resting = False
        self._moved()
        gauge.arrived(self.tools.timing.clock(), self.writer.size)
        settings = self.item.terms.settings
        most = 1 if self._alone or settings.bandwidth else settings.split
        now = evolve(self.kept, size=self.writer.size)
        spare = settings.streams - self.tools.lines.used
        self._lines = lines(now, gauge, most=most, spare=spare, piece=settings.split_piece)

    def _moved(self) -> None:
        size = self.writer.here
        if size > self._most:
            raise self._patience.error(TooLarge, f"more than {self._most:,} bytes came")
        self.need.missing = max((self.kept.total or 0) - size, 0)
        self._patience.arrived(size)
        gained = max(size - self._told, 0)
        self.tools.tell(Moved(self.item.identity, self._here(), self.kept.total, gained))

    def _here(self) -> int:
        """Bytes that are here, as they are told from now on."""
        self._told = self.writer.here
        if self.item.running is not None:
            self.item.running.here = self._told
        return self._told

    async def _act(self, answer: RangeVerdict | StorageRefusal) -> None:
        """Do what an answer means, apart from its body."""
        if isinstance(answer, RangeVerdict):
            await self._read(answer)
            return
        match answer.meaning:
            case "renew":
                await self._renew(answer.told)
            case "busy":
                self._patience.busy(answer.told)
            case "again":
                await self._patience.again(answer.told)
            case "throw away":
                await self.start_over()
                await self._patience.again(answer.told)
            case _:
                raise self._patience.error(DownloadError, f"the storage answered {answer.told}", retryable=False)

    async def _read(self, reading: RangeVerdict) -> None:
        if reading.action == "complete":
            self.kept = evolve(self.kept, total=self.writer.size)
        elif reading.action == "alone":
            await self._join()
        elif reading.action == "throw away" or (self.kept.total or 0) < self.writer.size:
            await self.start_over()
            await self._patience.again("the storage does not continue what it began")
        elif self.writer.size != self.kept.total and self._lines == 1:
            await self._patience.again("the body ended early")

    async def _join(self) -> None:
        """One connection goes on from the prefix: the storage does not hand out pieces."""
        lost, self._alone, self._lines = bool(self.writer.beyond), True, 1
        await self.writer.join()
        await self._note()
        if lost:
            self.tools.tell(Rewound(self.item.identity, self._here()))

    async def _renew(self, told: str) -> None:
        """A fresh link for one that was refused."""
        self._patience.renew(told)
        self._link = await self.ask()
        self.tools.tell(Renewed(self.item.identity))

    async def _good_link(self) -> Link | None:
        """A link that does not end before it is used: the one at hand, or a fresh one; None where none is needed."""
        if not self.item.package.linked:
            return None
        if self._link is None:
            self._link = await self.ask()
        elif self._link.good_for(self.tools.timing.clock()) < LINK_MARGIN:
            self._link = await self.ask()
            self.tools.tell(Renewed(self.item.identity))
        return self._link

    async def start_over(self) -> None:
        """Throw away what is on disk, and what was said about it."""
        if self.writer.here:
            await self.writer.rewind()
            self.tools.tell(Rewound(self.item.identity, self._here()))
        self.kept, self.digests = Kept(), {}
