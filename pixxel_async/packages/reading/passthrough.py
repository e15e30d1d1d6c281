"""Pass-through of a package: status and headers for an HTTP response, then the bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator
from typing import NoReturn, Self

from ..._aio.deadline import Deadline
from ..._formats.detect import HEAD, recognise
from ..._redact import excerpt
from ...errors import ConfigError, DownloadError, NotAPackage
from .byte_stream import ByteStream
from .rules.forwarding import StorageRequest, browser_response
from .upstream import BodySource, Upstream

__all__ = ["PackageStream"]


class PackageStream(ByteStream):
    """A package as an HTTP response to pass on; created by `client.packages.open`.

    Use it as an async context manager, await it, or call `open` and `aclose` yourself. It is open once the storage has
    answered, so refusals are raised before your response starts. Then `status` and `headers` can be sent as they are,
    and the stream can be iterated once; it reads from the storage at the reader's pace.

    A broken connection to the storage is resumed by a range request. Where it cannot be resumed, the iteration raises;
    abort your response then, do not end it.

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
        request: StorageRequest,
        name: str,
        *,
        most: int | None = None,
        timeout: float | None = None,
    ) -> None:
        self._source = source
        self._request = request
        self._name = name
        self._deadline = Deadline(f"{source.package} was not passed on", timeout)
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
        """Response headers; each is parsed and written again, none is copied from the storage's answer."""
        return self._headers or self._unopened()

    async def open(self) -> Self:
        """Request the package; a second call does nothing.

        Raises:
            APIError: the API refused the key or the package.
            PackageTimedOut: the package is still being packed; `retry_after` holds the delay in seconds.
            PackageFailed: packing ended without a package.
            LinkExpired, NotAPackage, TooLarge, UnsafeLink, DownloadError: the storage does not deliver it.
            TimedOut: the deadline has passed.
        """
        if self._status:
            return self
        self._deadline.start()
        if self._deadline.end is not None:
            self._timer = asyncio.get_running_loop().call_at(self._deadline.end, self._expire)
        try:
            await self._source.rounds.acquire()  # hundreds of streams may open in the same moment
            head = await self._upstream.open(self._request)
            if head.status == 200:
                await self._check_first_bytes()
        except BaseException as error:
            await self._fail(error)
            raise
        self._bodiless = self._request.head or head.status in (304, 416)
        self._status, self._headers = browser_response(head, self._request, self._name)
        if self._bodiless:
            await self.aclose()
        return self

    async def _check_first_bytes(self) -> None:
        """Buffer the first bytes and raise `NotAPackage` if they are an error page."""
        first = b""
        while len(first) < HEAD and (chunk := await self._upstream.read()):
            self._ahead.append(chunk)
            first += chunk
        package = self._source.package
        if recognise(first[:HEAD], package.promised) == "page":
            quoted = f": {excerpt(first)}" if package.linked else ""  # the API's own page may repeat the API key
            raise self._source.error(NotAPackage, f"the response is an HTML page instead of the package{quoted}")

    def __await__(self) -> Generator[object, None, Self]:
        return self.open().__await__()

    async def __anext__(self) -> bytes:
        if not self._status:
            self._unopened()
        try:
            buffered = b"" if self._bodiless or not self._ahead else self._ahead.popleft()
            chunk = buffered if buffered or self._bodiless else await self._upstream.read()
        except BaseException as error:
            await self._fail(error)
            raise
        if not chunk:
            await self.aclose()
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Close the connection at once; may be repeated, and called from any task, also while another one reads."""
        if self._timer is not None:
            self._timer.cancel()
        await self._upstream.aclose()
        if self._expiring is not None:
            await asyncio.wait([self._expiring])

    async def _fail(self, error: BaseException) -> None:
        """Close the connection; raise `TimedOut` in place of `error` if the deadline closed it first."""
        await self.aclose()
        if isinstance(error, DownloadError):
            error.package = error.package or str(self._source.package)
            if self._late:
                raise self._deadline.late from None

    def _expire(self) -> None:
        self._late = True
        self._expiring = asyncio.get_running_loop().create_task(self._upstream.aclose())

    def _unopened(self) -> NoReturn:
        raise ConfigError("the stream is not open: use it as an async context manager, or await it")

    def __repr__(self) -> str:
        return f"PackageStream({self._source.package}, status={self._status or None})"
