"""Reading packages from the storage: pass-through streams, and single members of archives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from os import PathLike
from pathlib import Path
from typing import overload

from ..._aio.deadline import Deadline
from ..._aio.loop_budget import LoopBudget
from ..._aio.threads import Threads
from ..._http.resource import API
from ..._http.streaming import Storage, StorageReply
from ...settings import DownloadSettings, MiB, RetrySettings, Timing
from ..kinds.package import Answered, Package
from ..kinds.package_like import PackageLike, as_package
from ..link import Link
from ..rules.expiry import MARGIN, margin
from .member_part import MemberStarts, read_part
from .member_stream import MemberStream
from .passthrough import PackageStream
from .rules.forwarding import storage_request
from .save import save
from .upstream import BodySource
from .zip_directory import Member, pick, read_members

__all__ = ["PackageReader"]

MAX_BYTES_IN_MEMORY = 64 * MiB
"""Default limit of a member that `fetch_member` returns as bytes."""


class PackageReader(ABC):
    """Read packages by signed links; the subclass requests and caches the links.

    Args:
        api: returns the bytes of the kinds without links.
        timing: the client's clock, sleep and random numbers.
        storage: opens signed links.
        download: size limits and deadlines of reading.
        retry: backoff between attempts to read.
        rounds: limits the work of concurrent readers in one turn of the event loop; None for a budget of their own.
        threads: pool for blocking work, shared by all keys of a client; None for a pool of their own.
    """

    def __init__(
        self,
        api: API,
        timing: Timing,
        storage: Storage,
        download: DownloadSettings | None,
        retry: RetrySettings | None,
        rounds: LoopBudget | None,
        threads: Threads | None,
    ) -> None:
        self._api = api
        self._timing = timing
        self._storage = storage
        self._download = download or DownloadSettings()
        self._retry = retry or RetrySettings()
        self._rounds = rounds or LoopBudget()
        self._threads = threads or Threads()
        self._starts = MemberStarts()

    @abstractmethod
    async def link(self, package: PackageLike, *, min_lifetime: float = 60.0, fresh: bool = False) -> Link:
        """Return a signed link that is valid for at least `min_lifetime` seconds."""

    @abstractmethod
    def _cached_link(self, package: Package) -> tuple[Link, float] | None:
        """Return the cached link and the client's time in seconds at which it arrived."""

    def body(
        self, package: Package, link: Link | None, *, headers: Mapping[str, str], buffer: int | None = None
    ) -> AbstractAsyncContextManager[StorageReply]:
        """Send one request for a package's bytes, without retries and without resuming.

        Args:
            link: a valid link; None for the kinds without links.
            headers: request headers, such as Range.
            buffer: as in `Storage.get`.
        """
        if isinstance(package, Answered):
            return self._api.stream(package.call())
        return self._storage.get("" if link is None else link.url, headers=headers, buffer=buffer)

    def open(
        self,
        package: PackageLike,
        *,
        range: str | None = None,
        if_range: str | None = None,
        if_none_match: str | None = None,
        method: str = "GET",
        name: str | None = None,
        max_bytes: int | None = None,
        timeout: float | None = None,
    ) -> PackageStream:
        """Create a stream that passes the package on, for example to a browser; no request is sent until it is opened.

        Args:
            range, if_range, if_none_match: headers of the request that you answer, unchanged.
            method: method of that request, GET or HEAD.
            name: offered file name without suffix; None for the name that it would have in a folder.
            max_bytes: limit of the answer in bytes; None for `DownloadSettings.max_package_bytes`.
            timeout: seconds for the whole stream, a slow reader included; None for `DownloadSettings.timeout`.
        """
        source = self._source(package)
        return PackageStream(
            source,
            storage_request(method, range, if_range, if_none_match),
            name or source.package.path[-1],
            most=self._download.max_package_bytes if max_bytes is None else max_bytes,
            timeout=self._seconds(timeout),
        )

    async def members(self, package: PackageLike, *, timeout: float | None = None) -> tuple[Member, ...]:
        """List a package's members by reading its archive's central directory; names are not checked to be safe paths.

        Args:
            timeout: seconds for the whole call; None for `DownloadSettings.timeout`.

        Raises:
            NoRanges: the storage does not support range requests.
            NotAPackage, Corrupt: the package is no ZIP archive, or a damaged one.
            TimedOut: it took longer than `timeout`.
        """
        source = self._source(package)
        async with Deadline(f"{source.package} was not read", self._seconds(timeout)).start().bound():
            return await read_members(source)

    def open_member(
        self, package: PackageLike, member: str | Member, *, max_bytes: int | None = None, timeout: float | None = None
    ) -> MemberStream:
        """Create a stream of one member, inflated and checked by its CRC-32; only its own bytes are fetched.

        Args:
            member: a name, a pattern that fits one name (`**/B04.tif`), or an item of `members`: that version only.
            max_bytes: limit of the inflated member in bytes; None for no limit.
            timeout: seconds for the whole stream, a slow reader included; None for `DownloadSettings.timeout`.
        """
        return MemberStream(self._source(package), member, most=max_bytes, timeout=self._seconds(timeout))

    @overload
    async def fetch_member(
        self, package: PackageLike, member: str | Member, *, max_bytes: int = ..., timeout: float | None = ...
    ) -> bytes: ...

    @overload
    async def fetch_member(
        self,
        package: PackageLike,
        member: str | Member,
        *,
        to: str | PathLike[str],
        replace: bool = ...,
        timeout: float | None = ...,
    ) -> Path: ...

    async def fetch_member(
        self,
        package: PackageLike,
        member: str | Member,
        *,
        to: str | PathLike[str] | None = None,
        replace: bool = False,
        max_bytes: int | None = None,
        timeout: float | None = None,
    ) -> bytes | Path:
        """Fetch one member as bytes, or into a file that appears only once it is complete and checked.

        Args:
            member: as in `open_member`.
            to: path of the file to write; None to return the bytes.
            replace: whether to replace an existing file.
            max_bytes: limit of the inflated member in bytes; default 64 MiB if returned, no limit if written.
            timeout: seconds for the whole call; None for `DownloadSettings.timeout`.

        Raises:
            NoSuchMember, NoRanges, TooLarge, Corrupt, DownloadError, TimedOut: as in `open_member`.
            NameTaken, DiskFull, ConfigError: the file cannot be written.
        """
        most = MAX_BYTES_IN_MEMORY if max_bytes is None and to is None else max_bytes
        async with self.open_member(package, member, max_bytes=most, timeout=timeout) as stream:
            if to is not None:
                return await save(stream, Path(to), replace=replace, threads=self._threads)
            return b"".join([piece async for piece in stream])

    async def read_member(
        self,
        package: PackageLike,
        member: str | Member,
        start: int = 0,
        stop: int | None = None,
        *,
        max_bytes: int = MAX_BYTES_IN_MEMORY,
        timeout: float | None = None,
    ) -> bytes:
        """Read a part of one member, such as a window of a raster.

        A member that is stored uncompressed costs one range request for just these bytes, and another one the first
        time; a compressed one is inflated from its beginning. A part cannot be checked by a CRC-32: the version of the
        archive is, so that parts of one `Member` are always of the same file.

        Args:
            member: as in `open_member`. An item of `members` saves another read of the archive's directory.
            start, stop: offsets in the uncompressed member; None for its end, and bytes behind it are left out.
            max_bytes: limit of the part; default 64 MiB.
            timeout: seconds for the whole call; None for `DownloadSettings.timeout`.

        Raises:
            NoSuchMember, NoRanges, TooLarge, Corrupt, DownloadError, TimedOut: as in `open_member`.
        """
        source, seconds = self._source(package), self._seconds(timeout)
        async with Deadline(f"{source.package} was not read", seconds).start().bound():
            chosen = pick(await read_members(source), member, source) if isinstance(member, str) else member
            return await read_part(source, chosen, start, stop, self._starts, most=max_bytes, timeout=seconds)

    def _seconds(self, timeout: float | None) -> float:
        return self._download.timeout if timeout is None else timeout

    def _source(self, package: PackageLike) -> BodySource:
        """Bind a package to the functions that request its links and bytes."""
        subject = as_package(package)
        return BodySource(
            package=subject,
            body=partial(self.body, subject),
            link=partial(self._usable_link, subject),
            renew=partial(self._renew_link, subject),
            timing=self._timing,
            download=self._download,
            retry=self._retry,
            rounds=self._rounds,
            threads=self._threads,
        )

    async def _usable_link(self, package: Package) -> Link | None:
        """Return a link with enough lifetime left to start reading; None for kinds without links."""
        if not package.linked:
            return None
        cached = self._cached_link(package)
        lifetime = MARGIN if cached is None else margin(cached[0].good_for(cached[1]))
        return await self.link(package, min_lifetime=lifetime)

    async def _renew_link(self, package: Package, refused: Link) -> Link:
        """Return a link other than the refused one; concurrent readers share the new one."""
        cached = self._cached_link(package)
        return await self.link(package, fresh=cached is None or cached[0] is refused)
