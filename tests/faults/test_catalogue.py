"""Each known fault has a test, or a reason why it has none, and `CATALOGUE.md` is up to date."""

from __future__ import annotations

import pytest

from tests.faults import catalogue


def test_each_fault_has_a_test_or_a_reason() -> None:
    """Every id in `faults.toml` has a marked test or a reason, and every marker names a described id."""
    faults, tests = catalogue.read_faults(), catalogue.marked_tests()
    assert not catalogue.mistakes(faults, tests)
    groups = {fault.partition("-")[0] for fault in faults["faults"]}
    assert groups == set(faults["groups"])


@pytest.mark.parametrize(
    ("reasons", "tests", "word"),
    [
        ({}, {}, "neither"),
        ({"A-01": "because"}, {"A-01": ["t"]}, "out of date"),
        ({}, {"A-01": ["t"], "Z-99": ["t"]}, "not in faults"),
        ({"Z-99": "because"}, {"A-01": ["t"]}, "no description"),
    ],
)
def test_mistakes_are_found(reasons: dict[str, str], tests: dict[str, list[str]], word: str) -> None:
    """Each inconsistency among ids, tests and reasons is reported."""
    (mistake,) = catalogue.mistakes({"faults": {"A-01": "a fault"}, "reasons": reasons}, tests)
    assert word in mistake


@pytest.mark.slow
def test_the_catalogue_is_fresh() -> None:
    """`CATALOGUE.md` equals what data and markers generate."""
    made = catalogue.render(catalogue.read_faults(), catalogue.marked_tests())
    assert catalogue.CATALOGUE.read_text(encoding="utf-8") == made, f"run {catalogue.WRITE}"
