"""A body read from the storage: opened with a valid link, resumed by range requests after a cut.

Rule 1: a body is resumed only with a strong ETag (If-Range), so that two versions are never joined; else it raises.
Rule 2: a body ends at its announced length, or raises; a short body never ends cleanly.
Rule 3: backpressure: only the connection's buffer is read ahead; closing drops the connection at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress

from attrs import evolve, frozen

from ..._aio.deadline import Deadline
from ..._aio.loop_budget import LoopBudget
from ..._aio.threads import Threads
from ..._http.streaming import StorageReply
from ..._protocol.backoff import backoff
from ..._protocol.ranges import ByteRange, is_strong
from ..._protocol.storage_answers import Meaning, RetryCounters, classify, describe
from ...errors import ConnectionFailed, DownloadError, LinkExpired, TimedOut, TooLarge
from ...settings import DownloadSettings, RetrySettings, Timing
from ...settings.constants import PROGRESS_STEP
from ..kinds.package import Package
from ..link import Link
from .rules.forwarding import Head, StorageRequest, read_head

__all__ = ["BodySource", "Upstream"]

MAX_RENEWALS = 1
"""Fresh links requested without progress in between; if a fresh link is refused too, another one would not help."""

BUFFER = 64 * 1024
"""Read buffer of a connection in bytes, and size of a chunk; small, since there may be very many slow readers."""


Body = Callable[..., AbstractAsyncContextManager[StorageReply]]
"""`PackageReader.body` of one package."""


@frozen(eq=False, kw_only=True)
class BodySource:
    """The functions and limits with which one package is read, bound to one API key.

    Attributes:
        body: sends one request, with a link.
        link: returns a valid link, from the cache if possible; None for kinds without links.
        renew: replaces the refused link in the cache.
        timing: the client's clock, sleep and random numbers.
        download: limit of attempts, and the bytes that count as progress.
        retry: backoff between attempts.
        rounds: loop budget shared by all readers of one client, whatever their keys.
        threads: the client's thread pool.
    """

    package: Package
    body: Body
    link: Callable[[], Awaitable[Link | None]]
    renew: Callable[[Link], Awaitable[object]]
    timing: Timing
    download: DownloadSettings
    retry: RetrySettings
    rounds: LoopBudget
    threads: Threads

    def error(self, kind: type[DownloadError], message: str, *, status: int = 0, final: bool = False) -> DownloadError:
        """Create an error about this package; `final` marks it as not retryable."""
        error = kind(message, package=str(self.package), stage="stream", status=status)
        error.retryable = kind.retryable or (kind is DownloadError and not final)
        return error


class Upstream:
    """One body or byte range: `open` it, `read` until b"" is returned, and `aclose` it at any time.

    Args:
        source: the package's functions and limits.
        most: size limit in bytes; None for no limit.
        deadline: limits the wait for an answer; None for no limit. The reader limits reading, by closing.

    Attributes:
        head: the parsed headers of the storage's answer.
    """

    def __init__(self, source: BodySource, *, most: int | None = None, deadline: Deadline | None = None) -> None:
        self.head = Head(0)
        self._source = source
        self._most = most
        self._deadline = deadline or Deadline("", None)
        self._counters = RetryCounters(PROGRESS_STEP)
        self._link: Link | None = None
        self._held = AsyncExitStack()
        self._chunks: AsyncGenerator[bytes, None] | None = None
        self._at = 0
        self._closed = self._ended = False

    async def open(self, request: StorageRequest) -> Head:
        """Send the request until an answer can be read.

        Raises:
            LinkExpired: the storage refused the link, and a fresh one too.
            TooLarge: the announced length exceeds the limit.
            DownloadError: the storage refused, or did not answer after several attempts.
            TimedOut: the deadline has passed.
        """
        async with self._deadline.bound():
            while True:
                reply = await self._request(request)
                head = read_head(reply.status, reply.headers, request.range)
                if head is not None:
                    break
                await self._back_off("the storage answered with a different range than requested")
        if self._most is not None and (head.length or 0) > self._most:
            await self.aclose()
            raise self._source.error(
                TooLarge, f"the storage announced {head.length:,} bytes; the limit is {self._most:,}"
            )
        self.head, self._at = head, head.first
        self._read_from(reply)
        return head

    async def read(self) -> bytes:
        """Return the next bytes, at least one; b"" at the end.

        Raises:
            DownloadError: the body was cut and could not be resumed.
        """
        while not self._ended:
            await self._source.rounds.acquire()
            self._check_open()
            try:
                chunk = b"" if self._chunks is None else await anext(self._chunks, b"")
            except (ConnectionFailed, TimedOut) as error:
                await self._resume(error.message)
                continue
            if chunk:
                return self._count(chunk)
            if self.head.stop is None or self._at >= self.head.stop:
                self._ended = True
                await self.aclose()
            else:
                await self._resume("the body ended early")
        return b""

    async def aclose(self) -> None:
        """Drop the connection unless the body was read to its end; may be repeated, and called from any task."""
        self._closed = True
        await self._close_connection()

    async def _close_connection(self) -> None:
        connection, self._held, self._chunks = self._held, AsyncExitStack(), None
        await connection.aclose()

    def _read_from(self, reply: StorageReply) -> None:
        self._chunks = chunks = reply.chunks()

        async def close_chunks() -> None:
            with suppress(RuntimeError):  # another task is reading, and is ended by the closed connection
                await chunks.aclose()

        self._held.push_async_callback(close_chunks)

    def _count(self, chunk: bytes) -> bytes:
        """Count the bytes against the announced length and the limit; progress resets the retry counters."""
        self._at += len(chunk)
        received, stop = self._at - self.head.first, self.head.stop
        if (stop is not None and self._at > stop) or (self._most is not None and received > self._most):
            raise self._source.error(TooLarge, f"received {received:,} bytes, more than announced or allowed")
        self._counters.record_progress(received)
        return chunk

    async def _resume(self, reason: str) -> None:
        """Request the rest behind the last received byte, of the same version."""
        async with self._deadline.bound():
            self._check_open()
            head = self.head
            if not is_strong(head.etag):
                raise self._source.error(DownloadError, f"{reason}; without a strong ETag it cannot be resumed")
            await self._back_off(reason)
            rest = ByteRange(self._at, None if head.stop is None else head.stop - 1)
            reply = await self._request(StorageRequest({"range": rest.header, "if-range": head.etag}, rest))
            resumed = read_head(reply.status, reply.headers, rest)
            if resumed is None or not head.is_continued_by(resumed):
                raise self._source.error(DownloadError, f"{reason}; the storage does not have that version any more")
            self.head = evolve(head, stop=resumed.stop, total=resumed.total)
            self._read_from(reply)

    async def _request(self, request: StorageRequest) -> StorageReply:
        """Return an answer with a readable body, after link renewals and retries as needed."""
        while True:
            await self._close_connection()
            self._check_open()
            try:
                reply, meaning, text = await self._send(request)
            except (ConnectionFailed, TimedOut) as error:
                if not self._source.package.linked:
                    raise  # a call of the API, which was retried already
                if not error.retryable:
                    raise self._source.error(DownloadError, error.message, final=True) from None
                await self._back_off(error.message)
                continue
            self._check_open()
            match meaning:
                case "body":
                    return reply
                case "renew":
                    await self._renew(text)
                case "busy" | "again":
                    await self._back_off(text)
                case _:
                    refused = f"the storage answered {text}"
                    raise self._source.error(DownloadError, refused, status=reply.status, final=True)

    async def _send(self, request: StorageRequest) -> tuple[StorageReply, Meaning, str]:
        """Send one request; return the reply, its classification, and its text if its body is not to be read."""
        source = self._source
        await source.link()  # fills the cache while other streams are opening
        async with source.rounds.hold_opening():
            self._link = link = await source.link()  # another stream may have renewed it
            reply = await self._held.enter_async_context(source.body(link, headers=request.headers, buffer=BUFFER))
        if classify(reply.status, reply.headers, conditional=True) == "body":
            return reply, "body", ""
        head = await reply.peek()
        return reply, classify(reply.status, reply.headers, head), describe(reply.status, reply.headers, head)

    async def _renew(self, text: str) -> None:
        """Replace the refused link; raise `LinkExpired` if the fresh one was refused, too."""
        self._counters.renewals += 1
        if self._counters.renewals > MAX_RENEWALS or self._link is None:
            raise self._source.error(LinkExpired, f"the storage refused the link, and a fresh one too: {text}")
        await self._close_connection()
        await self._source.renew(self._link)

    async def _back_off(self, reason: str) -> None:
        """Count the attempt and sleep before the next one; raise `DownloadError` if none is left."""
        source = self._source
        self._counters.attempts += 1
        await self._close_connection()
        if self._counters.attempts >= source.retry.max_attempts:
            raise self._source.error(
                DownloadError, f"{self._counters.attempts} attempts without progress; the last: {reason}"
            )
        delay = backoff(
            self._counters.attempts, source.timing.random(), base=source.retry.initial_delay, cap=source.retry.max_delay
        )
        await source.timing.sleep(delay)

    def _check_open(self) -> None:
        if self._closed:
            raise self._source.error(DownloadError, "the stream was closed before its end")
