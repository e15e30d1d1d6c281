"""Decide the next step of a package after any crash, from its row, its part file and its final file.

Rule 1: a file is done only if the record has it as done, or had it as proved before the rename.
Rule 2: for every combination of the three the worst decision is to fetch again.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from ...disk.final import Final
from ...rules.byte_ranges import Regions, clip, from_text

__all__ = ["DONE", "Decision", "RecoveryStep", "RowFacts", "may_skip", "recover"]

RecoveryStep = Literal["done", "finish", "check", "adopt", "prove", "resume", "fetch", "taken", "given_up"]
"""
`done`: nothing to do. `finish`: the file was renamed and the record not updated: write "done", remove the part file.
`check`: compare the final file with the row; equal: `done`; else `Decision.otherwise`.
`adopt`: the final file has no row: prove it; intact: `done`; else `otherwise`.
`prove`: the part file is complete: prove and publish it. `resume`: go on at `Decision.offset`, if the validators allow.
`fetch`: start at byte 0. `taken`: a file that is not ours has the name. `given_up`: not requested any more.
"""


class RowFacts(NamedTuple):
    """State of the row.

    Attributes:
        state: the row's state.
        size, mtime_ns: of the proved file in bytes and nanoseconds, written with "publishing"; None before.
        total: bytes that the storage announced; None for none.
        synced: bytes of the part file that were synced to the disk.
        same_boot: whether the machine has not been restarted since the row was written.
        regions: filled ranges of a part file with gaps; see `rules/byte_ranges.py`.
        published: whether the package was done before, so that a file at its name may be replaced.
    """

    state: str
    size: int | None = None
    mtime_ns: int | None = None
    total: int | None = None
    synced: int = 0
    same_boot: bool = True
    regions: str | None = None
    published: bool = False


class Decision(NamedTuple):
    """Decision of the next step.

    Attributes:
        step: see `RecoveryStep`.
        offset: first missing byte, for `resume`.
        beyond: filled ranges after a gap.
        otherwise: next step if `check` or `adopt` finds other bytes.
        replace: whether publishing may replace the file at the final name.
        new_part: whether nothing has the part file's name, so that it can be created with the first write.
    """

    step: RecoveryStep
    offset: int = 0
    otherwise: RecoveryStep | None = None
    replace: bool = False
    beyond: Regions = ()
    new_part: bool = False


DONE = Decision("done")


def recover(
    row: RowFacts | None,
    part: int | None,
    final: Final | None,
    *,
    exists: str = "skip",
    if_missing: str = "skip",
    lost: bool = False,
) -> Decision:
    """Decide the next step for one package.

    Args:
        row: state of its row; None without one.
        part: bytes in its part file; None without one.
        final: file at its final name; None for nothing.
        exists: `skip`, `error` or `replace`, as in `DownloadSettings`.
        if_missing: `skip` or `redo`, as in `DownloadSettings`.
        lost: whether an earlier record of this folder was lost, so that files without a row may be ours.
    """
    if row is None:
        return _decide_unknown(final, exists, lost)
    if row.state == "done":
        return _decide_done(row, final, exists, if_missing)
    if row.state == "given_up":
        return Decision("given_up")
    replace = exists == "replace" or (row.published and exists == "skip" and final is not None and final.regular)
    if row.state == "publishing":
        return _decide_publishing(row, part, final, replace=replace)
    if row.published and exists != "error" and final == Final(True, row.size or 0, row.mtime_ns or 0):
        return Decision("finish")
    return _guard_final(_by_part(row, part), final, replace=replace)


def _decide_unknown(final: Final | None, exists: str, lost: bool) -> Decision:
    if final is not None and final.regular and lost and exists == "skip":
        return Decision("adopt", otherwise="taken")
    return _guard_final(Decision("fetch"), final, replace=exists == "replace")


def _decide_done(row: RowFacts, final: Final | None, exists: str, if_missing: str) -> Decision:
    """Decide for a recorded name: a damaged file is fetched again, an intact one never."""
    if may_skip(row.size, row.mtime_ns, final, exists, if_missing):
        return DONE
    if final is None:
        return Decision("fetch")
    if not final.regular or exists == "error":
        return _guard_final(Decision("fetch"), final, replace=exists == "replace")
    if final.size != row.size:
        return Decision("fetch", replace=True)
    return Decision("check", otherwise="fetch", replace=True)


def may_skip(size: int | None, mtime_ns: int | None, final: Final | None, exists: str, if_missing: str) -> bool:
    """Return whether a done package is skipped: its file is unchanged, or missing and not to be redone.

    Args:
        size, mtime_ns: as recorded; the others as of `recover`.
    """
    if final is None:
        return if_missing != "redo"
    return final.regular and exists != "error" and final.size == size and final.mtime_ns == mtime_ns


def _decide_publishing(row: RowFacts, part: int | None, final: Final | None, *, replace: bool) -> Decision:
    if final is not None and final.regular and final.size == row.size:
        if final.mtime_ns == row.mtime_ns:
            return Decision("finish")
        if part is None or not replace:
            return Decision("check", otherwise="fetch" if replace else "taken", replace=replace)
    return _guard_final(_by_part(row, part), final, replace=replace)


def _by_part(row: RowFacts, part: int | None) -> Decision:
    if not part or (row.total is not None and part > row.total):
        return Decision("fetch")
    kept, beyond = _kept_ranges(row, part)
    if row.total is not None and kept == row.total:
        return Decision("prove")
    return Decision("resume", offset=kept, beyond=beyond) if kept else Decision("fetch")


def _kept_ranges(row: RowFacts, part: int) -> tuple[int, Regions]:
    """Return the length of the trusted prefix, and the trusted ranges beyond it.

    After a restart of the machine only synced bytes count; in a file with gaps only the recorded ranges do.
    """
    regions: Regions | None = ((0, part),) if row.regions is None else from_text(row.regions)
    if regions is None or not row.same_boot:
        return min(part, row.synced), ()
    (_, kept), *beyond = clip(regions, part)
    return kept, tuple(beyond)


def _guard_final(decision: Decision, final: Final | None, *, replace: bool) -> Decision:
    if final is None:
        return decision
    if not replace or not (final.regular or final.link):
        return Decision("taken")
    return Decision(decision.step, offset=decision.offset, replace=True, beyond=decision.beyond)
