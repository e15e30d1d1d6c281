"""The recovery decision for each state of the row, the part file and the final file."""

from __future__ import annotations

from itertools import product

import pytest

from pixxel_async.downloads.disk.final import Final
from pixxel_async.downloads.pipeline.rules.recovery import Decision, RowFacts, recover

SIZE, TIME = 100, 7
OURS = Final(True, SIZE, TIME)
TOUCHED = Final(True, SIZE, TIME + 1)
OTHER = Final(True, SIZE + 1, TIME + 1)
CUT = Final(True, SIZE - 1, TIME)
FOLDER = Final(False)
LINK = Final(False, link=True)
FINALS = [None, OURS, TOUCHED, OTHER, CUT, FOLDER, LINK]
PARTS = [None, 0, 40, SIZE, SIZE + 1]
STATES = [None, "waiting", "streaming", "publishing", "done", "failed", "given_up"]
EXISTS = ["skip", "error", "replace"]


def known(state: str, *, ours: bool = False, **changes: int | bool | str | None) -> RowFacts:
    proved = ours or state in ("publishing", "done")
    facts = {"size": SIZE if proved else None, "mtime_ns": TIME if proved else None, "total": SIZE, "published": ours}
    return RowFacts(state, **{**facts, **changes})  # type: ignore[arg-type]


ALL = list(product(STATES, PARTS, FINALS, EXISTS, ["skip", "redo"], [False, True]))


@pytest.mark.fault("H-07")
@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("state", STATES)
def test_every_case_is_decided_safely(state: str | None, ours: bool) -> None:
    """In nearly 6,000 cases no foreign file is replaced unasked, and no unproved file counts as done."""
    for _, part, final, exists, if_missing, lost in (case for case in ALL if case[0] == state):
        row = known(state, ours=ours) if state else None
        decision = recover(row, part, final, exists=exists, if_missing=if_missing, lost=lost)

        if decision.step in ("done", "finish"):
            assert ours or state in ("done", "publishing")
            assert final in (OURS, None) if state == "done" else final == OURS
        if decision.step in ("fetch", "resume", "prove") and final is not None:
            assert decision.replace and final != FOLDER, (state, part, final, exists)
        if decision.replace and exists != "replace":
            assert state and (ours or state == "done"), "only a file that the record calls ours is replaced unasked"
            assert exists == "skip" and final is not None and final.regular
        if decision.step == "resume":
            assert 0 < decision.offset <= (part or 0) < SIZE
        if decision.step == "prove":
            assert part == SIZE


@pytest.mark.parametrize(
    ("row", "part", "final", "expected"),
    [
        (None, None, None, Decision("fetch")),
        (None, 40, None, Decision("fetch")),
        (None, None, OURS, Decision("taken")),
        (known("waiting"), None, None, Decision("fetch")),
        (known("streaming"), 0, None, Decision("fetch")),
        (known("streaming"), 40, None, Decision("resume", offset=40)),
        (known("streaming", total=None), 40, None, Decision("resume", offset=40)),
        (known("streaming"), SIZE, None, Decision("prove")),
        (known("streaming"), SIZE + 1, None, Decision("fetch")),
        (known("streaming", same_boot=False, synced=30), 40, None, Decision("resume", offset=30)),
        (known("streaming", same_boot=False), 40, None, Decision("fetch")),
        (known("failed"), 40, None, Decision("resume", offset=40)),
        (known("failed"), 40, OTHER, Decision("taken")),
        (known("publishing"), SIZE, None, Decision("prove")),
        (known("publishing", same_boot=False), SIZE, None, Decision("fetch")),
        (known("publishing", same_boot=False, synced=SIZE), SIZE, None, Decision("prove")),
        (known("publishing"), None, OURS, Decision("finish")),
        (known("publishing"), SIZE, OURS, Decision("finish")),
        (known("publishing"), None, TOUCHED, Decision("check", otherwise="taken")),
        (known("publishing"), SIZE, TOUCHED, Decision("check", otherwise="taken")),
        (known("publishing"), None, None, Decision("fetch")),
        (known("publishing"), SIZE, OTHER, Decision("taken")),
        (known("done"), None, OURS, Decision("done")),
        (known("done"), None, None, Decision("done")),
        (known("done"), None, TOUCHED, Decision("check", otherwise="fetch", replace=True)),
        (known("done"), None, CUT, Decision("fetch", replace=True)),
        (known("done"), None, FOLDER, Decision("taken")),
        (known("given_up"), 40, None, Decision("given_up")),
        (known("streaming", ours=True), 40, CUT, Decision("resume", offset=40, replace=True)),
        (known("streaming", ours=True), None, TOUCHED, Decision("fetch", replace=True)),
        (known("streaming", ours=True), 40, OURS, Decision("finish")),
        (known("streaming", ours=True), 40, LINK, Decision("taken")),
        (known("failed", ours=True), None, OTHER, Decision("fetch", replace=True)),
        (known("publishing", ours=True), SIZE, CUT, Decision("prove", replace=True)),
        (known("publishing", ours=True), SIZE, TOUCHED, Decision("prove", replace=True)),
        (known("publishing", ours=True), None, TOUCHED, Decision("check", otherwise="fetch", replace=True)),
    ],
)
def test_by_default(row: RowFacts | None, part: int | None, final: Final | None, expected: Decision) -> None:
    """The table of decisions for the default policies, one line per crash."""
    assert recover(row, part, final) == expected


