"""A description with a mistake is refused with its line."""

from __future__ import annotations

import pytest

from pixxel_async._codegen.output import render
from pixxel_async._codegen.source import BadDescription

MISTAKES = [
    ("x-paging: offset", "x-pagin: offset", "x-pagin"),
    ("x-paging: offset", "x-paging: ofset", "ofset"),
    ("x-repeat: paid", "x-repeat: often", "often"),
    ("amount: {type: number}", "amount: {typ: number}", "typ"),
    ("amount: {type: number}", "amount: {type: number}\n        amount: {type: string}", "amount stands twice"),
    ("amount: {type: number}", "list: {type: number}", "no class can have a member list"),
    ("x-gone-is-done: true", "x-gone-is-done: yes please", "yes please"),
    ("x-exactly-one: [sail, engine]", "x-exactly-one: [sail, oars]", "there is no argument oars"),
    ("x-exactly-one: [crate, barrel]", "x-exactly-one: [crate, box]", "there is no member box"),
    ("x-get-from: {filter: id,", "x-get-from: {filter: ident,", "there is no argument ident"),
    ("x-lend: {harbour_id: harbour_id}", "x-lend: {harbour_id: port}", "there is no path argument port"),
    ("x-wait: {good: [afloat]", "x-wait: {list: boats.all, good: [afloat]", "there is no operation boats.all"),
    ("hull: {$ref: '#/components/schemas/Hull'}", "hull: {$ref: '#/components/schemas/Hul'}", "there is no schema Hul"),
    ("operationId: boats.delete", "operationId: boats.load", "boats.load stands twice"),
    ("operationId: boats.delete", "summary: Delete", "operationId"),
    ("/harbours/{harbour_id}/boats/{boat_id}:", "/harbours/{harbour_id}/boats:", "stands twice"),
    ("/harbours/{harbour_id}/boats/{boat_id}:", "/boats/{boat_id}:", "differ"),
    ("openapi: 3.1.0", "openapi: [", "line"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_is_named_with_its_line(small: str, right: str, wrong: str, message: str) -> None:
    """A misspelt key, wrong type, duplicate or dangling reference is an error with the line and the reason."""
    assert right in small

    with pytest.raises(BadDescription) as caught:
        render(small.replace(right, wrong, 1))

    assert message in str(caught.value)
    assert "line " in str(caught.value)


def test_the_line_is_that_of_the_key(small: str) -> None:
    """A misspelt key is reported with its own line."""
    text = small.replace("x-repeat: paid", "x-repaet: paid", 1)
    line = 1 + next(number for number, each in enumerate(text.splitlines()) if "x-repaet" in each)

    with pytest.raises(BadDescription, match=rf"^line {line}: .*x-repaet: no such key in Operation"):
        render(text)


@pytest.mark.slow
def test_words_may_be_a_plain_list(small: str) -> None:
    """`x-values` may be a mapping of words to meanings or a list of words."""
    listed = small.replace("{wood: From trees, glass-fibre: ''}", "[wood, glass-fibre]")

    assert 'GLASS_FIBRE = word("glass-fibre")' in render(listed)["models/boats.py"]
