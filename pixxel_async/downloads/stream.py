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

from ..errors import ConnectionFailed, DownloadError, LinkExpired, PixxelError, Stalled, TimedOut, TooLarge
from ..events import Moved, Renewed, Rewound, Started
from .rules.resume import Kept, Reading, Request, read, request
from .rules.verdict import Tries, Verdict, excerpt, given_name, judge, pause, stated_digests
from .watchdog import Stall, Watch

if TYPE_CHECKING:
    from .._http.call import StorageReply
    from ..packages import Link
    from .pending import Item
    from .room import Need
    from .tools import Tools
    from .writer import Writer

__all__ = ["Stream"]

LINK_MARGIN = 5.0
"""Seconds: a link with less than that left is renewed before it is used."""
MOST_STALLS = 3


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
    tools: Tools
    writer: Writer
    kept: Kept
    need: Need
    ask: Callable[[], Awaitable[Link]]
    known: bool
    remember: Callable[[Kept, int], Awaitable[None]]
    digests: dict[str, bytes] = field(factory=dict)
    server_name: str | None = None
    _link: Link | None = field(init=False, default=None)
    _tries: Tries = field(init=False)
    _most: int = field(init=False, default=0)
    _vouched: bool = field(init=False, default=False)
    _synced: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._link = self.item.link
        self._tries = Tries(self.item.terms.settings.progress_step, high=self.writer.size)

    async def fetch(self) -> None:
        """Bring all that is missing.

        Raises:
            LinkExpired, Stalled, TooLarge, DiskFull, DownloadError: the package's end in this run.
        """
        while not (asked := self._request()).complete:
            link = await self._good_link()
            try:
                answer = await self._attempt(link, asked)
            except (ConnectionFailed, TimedOut, Stall) as error:
                await self._keep()
                await self._broken(error)
            else:
                await self._act(answer)

    def _request(self) -> Request:
        settings = self.item.terms.settings
        self.kept = evolve(self.kept, size=self.writer.size)
        if self.kept.size == self.kept.total:
            return Request(self.kept.size, complete=True)
        return request(self.kept, proved=settings.verify == "full", unsafe=settings.unsafe_resume)

    async def _attempt(self, link: Link, asked: Request) -> Reading | tuple[Verdict, str]:
        """One request, and its body if it has one that we want."""
        storage = self.item.terms.client.storage
        async with storage.get(link.url, headers=asked.headers) as reply:
            verdict = judge(reply.status, reply.headers)
            if verdict.meaning != "body":
                head = await reply.peek()
                return judge(reply.status, reply.headers, head), f"{reply.status} {excerpt(head)}".strip()
            reading = read(reply.status, reply.headers, asked, self.kept)
            if reading.action in ("go on", "from 0"):
                await self._begin(reply.status, reply.headers, reading)
                await self._body(reply)
            return reading

    async def _begin(self, status: int, headers: Mapping[str, str], reading: Reading) -> None:
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
        self.tools.tell(Started(self.item.identity, reading.total, self.writer.size))

    async def _vouch(self) -> None:
        """The record knows what the bytes on disk are of, before they are there."""
        if not self._vouched or self.writer.synced > self._synced:
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
            raise self._error(TooLarge, f"announced are {total:,} bytes, allowed {most:,}")
        missing = max((total or 0) - self.writer.size, 0)
        left = await self.tools.room.ask(self.need, missing, reserve=settings.keep_free)
        return min(most, self.writer.size + left) if most is not None else total or self.writer.size + left

    async def _body(self, reply: StorageReply) -> None:
        settings = self.item.terms.settings
        add = self.writer.add
        async with self.tools.watchdog.watch(settings.stall, settings.stall_bytes) as watch:
            async for chunk in reply.chunks():
                watch.moved += len(chunk)
                if add(chunk):
                    await self._turn(watch)
        self._moved()
        if self.kept.total is None:
            self.kept = evolve(self.kept, total=self.writer.size)
        elif self.writer.size < self.kept.total:
            await self._keep()

    async def _turn(self, watch: Watch) -> None:
        """A buffer is full: on with it, and see where we stand."""
        watch.resting = True
        await self._vouch()
        await self.writer.turn()
        watch.resting = False
        self._moved()

    def _moved(self) -> None:
        size = self.writer.size
        if size > self._most:
            raise self._error(TooLarge, f"more than {self._most:,} bytes came")
        self.need.missing = max((self.kept.total or 0) - size, 0)
        self._tries.arrived(size)
        self.tools.tell(Moved(self.item.identity, size, self.kept.total))

    async def _act(self, answer: Reading | tuple[Verdict, str]) -> None:
        """Do what an answer means, apart from its body."""
        if isinstance(answer, Reading):
            await self._read(answer)
            return
        verdict, told = answer
        match verdict.meaning:
            case "renew":
                await self._renew(told)
            case "again":
                await self._again(told, verdict.wait)
            case "throw away":
                await self.start_over()
                await self._again(told)
            case _:
                raise self._error(DownloadError, f"the storage answered {told}", retryable=False)

    async def _read(self, reading: Reading) -> None:
        if reading.action == "complete":
            self.kept = evolve(self.kept, total=self.writer.size)
        elif reading.action == "throw away" or (self.kept.total or 0) < self.writer.size:
            await self.start_over()
            await self._again("the storage does not continue what it began")
        elif self.writer.size != self.kept.total:
            await self._again("the body ended early")

    async def _broken(self, error: Exception) -> None:
        if isinstance(error, Stall):
            self._tries.stalls += 1
            if self._tries.stalls >= MOST_STALLS:
                raise self._error(
                    Stalled, f"too few bytes in {self.item.terms.settings.stall:g} s, {MOST_STALLS} times"
                )
        if isinstance(error, PixxelError) and not error.retryable:
            raise self._error(DownloadError, str(error), retryable=False)
        await self._again(str(error) or "the body stalled")

    async def _again(self, why: str, wait: float | None = None) -> None:
        """Wait before the next attempt, if there is one left."""
        settings, retry = self.item.terms.settings, self.item.terms.client.settings.retry
        self._tries.attempts += 1
        if self._tries.attempts >= settings.stream_attempts:
            raise self._error(DownloadError, f"{self._tries.attempts} attempts without progress; the last: {why}")
        drawn = pause(self._tries.attempts, self.tools.timing.dice(), base=retry.base, cap=retry.cap)
        await self.tools.timing.sleep(max(drawn, wait or 0.0))

    async def _renew(self, told: str) -> None:
        """A fresh link for one that was refused."""
        self._tries.renewals += 1
        if self._tries.renewals > self.item.terms.settings.renewals:
            raise self._error(LinkExpired, f"the storage refuses the link, and fresh ones too: {told}")
        self._link = await self.ask()
        self.tools.tell(Renewed(self.item.identity))

    async def _good_link(self) -> Link:
        """A link that does not end before it is used: the one at hand, or a fresh one."""
        if self._link is None:
            self._link = await self.ask()
        elif self._link.good_for(self.tools.timing.clock()) < LINK_MARGIN:
            self._link = await self.ask()
            self.tools.tell(Renewed(self.item.identity))
        return self._link

    async def start_over(self) -> None:
        """Throw away what is on disk, and what was said about it."""
        if self.writer.size:
            await self.writer.rewind()
            self.tools.tell(Rewound(self.item.identity, 0))
        self.kept, self.digests = Kept(), {}

    def _error(self, kind: type[DownloadError], message: str, *, retryable: bool = True) -> DownloadError:
        error = kind(message, package=self.item.identity, stage="stream")
        error.retryable = retryable and kind is not TooLarge
        return error
