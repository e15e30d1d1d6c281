"""A complete file, proved and looked into in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...events import Proving
from ..body.rules.resume import Kept
from ..prove import InMemory, Proof, members, prove

if TYPE_CHECKING:
    from ..disk.disk import Disk
    from ..disk.part_writer import PartWriter
    from ..item import Item
    from ..services import Services

__all__ = ["Inspection", "inspect"]

MOST_MEMBERS = 10_000
"""Members of a ZIP that an outcome lists; of larger archives it lists none."""


@frozen
class Inspection:
    """A complete file that was proved.

    Attributes:
        members: what is in it, if it is a ZIP that is not too large to list.
        mtime_ns: when its last byte was written.
    """

    proof: Proof
    members: tuple[Any, ...]
    mtime_ns: int | None


async def inspect(
    item: Item, path: Path, kept: Kept, digests: Mapping[str, bytes], writer: PartWriter | None, tools: Services
) -> Inspection:
    """Prove a complete file, as far as the item's settings say.

    Args:
        kept: what the storage said about it.
        digests: those that the storage stated.
        writer: who wrote and digested it, if that was just now.

    Raises:
        Corrupt, NotAPackage: it is not what it should be.
    """
    tools.tell(Proving(item.identity))
    stop = Event()
    proving = partial(
        prove, verify=item.terms.settings.verify, expected_size=kept.total,
        digests=tuple(digests.items()), package=item.identity, promised=item.package.promised, stop=stop,
    )  # fmt: skip
    look = partial(_look_into, path, proving, tools.disk, writer)
    return await (tools.threads.run_until(stop, look, None, None) if writer is None else writer.complete(look, stop))


def _look_into(
    path: Path,
    proving: Callable[..., Proof],
    disk: Disk,
    writer: PartWriter | None,
    digest: bytes | None,
    data: bytes | None,
) -> Inspection:
    """All that is to be known of a complete file, in one go; runs in a thread."""
    source = path if data is None else InMemory(path, data)
    computed = () if digest is None else (("sha256", digest),)
    proof = proving(source, computed=computed, seen=None if writer is None else writer.onlookers.seen)
    listed = tuple(members(source)) if proof.members and proof.members <= MOST_MEMBERS else ()
    found = disk.look(path)
    return Inspection(proof, listed, found.mtime_ns if found is not None else None)
