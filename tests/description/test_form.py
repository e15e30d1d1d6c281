"""The description is a valid OpenAPI document without dangling or unused parts."""

from __future__ import annotations

import re

import pytest

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
    """The description validates against the OpenAPI 3.1 schema."""
    from openapi_spec_validator import validate

    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)


def test_every_reference_leads_somewhere() -> None:
    """Every `$ref` resolves."""
    for reference in set(references(DOCUMENT)):
        assert resolve({"$ref": reference})


def test_every_component_is_used() -> None:
    """Every component is referenced."""
    used = set(references(DOCUMENT))
    for kind in ("schemas", "parameters", "responses"):
        for name in DOCUMENT["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, name


def test_path_arguments_occur_in_their_path_and_the_reverse() -> None:
    """A path template and its parameters name the same arguments, all of them required."""
    for method, path, operation in operations():
        path_arguments = [each for each in parameters(operation) if each["in"] == "path"]
        assert [each["name"] for each in path_arguments] == re.findall(r"\{(\w+)\}", path), f"{method} {path}"
        assert all(each["required"] for each in path_arguments)


def test_no_argument_stands_twice() -> None:
    """Path, query and body of an operation share no argument name, as they become keywords of one function."""
    for name, operation in by_name().items():
        names = [each["name"] for each in parameters(operation)]
        content = operation.get("requestBody", {}).get("content", {})
        for media in content.values():
            names += media["schema"]["properties"]
        assert len(names) == len(set(names)), name


def test_responses_require_ids_only() -> None:
    """Only schemas written by callers require members other than ids."""
    inputs = {"BlockRef", "NewDelivery", "NewOrderItem", "SatelliteRef", "SearchFilter"}
    for name, schema in SCHEMAS.items():
        ids = [each == "id" or each.endswith("_id") for each in schema.get("required", ())]
        assert name in inputs or all(ids), name


def test_required_members_exist() -> None:
    """Every required member exists."""
    bodies = [m["schema"] for o in by_name().values() for m in o.get("requestBody", {}).get("content", {}).values()]
    for schema in (*SCHEMAS.values(), *bodies):
        assert set(schema.get("required", ())) <= set(schema.get("properties", ()))


def test_words_are_open() -> None:
    """No schema has an `enum`, since unknown words must be valid, and each listed word has a meaning."""
    assert "enum:" not in FILE.read_text(encoding="utf-8")
    for name, schema in SCHEMAS.items():
        if schema["type"] == "string":
            assert schema["x-values"], name
            assert all(isinstance(text, str) and text for pair in schema["x-values"].items() for text in pair), name


def test_links_are_marked_as_secret() -> None:
    """Every signed URL is marked `x-secret`, so that no repr shows it."""
    for name, schema in SCHEMAS.items():
        for place, member in members(name, schema):
            if place.endswith(".signed_url"):
                assert member["x-secret"] is True, place


def test_quantities_are_numbers_and_counts_are_whole() -> None:
    """Only counts are integers; prices, areas, percents and angles are numbers."""
    counts = {"captures", "number_of_bands", "no_of_occurrences", "number_of_strips", "members_count", "proj:epsg"}
    counts |= {"sat:relative_orbit", "status", "limit", "offset", "skip", "total"}
    for name, schema in SCHEMAS.items():
        for place, member in members(name, schema):
            assert member.get("type") != "integer" or place.partition(".")[2] in counts, place
