"""One body on its way from the storage: opened on a link that is good, and continued where it was cut.

Rule 1: a body is continued only by a strong ETag, so that no two versions are ever joined. Else its reader is told.
Rule 2: it ends where it was announced to end, or raises: there is no clean short end.
Rule 3: nothing is read ahead of the reader but what the connection buffers; closing drops the connection at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress

from attrs import evolve, frozen

from ..._aio.deadline import Deadline
from ..._aio.loop_budget import LoopBudget
from ..._http.streaming import StorageReply
from ..._protocol.backoff import backoff
from ..._protocol.ranges import ByteRange, is_strong
from ..._protocol.storage_answers import Meaning, RetryCounters, classify, describe
from ...errors import ConnectionFailed, DownloadError, LinkExpired, TimedOut, TooLarge
from ...settings import DownloadSettings, RetrySettings, Timing
from ..kinds.package import Package
from ..link import Link
from .rules.forwarding import Head, StorageRequest, read_head

__all__ = ["BodySource", "Upstream"]

RENEWALS = 1
"""Fresh links without real progress in between: where a fresh one is refused too, a third would be no better."""

BUFFER = 64 * 1024
"""Bytes that wait for a reader, twice as many at most, and bytes of a piece: there may be very many readers, and slow
ones, and while one writes a piece to its browser the rest need not be held twice."""


Body = Callable[..., AbstractAsyncContextManager[StorageReply]]
"""`Reading.body` of one package."""


@frozen(eq=False, kw_only=True)
class BodySource:
    """Where one package is read from, with one key.

    Attributes:
        body: makes one request, with a link.
        link: a link that is good for a while; a kept one if there is one, None where none is needed.
        renewed: sees to it that the link that was refused is kept no more, but another one.
        timing: the client's.
        download: bounds the attempts, and what counts as progress.
        retry: how long the pauses between them are.
        rounds: shared by all that is read with one client, whatever the key.
    """

    package: Package
    body: Body
    link: Callable[[], Awaitable[Link | None]]
    renewed: Callable[[Link], Awaitable[object]]
    timing: Timing
    download: DownloadSettings
    retry: RetrySettings
    rounds: LoopBudget

    def error(self, kind: type[DownloadError], message: str, *, status: int = 0, final: bool = False) -> DownloadError:
        """An error about this package; `final`: trying again later is no use."""
        error = kind(message, package=str(self.package), stage="stream", status=status)
        error.retryable = kind.retryable or (kind is DownloadError and not final)
        return error


class Upstream:
    """One body, or the part of it that is asked for; `open`, then `read` until nothing comes, and `close` at any time.

    Args:
        source: where it is read from.
        most: bytes that it may have; None for any number.
        deadline: ends waiting for an answer; None for none. Who reads ends reading, by closing it.

    Attributes:
        head: what the storage said about it.
    """

    def __init__(self, source: BodySource, *, most: int | None = None, deadline: Deadline | None = None) -> None:
        self.head = Head(0)
        self._source = source
        self._most = most
        self._deadline = deadline or Deadline("", None)
        self._tries = RetryCounters(source.download.progress_step)
        self._link: Link | None = None
        self._held = AsyncExitStack()
        self._chunks: AsyncGenerator[bytes, None] | None = None
        self._at = 0
        self._closed = self._ended = False

    async def open(self, asked: StorageRequest) -> Head:
        """Have the storage answer.

        Raises:
            LinkExpired: it refuses links, fresh ones too.
            TooLarge: what it announces is more than allowed.
            DownloadError: it refuses, or does not answer after several attempts.
            TimedOut: the deadline is over.
        """
        async with self._deadline.bound():
            return await self._opened(asked)

    async def _opened(self, asked: StorageRequest) -> Head:
        while True:
            reply = await self._answer(asked)
            head = read_head(reply.status, reply.headers, asked.range)
            if head is not None:
                break
            await self._again("the storage answered with another range than was asked for")
        if self._most is not None and (head.length or 0) > self._most:
            await self.close()
            raise self._source.error(TooLarge, f"announced are {head.length:,} bytes, allowed {self._most:,}")
        self.head, self._at = head, head.first
        await self._begin(reply)
        return head

    async def read(self) -> bytes:
        """The next bytes, at least one; nothing at the end.

        Raises:
            DownloadError: it was cut, and could not be continued.
        """
        while not self._ended:
            await self._source.rounds.acquire()
            self._check_open()
            try:
                chunk = await self._next()
            except (ConnectionFailed, TimedOut) as error:
                await self._continue(error.message)
                continue
            if chunk:
                return self._counted(chunk)
            if self._is_whole():
                self._ended = True
                await self.close()
            else:
                await self._continue("the body ended early")
        return b""

    async def _next(self) -> bytes:
        if self._chunks is None:
            return b""
        try:
            return await self._chunks.__anext__()
        except StopAsyncIteration:
            return b""

    async def close(self) -> None:
        """Drop the connection, unless the body was read to its end; harmless when repeated, and from any task."""
        self._closed = True
        await self._drop()

    async def _drop(self) -> None:
        held, self._held, self._chunks = self._held, AsyncExitStack(), None
        await held.aclose()

    async def _begin(self, reply: StorageReply) -> None:
        self._chunks = chunks = reply.chunks()

        async def ended() -> None:
            with suppress(RuntimeError):  # somebody reads from it, and learns by the connection's end
                await chunks.aclose()

        self._held.push_async_callback(ended)

    def _is_whole(self) -> bool:
        return self.head.stop is None or self._at >= self.head.stop

    def _counted(self, chunk: bytes) -> bytes:
        self._at += len(chunk)
        received, stop = self._at - self.head.first, self.head.stop
        if (stop is not None and self._at > stop) or (self._most is not None and received > self._most):
            raise self._source.error(TooLarge, f"{received:,} bytes came, more than were announced or are allowed")
        self._tries.arrived(received)
        return chunk

    async def _continue(self, why: str) -> None:
        async with self._deadline.bound():
            await self._go_on(why)

    async def _go_on(self, why: str) -> None:
        """Continue behind the last byte that came."""
        self._check_open()
        head = self.head
        if not is_strong(head.etag):
            raise self._source.error(DownloadError, f"{why}; without a strong ETag it is not continued")
        await self._again(why)
        rest = ByteRange(self._at, None if head.stop is None else head.stop - 1)
        reply = await self._answer(StorageRequest({"range": rest.header, "if-range": head.etag}, rest))
        told = read_head(reply.status, reply.headers, rest)
        if told is None or not head.continued_by(told):
            raise self._source.error(DownloadError, f"{why}, and the storage does not continue that version")
        self.head = evolve(head, stop=told.stop, total=told.total)
        await self._begin(reply)

    async def _answer(self, asked: StorageRequest) -> StorageReply:
        """An answer that is worth reading, on a fresh link or at a later attempt if need be."""
        while True:
            await self._drop()
            self._check_open()
            try:
                reply, meaning, told = await self._get(asked)
            except (ConnectionFailed, TimedOut) as error:
                if not self._source.package.linked:
                    raise  # a call of the API, which was repeated already
                if not error.retryable:
                    raise self._source.error(DownloadError, error.message, final=True) from None
                await self._again(error.message)
                continue
            self._check_open()
            match meaning:
                case "body":
                    return reply
                case "renew":
                    await self._renew(told)
                case "busy" | "again":
                    await self._again(told)
                case _:
                    raise self._source.error(
                        DownloadError, f"the storage answered {told}", status=reply.status, final=True
                    )

    async def _get(self, asked: StorageRequest) -> tuple[StorageReply, Meaning, str]:
        """One answer, what it means, and what it says if it is none to be read."""
        source = self._source
        await source.link()  # while others open
        async with source.rounds.opening():
            self._link = link = await source.link()  # the one before may have been refused meanwhile
            reply = await self._held.enter_async_context(source.body(link, headers=asked.headers, buffer=BUFFER))
        if classify(reply.status, reply.headers, conditional=True) == "body":
            return reply, "body", ""
        head = await reply.peek()
        return reply, classify(reply.status, reply.headers, head), describe(reply.status, reply.headers, head)

    async def _renew(self, told: str) -> None:
        self._tries.renewals += 1
        if self._tries.renewals > RENEWALS or self._link is None:
            raise self._source.error(LinkExpired, f"the storage refuses the link, and a fresh one too: {told}")
        await self._drop()
        await self._source.renewed(self._link)

    async def _again(self, why: str) -> None:
        """Wait before the next attempt, if there is one left."""
        source = self._source
        self._tries.attempts += 1
        await self._drop()
        if self._tries.attempts >= source.download.max_attempts:
            raise self._source.error(
                DownloadError, f"{self._tries.attempts} attempts without progress; the last: {why}"
            )
        drawn = backoff(
            self._tries.attempts, source.timing.dice(), base=source.retry.initial_delay, cap=source.retry.max_delay
        )
        await source.timing.sleep(drawn)

    def _check_open(self) -> None:
        if self._closed:
            raise self._source.error(DownloadError, "it was closed before its end")
