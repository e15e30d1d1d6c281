"""Packages as an fsspec file system: `pixxel://job:W/J/outputs/ndvi/ndvi.tif`.

    with rasterio.open(fsspec.open("pixxel://job:W/J/outputs/ndvi/ndvi.tif")) as raster:
        window = raster.read(1, window=Window(0, 0, 256, 256))
    cube = pixxel_async.integrations.xarray.open("pixxel://job:W/J", "outputs/ndvi/*.tif")
    table = pandas.read_csv("pixxel://job:W/J/outputs/crop_area/crop_area.csv")
    group = zarr.open_group("pixxel://job:W/J/outputs/cube.zarr", mode="r")

Only the blocks that are read are fetched from the archive in the storage. Signed links are renewed underneath, so that
a file that was opened last week still reads.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import anyio

from ..client import PixxelClient
from ..errors import ConfigError, DownloadError, Forbidden, KeyRefused, NoSuchMember, NotFound, PixxelError
from ..packages import Member, Package, parse_package
from ..settings import Settings

try:
    from fsspec.asyn import AsyncFileSystem, sync
    from fsspec.spec import AbstractBufferedFile
except ImportError:
    raise ConfigError("pixxel:// needs an extra: pip install 'pixxel-async[fs]'") from None

__all__ = ["PixxelFileSystem"]

_BLOCK = 1 << 16
"""Bytes of a block: about a strip of a raster, so that little is fetched in vain."""
_CACHE = 64 << 20
_SEGMENTS = 8
"""Path segments among which the package's ids are looked for."""
_LISTINGS = 256
"""Archives whose directories are kept."""