@pytest.mark.fault("M-04")
def test_missing_files_are_redone_if_asked() -> None:
    """M-04: done stays done if the file is missing, unless if_missing="redo"."""
    assert recover(known("done"), None, None, if_missing="redo") == Decision("fetch")


@pytest.mark.fault("M-05")
def test_files_of_a_lost_record_are_adopted_if_sound() -> None:
    """M-05: with a lost record an existing file is proved and adopted, or counts as taken."""
    assert recover(None, None, OURS, lost=True) == Decision("adopt", otherwise="taken")


def test_any_file_is_an_error_if_asked() -> None:
    """`exists="error"` refuses any existing file, except one whose rename was only not recorded."""
    assert recover(known("done"), None, OURS, exists="error") == Decision("taken")
    assert recover(known("done"), None, None, exists="error") == Decision("done")
    assert recover(known("publishing"), None, OURS, exists="error") == Decision("finish")
    assert recover(known("streaming", ours=True), None, OURS, exists="error") == Decision("taken")


def test_replace_replaces() -> None:
    """`exists="replace"` replaces another file at the end, but neither a folder nor a done file."""
    assert recover(None, None, LINK, exists="replace") == Decision("fetch", replace=True)
    assert recover(None, None, FOLDER, exists="replace") == Decision("taken")
    assert recover(known("done"), None, OURS, exists="replace") == Decision("done")
    assert recover(None, None, OTHER, exists="replace") == Decision("fetch", replace=True)
    assert recover(known("publishing"), SIZE, OTHER, exists="replace") == Decision("prove", replace=True)
    assert recover(known("publishing"), SIZE, TOUCHED, exists="replace") == Decision("prove", replace=True)


TABLE = "[[0,30],[50,70]]"


@pytest.mark.fault("K-06")
@pytest.mark.parametrize(
    ("row", "part", "expected"),
    [
        (known("streaming", regions=TABLE, synced=20), 90, Decision("resume", offset=30, beyond=((50, 70),))),
        (known("streaming", regions=TABLE, synced=20), 60, Decision("resume", offset=30, beyond=((50, 60),))),
        (known("streaming", regions=TABLE, synced=20), 40, Decision("resume", offset=30)),
        (known("streaming", regions=TABLE, synced=20), 25, Decision("resume", offset=25)),
        (known("streaming", regions=TABLE, synced=20), SIZE, Decision("resume", offset=30, beyond=((50, 70),))),
        (known("streaming", regions=TABLE, synced=20, same_boot=False), SIZE, Decision("resume", offset=20)),
        (known("streaming", regions=TABLE, synced=0, same_boot=False), SIZE, Decision("fetch")),
        (known("streaming", regions="[[5,30]]", synced=20), SIZE, Decision("resume", offset=20)),
        (known("streaming", regions="[[0,100]]", synced=20), SIZE, Decision("prove")),
        (known("failed", regions=TABLE, synced=20), 90, Decision("resume", offset=30, beyond=((50, 70),))),
    ],
)
def test_a_part_file_with_gaps_follows_the_record(row: RowFacts, part: int, expected: Decision) -> None:
    """The record's regions count up to the file's size; after a reboot only the synced bytes count."""
    assert recover(row, part, None) == expected
