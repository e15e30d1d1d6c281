"""The description is a sound OpenAPI document, and nothing in it is loose."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import validate

from tests.description.document import (
    DOCUMENT,
    FILE,
    SCHEMAS,
    by_name,
    members,
    operations,
    parameters,
    references,
    resolve,
)


@pytest.mark.slow
def test_is_valid_openapi() -> None:
    """Tools of others can read it: it is valid by the OpenAPI 3.1 schema."""
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)


def test_every_reference_leads_somewhere() -> None:
    """A `$ref` points at something that exists."""
    for reference in set(references(DOCUMENT)):
        assert resolve({"$ref": reference})


def test_every_component_is_used() -> None:
    """What nothing refers to is not described."""
    used = set(references(DOCUMENT))
    for kind in ("schemas", "parameters", "responses"):
        for name in DOCUMENT["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, name


def test_path_arguments_occur_in_their_path_and_the_reverse() -> None:
    """The template of a path and its parameters name the same arguments, all of them required."""
    for method, path, operation in operations():
        told = [each for each in parameters(operation) if each["in"] == "path"]
        assert [each["name"] for each in told] == re.findall(r"\{(\w+)\}", path), f"{method} {path}"
        assert all(each["required"] for each in told)


def test_no_argument_stands_twice() -> None:
    """Path, query and body become keywords of one function, so they share no name."""
    for name, operation in by_name().items():
        names = [each["name"] for each in parameters(operation)]
        content = operation.get("requestBody", {}).get("content", {})
        for media in content.values():
            names += media["schema"]["properties"]
        assert len(names) == len(set(names)), name


def test_answers_promise_ids_alone() -> None:
    """A schema with other required members than ids is one that callers write."""
    inputs = {"BlockRef", "NewDelivery", "NewOrderItem", "SatelliteRef", "SearchFilter"}
    for name, schema in SCHEMAS.items():
        ids = [each == "id" or each.endswith("_id") for each in schema.get("required", ())]
        assert name in inputs or all(ids), name


def test_required_members_exist() -> None:
    """A required member is one of the members."""
    bodies = [m["schema"] for o in by_name().values() for m in o.get("requestBody", {}).get("content", {}).values()]
    for schema in (*SCHEMAS.values(), *bodies):
        assert set(schema.get("required", ())) <= set(schema.get("properties", ()))


def test_words_are_open() -> None:
    """A word that is not known yet must be valid, so no word list is an `enum`, and each has its meanings."""
    assert "enum:" not in FILE.read_text(encoding="utf-8")
    for name, schema in SCHEMAS.items():
        if schema["type"] == "string":
            assert schema["x-values"], name
            assert all(isinstance(text, str) and text for pair in schema["x-values"].items() for text in pair), name


def test_links_are_marked_as_secret() -> None:
    """Whoever holds a signed link can fetch, so no repr shows one."""
    for name, schema in SCHEMAS.items():
        for place, member in members(name, schema):
            if place.endswith(".signed_url"):
                assert member["x-secret"] is True, place


def test_quantities_are_numbers_and_counts_are_whole() -> None:
    """Only what is counted is an integer: prices, areas, percents and angles may have fractions."""
    counts = {"captures", "number_of_bands", "no_of_occurrences", "number_of_strips", "members_count", "proj:epsg"}
    counts |= {"sat:relative_orbit", "status", "limit", "offset", "skip", "total"}
    for name, schema in SCHEMAS.items():
        for place, member in members(name, schema):
            assert member.get("type") != "integer" or place.partition(".")[2] in counts, place