class PixxelFileSystem(AsyncFileSystem):  # type: ignore[misc]
    """A read-only file system of packages; the first use of a package waits until it is packed.

    Args:
        settings: of the client; None for those of the environment (`PIXXEL_API_KEY` and so on). They are not put into
            dumps of the file system (`to_json`), and Dask workers take those of their own environment unless they are
            given.
        block_size: bytes that are fetched and kept together.
        cache_size: maximum bytes of cached blocks, for all files together; the least recently used is evicted first.
        timeout: seconds to wait for a package, and for a read; None for `DownloadSettings.timeout`.
        options: of fsspec, such as `asynchronous`.

    Raises:
        ConfigError: a size is below 1.
    """

    protocol = "pixxel"
    cachable = False  # instances are found by the text of their arguments, in which keys are masked

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        block_size: int = _BLOCK,
        cache_size: int = _CACHE,
        timeout: float | None = None,
        **options: Any,
    ) -> None:
        if block_size < 1 or cache_size < 1:
            raise ConfigError("block_size and cache_size are bytes, 1 at least")
        super().__init__(**options)
        self.storage_options: dict[str, Any]
        self._settings = settings
        self._timeout = timeout
        self._block = block_size
        self._most_blocks = max(1, cache_size // block_size)
        self._blocks: OrderedDict[tuple[str, int, str, int], bytes] = OrderedDict()
        self._listings: OrderedDict[str, dict[str, Member]] = OrderedDict()
        self._opening = asyncio.Lock()
        self._opened: PixxelClient | None = None

    def to_dict(self, *, include_password: bool = True) -> dict[str, Any]:
        """Return the file system as JSON values, without its settings, which may hold a key."""
        options: dict[str, Any] = self.storage_options
        settings = options.pop("settings", None)
        try:
            members: dict[str, Any] = super().to_dict(include_password=include_password)
        finally:
            if settings is not None:
                options["settings"] = settings
        return members

    def close(self) -> None:
        """Close the client's connections; they are opened again by the next use."""
        client, self._opened = self._opened, None
        if client is not None and self._loop is not None:
            sync(self._loop, client.aclose)

    async def _client(self) -> PixxelClient:
        async with self._opening:
            if self._opened is None:
                client = PixxelClient(settings=self._settings) if self._settings is not None else PixxelClient()
                await client.open()
                self._opened = client
                weakref.finalize(self, _close, asyncio.get_running_loop(), client)
            return self._opened

    async def _members(self, package: Package) -> dict[str, Member]:
        """Return the files of a package by name, from its archive's directory."""
        key = str(package)
        if key not in self._listings:
            client = await self._client()
            with _os_errors(key):
                await client.packages.wait(package, timeout=self._timeout)
                listed = await client.packages.members(package, timeout=self._timeout)
            self._listings[key] = {member.name: member for member in listed if not member.is_folder}
            if len(self._listings) > _LISTINGS:
                self._listings.popitem(last=False)
        return self._listings[key]

    async def _member(self, path: str) -> tuple[Package, Member]:
        package, name = split(self._strip_protocol(path))
        members = await self._members(package)
        if name not in members:
            kind = IsADirectoryError if _members_below(members, name) else FileNotFoundError
            raise kind(f"{package} has no file {name!r}")
        return package, members[name]

    async def _info(self, path: str, **options: Any) -> dict[str, Any]:
        package, name = split(self._strip_protocol(path))
        members = await self._members(package)
        if name in members:
            return _entry(package, members[name])
        if name and not _members_below(members, name):
            raise FileNotFoundError(f"{package} has no file {name!r}")
        return {"name": f"{package}/{name}".rstrip("/"), "size": 0, "type": "directory"}

    async def _ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        package, name = split(self._strip_protocol(path))
        members = await self._members(package)
        if name in members:
            entries = {name: _entry(package, members[name])}
        else:
            entries, start = {}, f"{name}/" if name else ""
            for path_below, member in _members_below(members, name).items():
                head, slash, _ = path_below[len(start) :].partition("/")
                folder = {"name": f"{package}/{start}{head}", "size": 0, "type": "directory"}
                entries[start + head] = folder if slash else _entry(package, member)
            if not entries and name:
                raise FileNotFoundError(f"{package} has no file {name!r}")
        return list(entries.values()) if detail else [entry["name"] for entry in entries.values()]

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        _, member = await self._member(path)
        first, last, _ = slice(start, end).indices(member.size)
        return await self.read_range(path, first, last)

    async def _get_file(self, rpath: str, lpath: str, callback: Any = None, **options: Any) -> None:
        """Fetch a file, checked by its CRC-32, to a local path, as `get` and `download` do; a folder is created."""
        if await self._isdir(rpath):
            make = partial(os.makedirs, lpath, exist_ok=True)
            await anyio.to_thread.run_sync(make, limiter=anyio.CapacityLimiter(1))
            return
        package, member = await self._member(rpath)
        client = await self._client()
        with _os_errors(member.name):
            await client.packages.fetch_member(package, member, to=lpath, replace=True, timeout=self._timeout)
        if callback is not None:
            callback.set_size(member.size)
            callback.absolute_update(member.size)

    async def read_range(self, path: str, start: int, stop: int) -> bytes:
        """Return bytes of a file, from the cache or by one request for each run of blocks that is missing.

        Raises:
            OSError: there is no such file, or the key may not read it.
            DownloadError: the storage does not support range requests, or failed.
        """
        package, member = await self._member(path)
        try:
            return await self._read(package, member, start, stop)
        except DownloadError:
            # The archive may have been packed again: its directory and all blocks are another file's then.
            self._listings.pop(str(package), None)
            _, current = await self._member(path)
            if current.version == member.version:
                raise
            return await self._read(package, current, start, stop)

    async def _read(self, package: Package, member: Member, start: int, stop: int) -> bytes:
        stop = min(stop, member.size)
        if stop <= start:
            return b""
        numbers = range(start // self._block, -(-stop // self._block))
        key = str(package), member.entry.offset, member.version.etag
        blocks = {at: self._blocks[(*key, at)] for at in numbers if (*key, at) in self._blocks}
        for run in _runs([at for at in numbers if at not in blocks]):
            client = await self._client()
            with _os_errors(member.name):
                data = await client.packages.read_member(
                    package, member, run.start * self._block, run.stop * self._block,
                    max_bytes=len(run) * self._block, timeout=self._timeout,
                )  # fmt: skip
            blocks |= {at: data[(at - run.start) * self._block :][: self._block] for at in run}
        for at in numbers:
            self._blocks[(*key, at)] = blocks[at]
            self._blocks.move_to_end((*key, at))
        while len(self._blocks) > self._most_blocks:
            self._blocks.popitem(last=False)
        first = numbers.start * self._block
        return b"".join(blocks[at] for at in numbers)[start - first : stop - first]

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **options: Any) -> PixxelFile:
        if mode != "rb":
            raise OSError(f"{path} cannot be opened for writing: packages are read-only")
        return PixxelFile(self, path, mode, self._block, cache_type="none", size=self.info(path)["size"])


class PixxelFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file of a package, whose blocks the file system keeps."""

    # Two open files of the same path are two: rasterio keeps what it has open in a dict, for all threads together.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def _fetch_range(self, start: int, end: int) -> bytes:
        data: bytes = sync(self.fs.loop, self.fs.read_range, self.path, start, end)
        return data


def split(path: str) -> tuple[Package, str]:
    """Split `job:W/J/outputs/x.tif` into the package and the name inside.

    Raises:
        FileNotFoundError: it does not begin with a package.
    """
    parts = path.strip("/").split("/")
    for count in range(min(len(parts), _SEGMENTS), 0, -1):
        try:
            return parse_package("/".join(parts[:count])), "/".join(parts[count:])
        except ConfigError:
            continue
    raise FileNotFoundError(f"{path[:100]!r} names no package: write job:WORKFLOW/JOB/name, task:…, insight:…")


def _members_below(members: dict[str, Member], name: str) -> dict[str, Member]:
    start = f"{name}/" if name else ""
    return {name_below: member for name_below, member in members.items() if name_below.startswith(start)}


def _entry(package: Package, member: Member) -> dict[str, Any]:
    return {"name": f"{package}/{member.name}", "size": member.size, "type": "file", "crc32": member.crc}


def _runs(blocks: list[int]) -> Iterator[range]:
    """Yield the ranges of consecutive numbers."""
    start = 0
    for at in range(1, len(blocks) + 1):
        if at == len(blocks) or blocks[at] != blocks[at - 1] + 1:
            yield range(blocks[start], blocks[at - 1] + 1)
            start = at


@contextmanager
def _os_errors(name: str) -> Iterator[None]:
    """Raise the errors of file systems for missing files and denied access."""
    try:
        yield
    except (NotFound, NoSuchMember) as error:
        raise FileNotFoundError(f"{name}: {error}") from None
    except (Forbidden, KeyRefused) as error:
        raise PermissionError(f"{name}: {error}") from None


def _close(loop: asyncio.AbstractEventLoop, client: PixxelClient) -> None:
    """Close a client whose file system is gone."""
    if not loop.is_running():
        return
    closing = asyncio.run_coroutine_threadsafe(client.aclose(), loop)
    if asyncio._get_running_loop() is loop:  # the garbage collector came by in the loop's own thread
        return
    with suppress(PixxelError, TimeoutError):  # the process ends, and its sockets with it
        closing.result(5)
