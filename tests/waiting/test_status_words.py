"""The meaning of status words, as a table and in every spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.waiting.rules.words import AT_WORK, BAD, GOOD, PARTIAL, WAITING, is_known, rank, verdict, went_back


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("ready", "good"),
        ("SUCCESS", "good"),
        ("Completed", "good"),
        ("TaskCompleted", "good"),
        ("done", "good"),
        ("FULFILLED", "good"),
        ("failed", "bad"),
        ("TaskFailed", "bad"),
        ("Cancelled", "bad"),
        ("canceled", "bad"),
        ("expired", "bad"),
        ("partial_success", "partial"),
        ("PARTIALLY_FULFILLED", "partial"),
        ("pending", "going"),
        ("in_progress", "going"),
        ("In-Progress", "going"),
        ("TaskInprogress", "going"),
        ("created", "going"),
        ("task", "going"),
        ("marinating", "going"),
        ("", "going"),
        ("  ", "going"),
        (None, "going"),
        (7, "going"),
        (["ready"], "going"),
    ],
)
def test_verdicts(status: object, expected: str) -> None:
    """Known synonyms end a wait; any other value means that it goes on."""
    assert verdict(status) == expected


def test_words_of_the_description_come_first() -> None:
    """Words listed in the description take precedence, bad ones first."""
    assert verdict("Archived", good=["archived"]) == "good"
    assert verdict("ARCH-IVED", bad=["archived"]) == "bad"
    assert verdict("completed", bad=["completed"]) == "bad"
    assert verdict("updating", good=["updating"]) == "good"


def test_partial_success_stays_partial() -> None:
    """A partial end stays partial, even if the description counts it as good."""
    assert verdict("partial_success", good=["success", "partial_success"]) == "partial"


WORDS = sorted(GOOD | BAD | PARTIAL | WAITING | AT_WORK)


@pytest.mark.fault("C-04")
@pytest.mark.slow
@given(st.sampled_from(WORDS), st.data())
def test_spelling_does_not_matter(word: str, data: st.DataObject) -> None:
    """Case, blanks, `_` and `-` do not matter."""
    marks = data.draw(st.lists(st.sampled_from(["", "_", "-", " "]), min_size=len(word), max_size=len(word)))
    upper = data.draw(st.booleans())
    spelt = "".join(mark + letter for mark, letter in zip(marks, word, strict=True))
    assert verdict(spelt.upper() if upper else spelt) == verdict(word)
    assert is_known(spelt)


@pytest.mark.slow
@given(st.text())
def test_any_text_has_a_verdict(text: str) -> None:
    """Any text has a verdict."""
    assert verdict(text) in ("good", "bad", "partial", "going")


@pytest.mark.fault("C-05")
@pytest.mark.parametrize(
    ("before", "after", "back"),
    [
        ("in_progress", "pending", True),
        ("ready", "pending", True),
        ("success", "running", True),
        ("pending", "in_progress", False),
        ("pending", "pending", False),
        ("running", "creating", False),
        ("marinating", "pending", False),
        ("ready", "marinating", False),
        (None, "pending", False),
    ],
)
def test_going_backwards(before: object, after: object, back: bool) -> None:
    """Only a known word after a later known word is a step back."""
    assert went_back(before, after) is back


@given(st.sampled_from(WORDS))
def test_every_known_word_has_a_rank(word: str) -> None:
    """Words that end a wait rank last."""
    assert (rank(word) == 2) == (verdict(word) != "going")
