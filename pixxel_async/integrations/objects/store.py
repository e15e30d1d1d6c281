"""Final files in an object store: S3 and compatible ones, Google Cloud Storage, Azure; through obstore.

Rule 1: an object appears whole, by one request or by the last one of a multipart upload, or not at all.
Rule 2: beside its bytes an object tells when they were proved and what their digest is, so that one that a killed
process has sent is known as ours.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import obstore
from obstore.store import from_url

from ..._aio.threads import Threads
from ...downloads.disk.checksums import SUMS, line
from ...downloads.disk.destination import LookUp
from ...downloads.disk.final import Final
from ...downloads.disk.parts.part_file import PartFile
from ...downloads.disk.store_urls import parse_store_url
from ...downloads.record import Row
from ...errors import ConfigError, DownloadError, NameTaken
from .labels import labels_of, proved_at
from .leftovers import make_cleaner
from .refusals import translating, unusable
from .sending import CHUNK, send

if TYPE_CHECKING:
    from obstore import GetResult
    from obstore.store import ObjectStore as Store

__all__ = ["ObjectStore"]

CONCURRENT_HEADS = 16
"""Objects that are looked at at the same time."""
RETRY_OPTIONS: dict[str, Any] = {
    "client_options": {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(minutes=5)},
    "retry_config": {"max_retries": 6, "retry_timeout": timedelta(minutes=3)},
}
"""How long obstore waits for one answer, and how often it repeats a request."""


class ObjectStore:
    """Objects below a prefix, as the place where final files go.

    Args:
        store: of obstore; its prefix is where names begin.
        url: by which people and the record know it, such as `s3://bucket/prefix`.

    Raises:
        ConfigError: the URL is of no store.
    """

    def __init__(self, store: Store, url: str) -> None:
        parsed = parse_store_url(url)
        if parsed is None:
            raise ConfigError(f"{url!r} is not the URL of an object store, such as s3://bucket/prefix")
        self._store = store
        self._url = parsed
        self._clear = make_cleaner(store)
        self._threads = Threads()

    @classmethod
    def at(cls, url: str) -> ObjectStore:
        """Open the store at a URL, with the credentials that its own tools use; blocks.

        Raises:
            ConfigError: there are no credentials, or the URL cannot be used.
        """
        try:
            if url.startswith(("s3:", "s3a:")):
                from .s3 import s3_store

                return cls(s3_store(url, RETRY_OPTIONS), url)
            options = {"memory": {}, "file": {"mkdir": True}}.get(url.partition(":")[0], RETRY_OPTIONS)
            return cls(from_url(url, **options), url)
        except ImportError:
            raise
        except Exception as error:
            refused = unusable(error, url)
        raise refused

    @property
    def store(self) -> Store:
        """The store of obstore."""
        return self._store

    @property
    def url(self) -> str | None:
        """URL of the destination, for messages and the record."""
        return self._url

    def title(self, name: str) -> str:
        """Return an object's URL."""
        return f"{self._url}/{name}"

    async def open(self) -> None:
        """List an object or two, which shows that the bucket is there and the credentials are right.

        Raises:
            ConfigError: they are not.
            ConnectionFailed: the store does not answer.
        """
        try:
            await anext(aiter(obstore.list(self._store, chunk_size=1)), None)
            return
        except ImportError:
            raise
        except Exception as error:
            refused = unusable(error, self._url)
        raise refused

    async def prepare_lookup(self, names: Sequence[str], *, sure: bool = True) -> LookUp:
        """Ask for all of them, some at a time; for none, when the truth is not needed."""
        finals: dict[str, Final | None] = {}
        waiting = iter(names if sure else ())

        async def ask() -> None:
            for name in waiting:
                finals[name] = await self._look(name)

        await asyncio.gather(*(ask() for _ in range(min(CONCURRENT_HEADS, len(names)))))
        return finals.get

    async def _look(self, name: str) -> Final | None:
        head = await self._head(name)
        return None if head is None else Final(True, head.meta["size"], proved_at(head))

    async def _head(self, name: str) -> GetResult | None:
        with translating("look at", self.title(name)):
            try:
                return await obstore.get_async(self._store, name, options={"head": True})
            except FileNotFoundError:
                return None

    async def commit(self, part: PartFile, name: str, row: Row, *, replace: bool = False) -> Final:
        """Send a proved part file and remove it.

        An object sent under the name in between is overwritten: not every store can refuse that.

        Raises:
            NameTaken: there is an object of that name.
        """
        if not replace and await self._look(name) is not None:
            raise NameTaken(f"{self.title(name)} exists and is not in the record")
        with translating("send", self.title(name)):
            if part.size > CHUNK:
                await self._threads.run(self._clear, name)
            await send(self._store, name, part.path, part.size, labels_of(self._store, name, row))
        stored = await self._look(name)
        if stored is None or stored.size != part.size:
            raise DownloadError(f"{self.title(name)} is not what was sent", stage="publish")
        await self._threads.run(part.discard)
        return stored

    async def damage(self, name: str, row: Row) -> str:
        """Read the object and compare it with its row."""
        size, digest = 0, hashlib.sha256()
        with translating("read", self.title(name)):
            try:
                response = await obstore.get_async(self._store, name)
            except FileNotFoundError:
                return "is gone"
            async for chunk in response.stream(CHUNK):
                size += len(chunk)
                await self._threads.run(digest.update, chunk)
        if size != row.size:
            return f"has {size:,} bytes, had {row.size or 0:,}"
        return "" if row.sha256 in (None, digest.hexdigest()) else "its bytes have changed"

    async def stored_sha256(self, name: str) -> str | None:
        """Return the digest in an object's label: label and bytes were written together, after the proof."""
        head = await self._head(name)
        return None if head is None else head.attributes.get("sha256")

    async def has_sums(self) -> bool:
        """Request the head of the object."""
        return await self._look(SUMS) is not None

    async def remove(self, name: str) -> None:
        """Remove an object that may be there."""
        with translating("remove", self.title(name)):
            try:
                await obstore.delete_async(self._store, name)
            except FileNotFoundError:
                return

    async def write_sums(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write the list as an object, after one listing of what is there."""
        with translating("write", self.title(SUMS)):
            names = {meta["path"] async for page in obstore.list(self._store, chunk_size=1000) for meta in page}
            listed = [row for row in sorted(rows, key=lambda row: row[1]) if row[1] in names]
            lines = [line(digest, name.encode(errors="surrogateescape")) for digest, name in listed]
            if lines:
                await obstore.put_async(self._store, SUMS, b"".join(lines), use_multipart=False)
        if not lines:
            await self.remove(SUMS)
