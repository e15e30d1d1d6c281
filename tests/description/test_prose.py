"""Everything in the description is described and has a source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.description.document import DOCUMENT, FILE, SCHEMAS, answers, body, by_name, members, parameters, resolve


def described() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and node of everything that becomes a docstring."""
    for name, operation in by_name().items():
        yield from ((f"{name}({each['name']})", each) for each in parameters(operation))
        yield from members(f"{name} body", body(operation))
        for status, schema in answers(operation).items():
            yield from members(f"{name} {status}", schema)
    for name, schema in SCHEMAS.items():
        yield name, schema
        yield from members(name, schema)
    yield from ((f"response {name}", each) for name, each in DOCUMENT["components"]["responses"].items())


def sources(node: Any) -> Iterator[str]:
    """Yield every text of `x-note` and `x-source`, at any depth."""
    if isinstance(node, dict):
        yield from (node[key] for key in ("x-note", "x-source") if isinstance(node.get(key), str))
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from sources(child)


def test_every_thing_has_a_description() -> None:
    """Every parameter, member and schema has a description that is a sentence."""
    for name, node in described():
        text = node.get("description") or resolve(node).get("description")
        assert text, f"{name} has no description"
        assert text.strip()[0].isupper() and text.strip()[-1] in ".:", f"{name}: {text}"


def test_every_operation_has_a_summary_of_one_sentence() -> None:
    """Every summary is one sentence on one line of at most 80 characters."""
    for name, operation in by_name().items():
        summary = operation["summary"]
        assert "\n" not in summary and len(summary) <= 80, name
        assert re.fullmatch(r"[A-Z][^.]*\.", summary), name


def test_every_operation_cites_its_documentation() -> None:
    """Every operation cites a vendor page and the vendor's group and name of the operation."""
    for name, operation in by_name().items():
        assert re.fullmatch(r"(docs\.pixxel\.space/\S+;|\[OA\]) [A-Za-z]+/.+", operation["x-source"]), name


def test_every_operation_has_the_tag_of_its_resource() -> None:
    """Every operation is tagged with its resource."""
    tagged = {tag["name"] for tag in DOCUMENT["tags"]}
    for name, operation in by_name().items():
        assert operation["tags"] == [name.partition(".")[0]], name
    assert tagged == {name.partition(".")[0] for name in by_name()}
    assert all(tag["description"].endswith(".") for tag in DOCUMENT["tags"])


def test_every_source_tag_is_explained() -> None:
    """Every source tag used in a note is explained at the head of the file."""
    head = FILE.read_text(encoding="utf-8").partition("openapi:")[0]
    explained = set(re.findall(r"\[([a-zA-Z-]+)\] ", head.partition("Tags of sources")[2]))
    used = {tag for text in sources(DOCUMENT) for tag in re.findall(r"\[([a-zA-Z-]+)\]", text)}
    assert used == explained


def test_every_key_of_ours_is_explained() -> None:
    """Every `x-` key is explained in the table at the head of the file."""
    head, _, rest = FILE.read_text(encoding="utf-8").partition("openapi:")
    assert set(re.findall(r"\b(x-[a-z-]+):", rest)) == set(re.findall(r"^# {5}(x-[a-z-]+)", head, re.MULTILINE))


def test_left_out_members_have_a_reason() -> None:
    """Each member left out of the vendor's document has a written reason."""
    assert all(len(reason) > 20 for reason in DOCUMENT["x-left-out"].values())


def test_lines_are_short() -> None:
    """No line is longer than 140 characters."""
    assert all(len(line) <= 140 for line in FILE.read_text(encoding="utf-8").splitlines())
