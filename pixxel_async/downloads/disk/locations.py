"""Resolve the location of a call's packages: a local folder, or an object store with its spool folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from ...errors import ConfigError
from ..record.shared import SharedCopies
from .destination import Destination
from .local_folder import LocalFolder
from .rules.state_folder import state_folder
from .state.folder_lock import FolderLocks
from .state.record_path import is_shared, record_path
from .store_urls import parse_store_url, spool_name
from .syscalls import os_errors

if TYPE_CHECKING:
    from ..._aio.threads import Threads
    from .disk import Disk

__all__ = ["Location", "LocationSpec", "Locations", "Target", "locate", "open_store"]

Target = str | Path | Destination
"""A folder, the URL of an object store, or such a store."""

_EXTRAS = {"gs": "gcs", "az": "azure", "azure": "azure", "abfs": "azure", "abfss": "azure"}
"""The extra that each scheme needs, where it is not `s3`."""


@frozen
class LocationSpec:
    """A folder, or the spool of an object store.

    Attributes:
        folder: the local folder: part files, by default the record, and without a store the final files.
        url: of the store; None for a folder.
    """

    folder: Path
    url: str | None = None

    def __str__(self) -> str:
        return str(self.folder) if self.url is None else self.url

    @property
    def record(self) -> Path:
        """The record's file, unless another one was chosen."""
        return record_path(self.folder)

    @property
    def is_shared(self) -> bool:
        """Whether it is a folder on a network file system, whose record is on a local disk of each machine."""
        return self.url is None and is_shared(self.folder) is not None


def locate(target: Target, spool: str | Path | None = None) -> LocationSpec:
    """Resolve a path, a URL or a store.

    Args:
        target: a folder, or `s3://bucket/prefix`, `gs://…`, `az://…`, or a store that is at such a URL.
        spool: the local folder of a store; None for one of its own below `$XDG_STATE_HOME/pixxel`.

    Raises:
        ConfigError: the URL cannot be used as given, or a folder was given a spool.
    """
    text = target if isinstance(target, str | Path) else target.url or ""
    url = parse_store_url(text) if isinstance(text, str) else None
    if url is not None:
        return LocationSpec(Path(spool) if spool is not None else _default_spool(url), url)
    if spool is not None:
        raise ConfigError("a spool folder is only for object stores")
    return LocationSpec(Path(text))


def _default_spool(url: str) -> Path:
    try:
        home = str(Path.home())
    except RuntimeError:  # neither HOME nor a passwd entry
        home = tempfile.gettempdir()
    return Path(state_folder(os.environ, home), "pixxel", spool_name(url))


@frozen
class Location:
    """A prepared folder, and the destination of its final files."""

    folder: Path
    destination: Destination


class Locations:
    """Makes folders, locks them for one record, and reaches stores, each store once.

    Args:
        record: the manager's record; None for the default one of the first location.
        shard: the manager's shard.
    """

    def __init__(
        self, disk: Disk, threads: Threads, record: Path | None = None, shard: tuple[int, int] | None = None
    ) -> None:
        self._disk = disk
        self._threads = threads
        self._stores: dict[str, Location] = {}
        self._record = record
        self._shard = shard
        self._locks = FolderLocks(record, shard)
        self._copies: SharedCopies | None = None

    async def close(self) -> None:
        """Publish the record of a shared folder, and unlock the folders.

        Raises:
            DiskError: the copy cannot be written.
        """
        copies, self._copies = self._copies, None
        try:
            if copies is not None:
                with os_errors("publish the record in", copies.folder):
                    await copies.publish()
        finally:
            await self._threads.run(self._locks.close)

    async def record_of(self, location: Location) -> tuple[Path, str]:
        """Return the path of the manager's record, and a note if that is not in the folder but on a local disk.

        Raises:
            ConfigError: another machine's copy of the record cannot be read.
        """
        if self._record is not None:
            return self._record, ""
        path, kind = record_path(location.folder), is_shared(location.folder)
        if kind is None:
            return path, ""
        self._copies = SharedCopies(location.folder, path, self._shard)
        await self._copies.take_in()
        return path, f"{location.folder} is on a network file system ({kind}): its record is on this machine, {path}"

    async def at(self, target: Target, spool: str | Path | None = None) -> Location:
        """Make the local folder, and reach the store if there is one.

        Raises:
            ConfigError: one of them cannot be used, or another record's manager uses the folder.
            ConnectionFailed: the store does not answer.
        """
        place = locate(target, spool)
        if place.url is not None and place.url in self._stores:
            return self._stores[place.url]
        folder = await self._threads.run(self._disk.prepare, place.folder)
        await self._threads.run(self._locks.acquire, folder)
        if place.url is None:
            return Location(folder, LocalFolder(folder, self._disk, self._threads))
        opening = target if not isinstance(target, str | Path) else await self._threads.run(open_store, place.url)
        await opening.open()
        location = self._stores[place.url] = Location(folder, opening)
        return location


def open_store(url: str) -> Destination:
    """Open the object store at a URL; runs in a thread.

    Raises:
        ConfigError: the extra is not installed, or the store cannot be used as given.
    """
    try:
        from ...integrations.objects import ObjectStore

        return ObjectStore.at(url)
    except ImportError:
        extra = _EXTRAS.get(url.partition("://")[0].lower(), "s3")
        raise ConfigError(f"object stores need an extra: pip install 'pixxel-async[{extra}]'") from None
