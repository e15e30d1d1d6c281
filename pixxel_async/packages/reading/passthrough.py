"""A package passed through: status and headers for a browser, then its bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator
from types import TracebackType
from typing import NoReturn, Self

from ..._aio.deadline import Deadline
from ..._formats.detect import HEAD, recognise
from ..._redact import excerpt
from ...errors import ConfigError, DownloadError, NotAPackage
from .rules.forwarding import StorageRequest, forwarded
from .upstream import BodySource, Upstream

__all__ = ["PackageStream"]


class PackageStream:
    """One package on its way through here to somebody else; made by `client.packages.open`.

    Use it as an async context manager, await it, or call `open` and `aclose` from wherever the framework likes. It is
    open once the storage has answered: refusals are raised before a response has begun. Then `status` and `headers`
    are fit to be sent on, and iterating gives the bytes as the reader takes them, one iteration in all.

    A cut on the way from the storage is continued unseen. Where that cannot be done, the iteration raises, and the
    response must be broken off, not ended.

    Example:
        >>> async with client.packages.open(package, range=request.headers.get("Range")) as stream:
        ...     response = web.StreamResponse(status=stream.status, headers=stream.headers)
        ...     await response.prepare(request)
        ...     async for chunk in stream:
        ...         await response.write(chunk)
    """

    def __init__(
        self,
        source: BodySource,
        asked: StorageRequest,
        name: str,
        *,
        most: int | None = None,
        deadline: float | None = None,
    ) -> None:
        self._source = source
        self._asked = asked
        self._name = name
        self._deadline = Deadline(f"{source.package} was not passed on", deadline)
        self._upstream = Upstream(source, most=most, deadline=self._deadline)
        self._ahead: deque[bytes] = deque()
        self._status = 0
        self._headers: dict[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._expiring: asyncio.Task[None] | None = None
        self._late = False
        self._bodiless = False

    @property
    def status(self) -> int:
        """200, 206, 304 or 416."""
        return self._status or self._unopened()

    @property
    def headers(self) -> dict[str, str]:
        """Headers to send on: each of them read and written anew, none as the storage spelled it."""
        return self._headers or self._unopened()

    async def open(self) -> Self:
        """Have the storage answer; harmless when it has.

        Raises:
            APIError: the key may not have this package.
            PackageTimedOut: it is still being packed; `retry_after` says when to come back.
            PackageFailed: packing ended without a package.
            LinkExpired, NotAPackage, TooLarge, UnsafeLink, DownloadError: the storage does not hand it out.
            TimedOut: it takes too long.
        """
        if self._status:
            return self
        self._deadline.start()
        if self._deadline.end is not None:
            self._timer = asyncio.get_running_loop().call_at(self._deadline.end, self._expire)
        try:
            await self._source.rounds.acquire()  # hundreds may be asked for in the same moment
            head = await self._upstream.open(self._asked)
            if head.status == 200:
                await self._look()
        except BaseException as error:
            await self._failed(error)
            raise
        self._bodiless = self._asked.head or head.status in (304, 416)
        self._status, self._headers = forwarded(head, self._asked, self._name)
        if self._bodiless:
            await self.aclose()
        return self

    async def _look(self) -> None:
        """The first bytes must not be a page that somebody put in the place of the package."""
        first = b""
        while len(first) < HEAD and (chunk := await self._upstream.read()):
            self._ahead.append(chunk)
            first += chunk
        package = self._source.package
        if recognise(first[:HEAD], package.promised) == "page":
            told = f": {excerpt(first)}" if package.linked else ""  # the API's own page may tell the key that it got
            raise self._source.error(NotAPackage, f"what came is a page instead of it{told}")

    def __await__(self) -> Generator[object, None, Self]:
        return self.open().__await__()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._status:
            self._unopened()
        try:
            chunk = b"" if self._bodiless else await self._next()
        except BaseException as error:
            await self._failed(error)
            raise
        if not chunk:
            await self.aclose()
            raise StopAsyncIteration
        return chunk

    async def _next(self) -> bytes:
        return self._ahead.popleft() if self._ahead else await self._upstream.read()

    async def aclose(self) -> None:
        """Let go of the storage at once; harmless when repeated, and from any task, also while somebody reads."""
        if self._timer is not None:
            self._timer.cancel()
        await self._upstream.close()
        if self._expiring is not None:
            await asyncio.wait([self._expiring])

    async def _failed(self, error: BaseException) -> None:
        """Whatever ends it early also lets go of the storage, and is late when the time was over."""
        await self.aclose()
        if isinstance(error, DownloadError):
            error.package = error.package or str(self._source.package)
            if self._late:
                raise self._deadline.late from None

    def _expire(self) -> None:
        self._late = True
        self._expiring = asyncio.get_running_loop().create_task(self._upstream.close())

    def _unopened(self) -> NoReturn:
        raise ConfigError("the stream is not open: use it as an async context manager, or await it")

    def __repr__(self) -> str:
        return f"PackageStream({self._source.package}, status={self._status or None})"
