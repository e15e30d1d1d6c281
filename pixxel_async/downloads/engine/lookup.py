"""Look up packages before anything is requested: done, given up, another shard's, or to be fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...events import Downloaded, Outcome, Skipped
from ..pipeline.claim import url_of
from ..pipeline.decide import decide
from ..record.rows import Extracted

if TYPE_CHECKING:
    from ...packages import Package, PackageEntry
    from ..item import BatchContext
    from ..pipeline.rules.recovery import Decision
    from ..record import Row
    from ..services import ReadServices

__all__ = ["LookupResult", "final_outcome", "in_shard", "look_up"]


class LookupResult(NamedTuple):
    """The row and the decision about one package.

    Attributes:
        row: None if the record has none.
    """

    entry: PackageEntry
    row: Row | None
    decision: Decision


def in_shard(package: Package, shard: tuple[int, int] | None) -> bool:
    """Return whether a package is of this machine's shard.

    Args:
        shard: (i, n), i counted from 1; None: all are.
    """
    if shard is None:
        return True
    digest = hashlib.sha256(str(package).encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8]) % shard[1] == shard[0] - 1


async def look_up(
    entries: Sequence[PackageEntry], context: BatchContext, services: ReadServices, *, heads: bool = True
) -> list[LookupResult]:
    """Look up packages of one call together; raise if one of them cannot be named or looked at.

    Args:
        heads: load only state and path of finished packages; faster for large batches.
    """
    identities = [str(each.package) for each in entries]
    known_rows = await services.record.known_rows(
        identities, context.folder, heads=heads and not context.settings.extract
    )
    rows = [known_rows.get(identity) for identity in identities]
    decisions = await decide(entries, rows, context, services)
    return list(map(LookupResult, entries, rows, decisions))


def final_outcome(result: LookupResult, context: BatchContext, *, skip: bool) -> Outcome | None:
    """Return the outcome of a package that is over already; None if something is to be done.

    Args:
        skip: whether done and given-up packages are `Skipped`, as in a batch, instead of returned or retried.
    """
    package, row = result.entry.package, result.row
    if row is None:
        return None
    if result.decision.step == "done":
        unpacked = None if row.extracted is None else Extracted.read(row.extracted)
        return (
            None
            if _needs_unpacking(context, row, unpacked)
            else _done_outcome(package, row, unpacked, context, skip=skip)
        )
    if result.decision.step == "given_up" and skip:
        return Skipped(package, f"given up after {row.runs} runs: {row.error}", given_up=True)
    return None


def _needs_unpacking(context: BatchContext, row: Row, unpacked: Extracted | None) -> bool:
    """Return whether it is done except for unpacking."""
    return context.settings.extract and row.container == "zip" and (unpacked is None or not unpacked.whole)


def _done_outcome(
    package: Package, row: Row, unpacked: Extracted | None, context: BatchContext, *, skip: bool
) -> Outcome:
    name, folder = row.name or "", None
    file, url = context.below + name, url_of(context, name)
    if unpacked is not None and unpacked.whole:
        folder = context.folder / unpacked.folder
        file = file if unpacked.kept else str(folder)
    if skip:
        return Skipped(package, "done before", file, url=url, folder=folder)
    return Downloaded(
        package, Path(file), row.size or 0, row.sha256, row.proof or "size",
        fetched=False, server_name=row.server_name, folder=folder, url=url,
    )  # fmt: skip
