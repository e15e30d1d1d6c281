"""Upload a file as one object, with prompt cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import obstore

from ..._aio.shield import finish

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import ObjectStore as Store

__all__ = ["CHUNK", "chunk_size", "send"]

CHUNK = 8 << 20
"""Bytes of one part of a multipart upload; smaller files are sent by one request."""
MOST_PARTS = 9000
"""Most parts of one object; S3 allows 10,000."""
AT_ONCE = 4
"""Parts of one object sent concurrently; as many chunks are in memory."""
GRACE = 2.0
"""Seconds that a cancelled upload has to abort itself; the next upload of the name aborts any remainder."""
_READ_SIZE = 1 << 20


class _Stopped(Exception):
    """Ends the reading, upon which obstore aborts the upload."""


def chunk_size(size: int) -> int:
    """Return the bytes of one part, so that an object has at most `MOST_PARTS`."""
    return max(CHUNK, -(-size // MOST_PARTS))


async def send(store: Store, name: str, path: Path, size: int, labels: Attributes | None) -> None:
    """Upload a file; afterwards the object is there, whole, or this raises.

    A cancellation aborts the upload. It may come too late, and the object appear nevertheless.

    Args:
        name: below the store's prefix.
        size: the file's bytes.
        labels: metadata of the object.
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
        await finish(_wait_for_end(sending))
        raise


def _chunks(path: Path, stop: Event) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_READ_SIZE):
            if stop.is_set():
                raise _Stopped
            yield chunk


async def _wait_for_end(sending: asyncio.Future[Any]) -> None:
    await asyncio.wait([sending], timeout=GRACE)
    if not sending.cancel():
        sending.exception()
