"""What is known of packages before anything is asked for: done, given up, another machine's, or to be fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..events import Downloaded, Outcome, Skipped
from .extract import Extracted
from .pending import Item
from .place import decide, path_and_url

if TYPE_CHECKING:
    from ..packages import Package
    from .engine import Engine
    from .record import Row
    from .rules.recovery import Decision

__all__ = ["enrol", "in_shard"]


def in_shard(package: Package, shard: tuple[int, int] | None) -> bool:
    """Whether a package is this machine's.

    Args:
        shard: (i, n), i counted from 1; None: all are.
    """
    if shard is None:
        return True
    digest = hashlib.sha256(str(package).encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8]) % shard[1] == shard[0] - 1


async def enrol(engine: Engine, items: Sequence[Item], start: Callable[[Item], object], *, skip: bool) -> int:
    """Put new items of one call on their way, or end them at once by what the record says.

    Args:
        start: takes an item that is to be asked for.
        skip: whether what is done or given up is `Skipped`, as in a batch, instead of returned or tried again.

    Returns:
        how many are on their way.
    """
    if not items:
        return 0
    tools, folder = engine.tools, items[0].terms.folder
    identities = [item.identity for item in items]
    known = await tools.record.known(identities, folder)
    rows = [known.get(identity) for identity in identities]
    decisions = await decide(items, rows, tools)
    return sum(_place(engine, *each, start, skip=skip) for each in zip(items, rows, decisions, strict=True))


def _place(
    engine: Engine, item: Item, row: Row | None, decision: Decision, start: Callable[[Item], object], *, skip: bool
) -> bool:
    """One item: ended at once, to be looked at on disk, or to be asked for."""
    if not item.sinks:
        return False
    item.download_id = (row.download_id if row is not None else None) or ""
    match decision.step:
        case "done" if row is not None and not _to_unpack(item, row):
            engine.finish(item, _done(item, row, skip=skip))
        case "given_up" if row is not None and skip:
            reason = f"given up after {row.runs} runs: {row.error}"
            engine.finish(item, Skipped(item.package, reason, given_up=True))
        case "done" | "finish" | "check" | "adopt" | "prove" | "taken":
            # Nobody had claimed it when it was looked at: another process may have put its file there meanwhile.
            engine.schedule.stream(item)
            return True
        case _:
            start(item)
            return True
    return False


def _to_unpack(item: Item, row: Row) -> bool:
    """Whether it is done but for its files."""
    if not item.terms.settings.extract or row.container != "zip":
        return False
    found = Extracted.read(row.extracted)
    return found is None or not found.whole


def _done(item: Item, row: Row, *, skip: bool) -> Outcome:
    (path, url), folder = path_and_url(item.terms, row.name or ""), None
    found = Extracted.read(row.extracted)
    if found is not None and found.whole:
        folder = item.terms.folder / found.folder
        path = path if found.kept else folder
    if skip:
        return Skipped(item.package, "done before", path, url=url)
    return Downloaded(
        item.package, path, row.size or 0, row.sha256, row.proof or "size",
        fetched=False, server_name=row.server_name, folder=folder, url=url,
    )  # fmt: skip
