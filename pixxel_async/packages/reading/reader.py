"""What a package's link leads to: its bytes passed through, and single files out of it."""

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
from ..._http.resource import API
from ..._http.streaming import Storage, StorageReply
from ...settings import DownloadSettings, MiB, RetrySettings, Timing
from ..kinds.package import Answered, Package
from ..kinds.wanted import PackageLike, as_package
from ..link import Link
from ..rules.expiry import MARGIN, margin
from .member_stream import MemberStream
from .passthrough import PackageStream
from .rules.forwarding import asked
from .save import save
from .upstream import BodySource
from .zip_directory import Member, read_members

__all__ = ["PackageReader"]

MOST_IN_MEMORY = 64 * MiB
"""Bytes of a file that is returned, unless its caller allows more."""


class PackageReader(ABC):
    """Reads packages in the storage, by links that somebody keeps.

    Args:
        api: answers with the bytes of the kinds without links.
        timing: the client's clock.
        storage: opens signed links.
        download: bounds of what is read.
        retry: pauses between attempts to read.
        rounds: what all that read together may do at once; None for rounds of their own.
    """

    def __init__(
        self,
        api: API,
        timing: Timing,
        storage: Storage,
        download: DownloadSettings | None,
        retry: RetrySettings | None,
        rounds: LoopBudget | None,
    ) -> None:
        self._api = api
        self._timing = timing
        self._storage = storage
        self._download = download or DownloadSettings()
        self._retry = retry or RetrySettings()
        self._rounds = rounds or LoopBudget()

    @abstractmethod
    async def link(self, package: PackageLike, *, min_lifetime: float = 60.0, fresh: bool = False) -> Link:
        """A signed link that is good for a while."""

    @abstractmethod
    def _kept(self, package: Package) -> tuple[Link, float] | None:
        """The link that is kept, and the client's time at which it came."""

    def body(
        self, package: Package, link: Link | None, *, headers: Mapping[str, str], buffer: int | None = None
    ) -> AbstractAsyncContextManager[StorageReply]:
        """One request for a package's bytes, for those who go on by themselves when it breaks.

        Args:
            link: a link that is good; None for the kinds that need none.
            headers: to send to the storage, such as Range.
            buffer: as in `Storage.get`.
        """
        if isinstance(package, Answered):
            return self._api.open(package.call())
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
        deadline: float | None = None,
    ) -> PackageStream:
        """The package's bytes for somebody else, such as a browser; nothing is sent before it is opened.

        Args:
            range, if_range, if_none_match: headers of the request that is being answered, as they came.
            method: of that request, GET or HEAD.
            name: of the file that is offered, without suffix; None: as it would be called in a folder.
            max_bytes: of the answer; None for `DownloadSettings.max_package_bytes`.
            deadline: seconds for all of it, a slow reader included; None for `DownloadSettings.timeout`.
        """
        source = self._source(package)
        return PackageStream(
            source,
            asked(method, range, if_range, if_none_match),
            name or source.package.path[-1],
            most=self._download.max_package_bytes if max_bytes is None else max_bytes,
            deadline=self._seconds(deadline),
        )

    async def members(self, package: PackageLike, *, deadline: float | None = None) -> tuple[Member, ...]:
        """What is in a package, read from the end of its archive; a name promises nothing about where it leads.

        Args:
            deadline: seconds for all of it; None for `DownloadSettings.timeout`.

        Raises:
            NoRanges: the storage serves packages whole only.
            NotAPackage, Corrupt: it is no ZIP archive, or no sound one.
            TimedOut: it takes too long.
        """
        source = self._source(package)
        async with Deadline(f"{source.package} was not read", self._seconds(deadline)).start().bound():
            return await read_members(source)

    def open_member(
        self, package: PackageLike, which: str | Member, *, max_bytes: int | None = None, deadline: float | None = None
    ) -> MemberStream:
        """One file of a package as a stream of its bytes, unpacked and checked; nothing else of it is fetched.

        Args:
            which: its name, a pattern that fits one name (`**/B04.tif`), or one of `members`, whose version it is then.
            max_bytes: of the unpacked file; None for any number.
            deadline: seconds for all of it, a slow reader included; None for `DownloadSettings.timeout`.
        """
        return MemberStream(self._source(package), which, most=max_bytes, seconds=self._seconds(deadline))

    @overload
    async def fetch_member(
        self, package: PackageLike, which: str | Member, *, max_bytes: int = ..., deadline: float | None = ...
    ) -> bytes: ...

    @overload
    async def fetch_member(
        self,
        package: PackageLike,
        which: str | Member,
        *,
        to: str | PathLike[str],
        replace: bool = ...,
        deadline: float | None = ...,
    ) -> Path: ...

    async def fetch_member(
        self,
        package: PackageLike,
        which: str | Member,
        *,
        to: str | PathLike[str] | None = None,
        replace: bool = False,
        max_bytes: int | None = None,
        deadline: float | None = None,
    ) -> bytes | Path:
        """One file of a package, as bytes or in a file, which is there only when it is complete and checked.

        Args:
            which: as in `open_member`.
            to: the file to write; None returns the bytes.
            replace: whether a file that is there is replaced.
            max_bytes: of the unpacked file; 64 MiB unless given when it is returned, any number when it is written.
            deadline: seconds for all of it; None for `DownloadSettings.timeout`.

        Raises:
            NoSuchMember, NoRanges, TooLarge, Corrupt, DownloadError, TimedOut: as in `open_member`.
            NameTaken, DiskFull, ConfigError: it cannot be written there.
        """
        most = MOST_IN_MEMORY if max_bytes is None and to is None else max_bytes
        async with self.open_member(package, which, max_bytes=most, deadline=deadline) as stream:
            if to is not None:
                return await save(stream, Path(to), replace=replace)
            return b"".join([piece async for piece in stream])

    def _seconds(self, deadline: float | None) -> float:
        return self._download.timeout if deadline is None else deadline

    def _source(self, package: PackageLike) -> BodySource:
        """Where a package is read from, with this key."""
        wanted = as_package(package)
        return BodySource(
            package=wanted,
            body=partial(self.body, wanted),
            link=partial(self._near, wanted),
            renewed=partial(self._renewed, wanted),
            timing=self._timing,
            download=self._download,
            retry=self._retry,
            rounds=self._rounds,
        )

    async def _near(self, package: Package) -> Link | None:
        """A link to read by now; None where none is needed."""
        if not package.linked:
            return None
        kept = self._kept(package)
        return await self.link(package, min_lifetime=MARGIN if kept is None else margin(kept[0].good_for(kept[1])))

    async def _renewed(self, package: Package, refused: Link) -> Link:
        """A link other than the refused one; those who are refused together share it."""
        kept = self._kept(package)
        return await self.link(package, fresh=kept is None or kept[0] is refused)
