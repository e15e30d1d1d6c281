"""Fetch one body into its part file: `BodyDownload.fetch` resumes, renews links, retries, and never joins two versions.

Rule 1: responses are classified in `rules/resume.py` and `rules/responses.py`; this module acts on the result.
Rule 2: validators are recorded before a byte that they vouch for is in the file. A body that fits into one buffer, of a
    package that the record knows nothing of, is written when it is complete, and needs none until then.
Rule 3: the retry budget is bounded, and refilled only by bytes that were never here before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from typing import TYPE_CHECKING

from attrs import define, field

from ..._protocol.storage_answers import classify
from ...errors import ConnectionFailed, DownloadError, TimedOut, TooLarge
from ...events import Moved, Renewed, Rewound, Started
from ..limits.stall import StallDetected, Watch
from .attempts import RetryBudget
from .multipart import MultipartDownload
from .rules.multipart import RateGauge, may_split, useful_connections
from .rules.responses import StorageRefusal, classify_refusal, server_file_name, stated_digests
from .rules.resume import Kept, RangeRequest, RangeVerdict, next_request, read_response

if TYPE_CHECKING:
    from ..._http.streaming import StorageReply
    from ...packages import Link
    from ..disk.parts.part_writer import PartWriter
    from ..item import Item
    from ..limits.connections import BodyConnections
    from ..limits.free_space import Reservation
    from ..services import Services

__all__ = ["BodyDownload"]

LINK_MARGIN = 5.0
"""Seconds: a link that expires sooner is renewed before it is used."""


@define(eq=False, kw_only=True)
class BodyDownload:
    """The download of one body into its part file.

    Args:
        item: the package.
        services: the manager's.
        writer: writes the open part file.
        kept: the recorded facts about its bytes.
        reservation: reserves free space on the disk.
        known: whether the record holds validators, which the next bytes may contradict.
        renew_link: requests a fresh link from the API; raises when there is none.
        remember: records validators and the number of synced bytes.

    Attributes:
        digests: checksums of the whole package that the storage stated: algorithm -> bytes.
        server_name: the file name that the storage gave; never used for a path.
        resumed_from: bytes of an earlier run that are part of it.
    """

    item: Item
    services: Services
    writer: PartWriter
    kept: Kept
    reservation: Reservation
    known: bool
    renew_link: Callable[[], Awaitable[Link]]
    remember: Callable[[Kept, int], Awaitable[None]]
    digests: dict[str, bytes] = field(factory=dict)
    server_name: str | None = None
    resumed_from: int = field(init=False)
    _link: Link | None = field(init=False, default=None)
    _budget: RetryBudget = field(init=False)
    _max_bytes: int = field(init=False, default=0)
    _vouched: bool = field(init=False, default=False)
    _synced: int = field(init=False, default=0)
    _reported: int = field(init=False, default=0)
    _most: int = field(init=False)
    _responded: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._link = self.item.link
        self.resumed_from = self.writer.here
        self._report_here()
        self._most = 1 if self.item.settings.max_bandwidth else self.item.settings.max_connections
        self._budget = RetryBudget(item=self.item, services=self.services, high=self.writer.here)

    async def fetch(self) -> None:
        """Fetch all bytes that are missing: link, range, response, verdict, body; then resume, renew, or stop.

        Raises:
            LinkExpired, Stalled, TooLarge, DiskFull, DownloadError: the package fails in this run.
            APIError, ConnectionFailed, TimedOut: the same, where the body is an answer of the API and none came.
        """
        while not (request := self._next_request()).complete:
            link = await self._usable_link()
            self._responded = self.item.package.linked
            try:
                if self.writer.beyond:
                    verdict = await self._fetch_gaps(link)
                else:
                    verdict = await self._fetch_rest(link, request)
            except (ConnectionFailed, TimedOut, StallDetected) as error:
                if not self._responded:
                    raise  # a call of the API, which `Sender` has retried already
                if self.writer.here > self._reported:
                    self._report()
                await self._keep()
                await self._budget.record_break(error)
            else:
                await self._prepare_next(verdict)

    async def _prepare_next(self, verdict: RangeVerdict | StorageRefusal) -> None:
        """Prepare the next request after a response, or raise. There are eight cases."""
        match verdict:
            case StorageRefusal(meaning="renew"):  # 1. the link is refused: request a fresh one
                self._budget.count_renewal(verdict.message)
                self._link = await self.renew_link()
                self.services.emit(Renewed(self.item.identity))
            case StorageRefusal(meaning="busy"):  # 2. rate limited: the host limiter pauses the next request
                self._budget.count_busy(verdict.message)
            case StorageRefusal(meaning="again"):  # 3. a passing failure: back off
                await self._budget.back_off(verdict.message)
            case StorageRefusal(meaning="throw away"):  # 4. the range cannot be had: back off, then from byte 0
                await self.start_over()
                await self._budget.back_off(verdict.message)
            case StorageRefusal():  # 5. refused for good
                raise self._budget.error(DownloadError, f"the storage answered {verdict.message}", retryable=False)
            case RangeVerdict(action="complete"):  # 6. a 416 says that nothing is missing
                self.kept = self.kept._replace(total=self.writer.size)
            case RangeVerdict(action="alone"):  # 7. no ranges to be had: one connection goes on from the prefix
                await self._join()
            case _ if verdict.action == "throw away" or (self.kept.total or 0) < self.writer.size:
                await self.start_over()  # 8. another object than before: from byte 0
                await self._budget.back_off("the storage does not resume the body")
            case _ if self.writer.size != self.kept.total:
                await self._budget.back_off("the body ended early")

    def _next_request(self) -> RangeRequest:
        proved, unsafe = self.item.settings.verify == "full", self.item.constants.resume_without_validator
        self.kept = self._kept_now()
        if self.kept.size == self.kept.total:
            return RangeRequest(self.kept.size, complete=True)
        return next_request(self.kept, proved=proved, unsafe=unsafe)

    def _kept_now(self) -> Kept:
        """Return the facts about the bytes that are here now."""
        return self.kept if self.kept.size == self.writer.size else self.kept._replace(size=self.writer.size)

    async def _usable_link(self) -> Link | None:
        """Return the present link, or a fresh one if it is about to expire; None for a package without links."""
        if not self.item.package.linked:
            return None
        if self._link is None:
            self._link = await self.renew_link()
        elif self._link.good_for(self.item.client.timing.clock()) < LINK_MARGIN:
            self._link = await self.renew_link()
            self.services.emit(Renewed(self.item.identity))
        return self._link

    async def _fetch_rest(self, link: Link | None, request: RangeRequest) -> RangeVerdict | StorageRefusal:
        """Send one request; read its body if the response continues or replaces the part file.

        Where more connections are worth it, the body goes on over several of them, of which this one is the first.
        """
        with self._registered(link) as connections:
            async with AsyncExitStack() as opened:
                await opened.enter_async_context(connections.open())
                body = self.item.client.packages.body(self.item.package, link, headers=request.headers)
                reply = await opened.enter_async_context(body)
                self._responded = True
                connections.record_head(reply.latency)
                meaning = classify(reply.status, reply.headers)
                if meaning == "busy":
                    connections.record_refusal()
                if meaning != "body":
                    return classify_refusal(reply.status, reply.headers, await reply.peek())
                verdict = read_response(reply.status, reply.headers, request, self.kept)
                if verdict.action not in ("go on", "from 0"):
                    return verdict
                await self._prepare(reply.status, reply.headers, verdict)
                connections.demand = 1
                async with self.item.context.bodies:
                    gauge = RateGauge(self.services.timing.clock(), self.writer.size)
                    if await self._read_body(reply, connections, gauge) or link is None:
                        return verdict
                    parts = self._multipart(link, connections, gauge.rate)
                    return await self._fetch_parts(parts, reply, opened)

    def _registered(self, link: Link | None) -> AbstractContextManager[BodyConnections]:
        """Register the body with the connections of its storage."""
        settings, per_host = self.item.settings, self.item.client.settings.http.max_connections_per_host
        ceiling = min(settings.max_connections, per_host or settings.max_connections)
        floor = settings.max_concurrent_downloads
        return self.services.connections.body(link, self.item.client, floor=floor, ceiling=ceiling)

    async def _fetch_gaps(self, link: Link | None) -> RangeVerdict | StorageRefusal:
        """Fetch the gaps that several connections of an earlier attempt have left."""
        if link is None or not may_split(self.kept):
            return RangeVerdict("alone")
        self._max_bytes = await self._reserve(self.kept.total)
        self.services.emit(Started(self.item.identity, self.kept.total, self._report_here()))
        with self._registered(link) as connections:
            async with self.item.context.bodies:
                return await self._fetch_parts(self._multipart(link, connections, 0.0))

    def _multipart(self, link: Link, connections: BodyConnections, rate: float) -> MultipartDownload:
        return MultipartDownload(
            item=self.item, services=self.services, writer=self.writer, kept=self.kept, link=link,
            connections=connections, most=self._most, rate=rate, remember=self._note, moved=self._report,
        )  # fmt: skip

    async def _fetch_parts(
        self, parts: MultipartDownload, reply: StorageReply | None = None, opened: AsyncExitStack | None = None
    ) -> RangeVerdict | StorageRefusal:
        """Fetch the rest over several connections; the next attempt uses half as many unless only the link expired."""
        verdict: RangeVerdict | StorageRefusal | None = None
        try:
            verdict = await parts.fetch(reply, opened)
        finally:
            if not (isinstance(verdict, StorageRefusal) and verdict.meaning == "renew"):
                self._most = max(parts.peak // 2, 1)
        if not self.writer.beyond:
            await self.writer.join()
        return verdict

    async def _prepare(self, status: int, headers: Mapping[str, str], verdict: RangeVerdict) -> None:
        """Prepare part file, record and free space for a body."""
        if verdict.action == "from 0":
            await self.start_over()
        etag, date = headers.get("etag", self.kept.etag), headers.get("last-modified", self.kept.last_modified)
        self.kept = Kept(self.writer.size, etag, date, verdict.total)
        self.digests |= stated_digests(headers, whole_body=status == 200)
        self.server_name = server_file_name(headers.get("content-disposition", "")) or self.server_name
        self._max_bytes = await self._reserve(verdict.total)
        self._vouched = False
        if self.known or verdict.total is None or verdict.total > self.item.constants.chunk_bytes:
            await self._record_validators()
        self.services.emit(Started(self.item.identity, verdict.total, self._report_here()))

    async def _reserve(self, total: int | None) -> int:
        """Reserve free space for the missing bytes; return the maximum size of the package in bytes."""
        limit = self.item.settings.max_package_bytes
        if limit is not None and total is not None and total > limit:
            raise self._budget.error(TooLarge, f"announced are {total:,} bytes, allowed {limit:,}")
        missing = max((total or 0) - self.writer.here, 0)
        keep_free = self.item.settings.min_free_space
        spare = await self.services.disk_space.reserve(self.reservation, missing, reserve=keep_free)
        return min(limit, self.writer.here + spare) if limit is not None else total or self.writer.here + spare

    async def _read_body(self, reply: StorageReply, connections: BodyConnections, gauge: RateGauge) -> bool:
        """Read chunks into the writer; return False as soon as more than one connection is worth it."""
        bandwidth, add = self.item.settings.max_bandwidth, self.writer.add
        if self._may_split(connections, gauge):
            return False
        async with self.services.watchdog.watch(self.item.stall_timeout, self.item.constants.stall_bytes) as watch:
            with connections.measure(watch):
                while chunk := await reply.read(watched=True):
                    watch.moved += len(chunk)
                    if add(chunk):
                        await self._write_buffer(watch, gauge)
                        if self._may_split(connections, gauge):
                            return False
                    if bandwidth is not None:
                        watch.resting = True  # the limiter's sleep is no stall
                        await self.services.bandwidth.acquire(len(chunk), bandwidth)
                        watch.resting = False
        self._report()
        if self.kept.total is None:
            self.kept = self.kept._replace(total=self.writer.size)
        elif self.writer.size < self.kept.total:
            await self._keep()
        return True

    def _may_split(self, connections: BodyConnections, gauge: RateGauge) -> bool:
        """Return whether the rest is worth several connections, and the body may have them."""
        demand = 1
        if self._most > 1 and self._link is not None:
            demand = useful_connections(
                self._kept_now(), gauge,
                far=connections.far, rtt=connections.rtt, least=self.item.constants.least_range,
            )  # fmt: skip
        connections.demand = demand
        return demand > 1 and connections.share(demand) > 1

    async def _write_buffer(self, watch: Watch, gauge: RateGauge) -> None:
        """Hand a full buffer to the writer thread, and report progress."""
        watch.resting = True
        await self._record_validators()
        await self.writer.hand_over()
        watch.resting = False
        self._report()
        gauge.record_bytes(self.services.timing.clock(), self.writer.size)

    async def _record_validators(self) -> None:
        """Record the validators before bytes that they vouch for are on the disk."""
        if not self._vouched or self.writer.synced > self._synced:
            await self._note()

    async def _note(self) -> None:
        self._vouched = self.known = True
        self._synced = self.writer.synced
        await self.remember(self.kept, self._synced)

    async def _keep(self) -> None:
        """Write all bytes that arrived, vouched for in the record."""
        if self.writer.size:
            await self._record_validators()
        await self.writer.flush()

    def _report(self) -> None:
        """Emit progress; raise `TooLarge` when more arrived than the package may have."""
        size = self.writer.here
        if size > self._max_bytes:
            raise self._budget.error(TooLarge, f"more than {self._max_bytes:,} bytes came")
        self.reservation.missing = max((self.kept.total or 0) - size, 0)
        self._budget.record_progress(size)
        gained = max(size - self._reported, 0)
        self.services.emit(Moved(self.item.identity, self._report_here(), self.kept.total, gained))

    def _report_here(self) -> int:
        """Return the bytes that are here; progress is counted from them on."""
        self._reported = self.writer.here
        if self.item.running is not None:
            self.item.running.size = self._reported
        return self._reported

    async def _join(self) -> None:
        """Drop regions beyond the prefix and use a single connection from now on."""
        had_ranges, self._most = bool(self.writer.beyond), 1
        await self.writer.join()
        await self._note()
        if had_ranges:
            self.services.emit(Rewound(self.item.identity, self._report_here()))

    async def start_over(self) -> None:
        """Drop all bytes and all validators."""
        if self.writer.here:
            await self.writer.rewind()
            self.services.emit(Rewound(self.item.identity, self._report_here()))
        self.kept, self.digests, self.resumed_from = Kept(), {}, 0
