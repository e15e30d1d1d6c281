"""What to do with a package after any crash: from its row, its part file and the file at its final name.

Rule 1: a file is done only if the record says so, or said before the rename that it was proved.
Rule 2: whatever the three say, the worst answer is to fetch again.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from ...disk.final import Final
from ...rules.byte_ranges import Regions, clipped, from_text

__all__ = ["DONE", "Decision", "Known", "RecoveryStep", "recover", "stands"]

RecoveryStep = Literal["done", "finish", "check", "adopt", "prove", "resume", "fetch", "taken", "given_up"]
"""
`done`: nothing to do. `finish`: the file was renamed, only the record does not know yet: write "done", drop the part.
`check`: read the final file and compare it with the row; equal: `done`; else go on as `Decision.otherwise` says.
`adopt`: no row tells of the final file: prove it; sound: `done`; else `otherwise`.
`prove`: the part file is complete: prove and publish it. `resume`: go on at `Decision.offset`, if the validators allow.
`fetch`: start at byte 0. `taken`: a file that is not ours has the name. `given_up`: not asked for any more.
"""


class Known(NamedTuple):
    """What the row says.

    Attributes:
        state: the row's state.
        size, mtime_ns: of the proved file, written with "publishing"; None before.
        total: bytes that the storage announced; None when it did not.
        synced: bytes of the part file that were surely on the disk.
        same_boot: whether the machine has not been restarted since.
        regions: what of the part file is filled, where its size does not tell that; see `regions.py`.
        ours: whether it was done before, so that a file at its name, whatever became of it, may be replaced.
    """

    state: str
    size: int | None = None
    mtime_ns: int | None = None
    total: int | None = None
    synced: int = 0
    same_boot: bool = True
    regions: str | None = None
    ours: bool = False


class Decision(NamedTuple):
    """What to do next.

    Attributes:
        step: see `RecoveryStep`.
        offset: the byte to go on from, for `resume`.
        beyond: what else of the part file is filled, after a gap.
        otherwise: what follows when `check` or `adopt` finds other bytes.
        replace: whether what is at the final name may be replaced at the end.
    """

    step: RecoveryStep
    offset: int = 0
    otherwise: RecoveryStep | None = None
    replace: bool = False
    beyond: Regions = ()


DONE = Decision("done")


def recover(
    row: Known | None,
    part: int | None,
    final: Final | None,
    *,
    exists: str = "skip",
    if_missing: str = "skip",
    lost: bool = False,
) -> Decision:
    """Decide what to do with one package.

    Args:
        row: None when the record knows nothing of it.
        part: bytes in its part file; None when there is none.
        final: None when there is nothing at its final name.
        exists: `skip`, `error` or `replace`, as in `DownloadSettings`.
        if_missing: `skip` or `redo`, as in `DownloadSettings`.
        lost: whether an earlier record of this folder was lost, so that files without a row may be ours.
    """
    if row is None:
        return _unknown(final, exists, lost)
    if row.state == "done":
        return _done(row, final, exists, if_missing)
    if row.state == "given_up":
        return Decision("given_up")
    replace = exists == "replace" or (row.ours and exists == "skip" and final is not None and final.regular)
    if row.state == "publishing":
        return _publishing(row, part, final, replace=replace)
    if row.ours and exists != "error" and final == Final(True, row.size or 0, row.mtime_ns or 0):
        return Decision("finish")
    return _guarded(_by_part(row, part), final, replace=replace)


def _unknown(final: Final | None, exists: str, lost: bool) -> Decision:
    if final is not None and final.regular and lost and exists == "skip":
        return Decision("adopt", otherwise="taken")
    return _guarded(Decision("fetch"), final, replace=exists == "replace")


def _done(row: Known, final: Final | None, exists: str, if_missing: str) -> Decision:
    """The name is recorded as ours, so that a damaged file at it is made anew; an intact one is never fetched again."""
    if stands(row.size, row.mtime_ns, final, exists, if_missing):
        return DONE
    if final is None:
        return Decision("fetch")
    if not final.regular or exists == "error":
        return _guarded(Decision("fetch"), final, replace=exists == "replace")
    if final.size != row.size:
        return Decision("fetch", replace=True)
    return Decision("check", otherwise="fetch", replace=True)


def stands(size: int | None, mtime_ns: int | None, final: Final | None, exists: str, if_missing: str) -> bool:
    """Whether a package that was done is left alone: its file is as it was, or gone and not wanted back.

    Args:
        size, mtime_ns: as the record has them; the others as of `recover`.
    """
    if final is None:
        return if_missing != "redo"
    return final.regular and exists != "error" and final.size == size and final.mtime_ns == mtime_ns


def _publishing(row: Known, part: int | None, final: Final | None, *, replace: bool) -> Decision:
    if final is not None and final.regular and final.size == row.size:
        if final.mtime_ns == row.mtime_ns:
            return Decision("finish")
        if part is None or not replace:
            return Decision("check", otherwise="fetch" if replace else "taken", replace=replace)
    return _guarded(_by_part(row, part), final, replace=replace)


def _by_part(row: Known, part: int | None) -> Decision:
    if not part or (row.total is not None and part > row.total):
        return Decision("fetch")
    kept, beyond = _kept(row, part)
    if row.total is not None and kept == row.total:
        return Decision("prove")
    return Decision("resume", offset=kept, beyond=beyond) if kept else Decision("fetch")


def _kept(row: Known, part: int) -> tuple[int, Regions]:
    """The bytes from byte 0 on that can be trusted, and the regions beyond them.

    After a restart of the machine only what was surely on the disk counts; of a file with gaps the row must tell.
    """
    regions: Regions | None = ((0, part),) if row.regions is None else from_text(row.regions)
    if regions is None or not row.same_boot:
        return min(part, row.synced), ()
    (_, kept), *beyond = clipped(regions, part)
    return kept, tuple(beyond)


def _guarded(decision: Decision, final: Final | None, *, replace: bool) -> Decision:
    if final is None:
        return decision
    if not replace or not (final.regular or final.link):
        return Decision("taken")
    return Decision(decision.step, offset=decision.offset, replace=True, beyond=decision.beyond)
