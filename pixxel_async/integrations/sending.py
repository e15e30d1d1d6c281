"""A file's bytes → one object, cancelled at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import obstore

from .._aio.shield import finish

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import ObjectStore as Store

__all__ = ["CHUNK", "chunk_size", "send"]

CHUNK = 8 << 20
"""Bytes of one part of a multipart upload; what is no larger is sent by one request."""
MOST_PARTS = 9000
"""Parts of one object at most; S3 takes 10,000."""
AT_ONCE = 4
"""Parts of one object that are sent at the same time; about as many chunks are in memory."""
GRACE = 2.0
"""Seconds that a cancelled upload has for aborting itself; the next one of the same name aborts what is left."""
_READ_SIZE = 1 << 20


class _Stopped(Exception):
    """Ends the reading, upon which obstore aborts the upload."""


def chunk_size(size: int) -> int:
    """Bytes of one part, so that there are not too many of them."""
    return max(CHUNK, -(-size // MOST_PARTS))


async def send(store: Store, name: str, path: Path, size: int, labels: Attributes | None) -> None:
    """Send a file; the object is there afterwards, whole, or this raises.

    A cancellation aborts the upload. It may come too late, and the object appear nevertheless.

    Args:
        name: below the store's prefix.
        size: the file's bytes.
        labels: what is told beside them.
    """
    stop = Event()
    sending = asyncio.ensure_future(
        obstore.put_async(
            store, name, _chunks(path, stop), attributes=labels,
            use_multipart=size > CHUNK, chunk_size=chunk_size(size), max_concurrency=AT_ONCE,
        )
    )  # fmt: skip
    try:
        await asyncio.shield(sending)
    except asyncio.CancelledError:
        stop.set()
        await finish(_left(sending))
        raise


def _chunks(path: Path, stop: Event) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_READ_SIZE):
            if stop.is_set():
                raise _Stopped
            yield chunk


async def _left(sending: asyncio.Future[Any]) -> None:
    await asyncio.wait([sending], timeout=GRACE)
    if not sending.cancel():
        sending.exception()
