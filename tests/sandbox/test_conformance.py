"""schemathesis checks the sandbox's responses against the description."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from pixxel_async.description import load
from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox.routes import Routes
from tests.sandbox.valid_requests import MAKERS, Valid, filled, requests

OPERATIONS = sorted(Routes().all)
bounded = hypothesis.settings(max_examples=5, database=None, phases=[hypothesis.Phase.generate])


@cache
def described(profile: str) -> Any:
    """Return the description as a schemathesis schema."""
    import schemathesis  # takes half a second

    return schemathesis.openapi.from_dict(load() if profile == "literal" else with_nulls(load()))


def with_nulls(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with every member of its responses nullable."""
    made = copy.deepcopy(dict(document))
    schemas = made["components"]["schemas"]
    schemas |= {f"Nullable{name}": nullable(schema) for name, schema in schemas.items()}
    for media in _answers(made):
        if "schema" in media:
            media["schema"] = nullable(media["schema"])
    return made


def nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with every member nullable, at any depth."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("/schemas/", "/schemas/Nullable")}
    made = {name: nullable(one) if name in _INNER and isinstance(one, dict) else one for name, one in schema.items()}
    members = schema.get("properties", {}).items()
    return {**made, "properties": {name: {"anyOf": [nullable(one), {"type": "null"}]} for name, one in members}}


_INNER = frozenset({"items", "additionalProperties"})


def _answers(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each body that a response may have."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    responses = [response for operation in operations for response in operation["responses"].values()]
    for response in (*responses, *document["components"]["responses"].values()):
        yield from response.get("content", {}).values()


def checks() -> list[Any]:
    """Return the checks that each answer passes."""
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks as of_openapi

    return [
        not_a_server_error,
        of_openapi.status_code_conformance,
        of_openapi.content_type_conformance,
        of_openapi.response_schema_conformance,
    ]


class Checked:
    """Calls a sandbox through schemathesis, which checks every response."""

    def __init__(self, sandbox: Sandbox, profile: str) -> None:
        self._sandbox = sandbox
        self._schema = described(profile)
        self._routes = Routes()

    def operation(self, name: str) -> Any:
        """Return the operation of this name."""
        return self._schema.find_operation_by_id(name)

    def parts(self, name: str) -> dict[str, Any]:
        """Return known ids, arguments and body of an operation, after creating what they need."""
        valid = requests(self._sandbox)[name]
        for maker in MAKERS:
            if f"{{{maker}}}" in f"{valid.path} {valid.body}":
                got = self.send(self.operation(maker).Case(**self.parts(maker))).json()
                valid = filled(valid, f"{{{maker}}}", got.get("id") or got["download_id"])
        return self._split(valid)

    def _split(self, valid: Valid) -> dict[str, Any]:
        _, ids = self._routes.find(valid.method, valid.path)
        body = {} if valid.body is None else {"body": valid.body, "media_type": "application/json"}
        return {"path_parameters": ids, "query": dict(valid.query), **body}

    def send(self, case: Any) -> Any:
        """Return the response to a request; raise if it violates the description."""
        headers = {"Authorization": self._sandbox.api_key}
        return case.call_and_validate(base_url=self._sandbox.url, headers=headers, checks=checks())


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["literal", "realistic"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_responses_conform_to_the_description(operation: str, profile: str) -> None:
    """Responses conform to the description, for known values, for generated ones, and for mixtures."""
    with Sandbox(profile=profile, packing=0.0) as sandbox:
        checked = Checked(sandbox, profile)
        known = checked.parts(operation)
        asked = checked.operation(operation)
        assert checked.send(asked.Case(**known)).status_code < 300

        @bounded
        @hypothesis.given(asked.as_strategy(), st.sets(st.sampled_from(sorted(known))))
        def anything(case: Any, kept: set[str]) -> None:
            for part in kept:
                setattr(case, part, known[part])
            checked.send(case)

        anything()
