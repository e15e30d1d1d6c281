"""Open enums behave as str in every respect."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from pixxel_async.models import JobStatus, PaymentStatus

WORDS = [JobStatus.COMPLETED, JobStatus("paused")]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_its_text(word: JobStatus) -> None:
    """A word equals and hashes as its text, and is one in JSON, formats and sets."""
    text = str(word)

    assert word == text
    assert {word} == {text}
    assert json.dumps([word]) == json.dumps([text])
    assert f"{word:>12}" == f"{text:>12}"


@pytest.mark.parametrize("word", WORDS)
def test_a_word_survives_pickle_and_copy(word: JobStatus) -> None:
    """Copies and unpickled words keep class and `known`."""
    for made in (pickle.loads(pickle.dumps(word)), copy.copy(word), copy.deepcopy(word)):
        assert (made, type(made), made.known) == (word, JobStatus, word.known)


def test_the_list_is_known() -> None:
    """`words` lists the known words in the description's order; `known` tests one."""
    assert JobStatus.COMPLETED in JobStatus.words()
    assert all(word.known for word in JobStatus.words())
    assert not JobStatus("paused").known


def test_the_list_does_not_grow() -> None:
    """An unknown word does not extend the class."""
    before = JobStatus.words()
    JobStatus("paused")

    assert JobStatus.words() == before


def test_names_are_those_of_constants() -> None:
    """A word's constant is its text in capitals, with other characters replaced by underscores."""
    assert PaymentStatus.PARTIAL_REFUND == "PARTIAL-REFUND"


def test_matching_goes_by_text() -> None:
    """`match` compares words by text."""
    match JobStatus("completed"):
        case JobStatus.COMPLETED:
            matched = "done"
        case _:
            matched = "else"

    assert matched == "done"
