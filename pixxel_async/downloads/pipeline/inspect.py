"""Prove a complete file and list its members in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

from ...events import MAX_LISTED_MEMBERS, Proving
from ..body.rules.resume import Kept
from ..prove import InMemory, Proof, members, prove

if TYPE_CHECKING:
    from ..disk.parts.part_writer import PartWriter
    from ..item import Item
    from ..services import Services

__all__ = ["Inspection", "inspect"]


class Inspection(NamedTuple):
    """A complete file that was proved.

    Attributes:
        proof: how it was proved, and its container.
        members: its members, if it is a ZIP with at most `MAX_LISTED_MEMBERS` of them.
        mtime_ns: its modification time in nanoseconds since 1970; None for a file that was found.
        server_name: the file name that the storage gave; never used for a path.
        resumed_from: bytes of it that were here before this run.
    """

    proof: Proof
    members: tuple[Any, ...]
    mtime_ns: int | None
    server_name: str | None = None
    resumed_from: int = 0


async def inspect(
    item: Item,
    services: Services,
    name: str,
    kept: Kept,
    *,
    digests: Mapping[str, bytes] | None = None,
    writer: PartWriter | None = None,
) -> Inspection:
    """Prove a complete file as strictly as the item's `verify` setting says.

    Args:
        name: the file, below the item's folder.
        kept: length and validators that the storage stated.
        digests: checksums that the storage stated: algorithm -> bytes.
        writer: the writer that has just written and hashed it; None for a file found on disk.

    Raises:
        Corrupt, NotAPackage: the file fails the proof.
    """
    services.emit(Proving(item.identity))
    stop = Event()
    check = partial(
        prove, verify=item.settings.verify, expected_size=kept.total, digests=tuple((digests or {}).items()),
        package=item.identity, promised=item.package.promised, stop=stop,
    )  # fmt: skip

    def look(sha256: bytes | None = None, data: bytes | None = None) -> Inspection:
        """Run in a thread; `data` holds all bytes of a small file that is not on disk yet."""
        path = item.folder / name
        source = path if data is None else InMemory(path, data)
        computed = () if sha256 is None else (("sha256", sha256),)
        proof = check(source, computed=computed, streamed=None if writer is None else writer.taps.seen)
        listed = tuple(members(source)) if proof.members and proof.members <= MAX_LISTED_MEMBERS else ()
        return Inspection(proof, listed, None if writer is None else writer.mtime_ns)

    if writer is None:
        return await services.threads.run_until(stop, look)
    return await writer.complete(look, stop, settle=item.destination.url is None)
