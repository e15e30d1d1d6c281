"""Parse the description's text, and keep the line of every value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from attrs import frozen

Path = tuple[str | int, ...]


class BadDescription(Exception):
    """The description cannot be used; the message says where and why."""


@frozen
class SourceCode:
    """A parsed description.

    Attributes:
        plain: mappings, lists and scalars.
        lines: line of each key and list element, by its path from the top.
    """

    plain: dict[str, Any]
    lines: Mapping[Path, int]

    def error(self, path: Path, reason: str) -> BadDescription:
        """Make an error that names the place, or the nearest known one above it."""
        place = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in self.lines)
        return BadDescription(f"line {self.lines[place]}: {'.'.join(map(str, path))}: {reason}")


def parse(text: str) -> SourceCode:
    """Parse YAML; raise `BadDescription` if it is invalid or a key appears twice."""
    try:
        top = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise BadDescription(str(error)) from None
    if not isinstance(top, yaml.MappingNode):
        raise BadDescription("line 1: a description is a mapping")
    lines: dict[Path, int] = {(): 1}
    return SourceCode(_to_plain(top, (), lines), lines)


def _to_plain(node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        for index, each in enumerate(node.value):
            lines[*path, index] = each.start_mark.line + 1
        return [_to_plain(each, (*path, index), lines) for index, each in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in mapping:
            raise BadDescription(f"line {line}: {name} stands twice in {'.'.join(map(str, path))}")
        lines[*path, name] = line
        mapping[name] = _to_plain(value, (*path, name), lines)
    return mapping


def _scalar(node: yaml.Node) -> Any:
    if node.tag == "tag:yaml.org,2002:timestamp":
        return node.value
    return yaml.constructor.SafeConstructor().construct_object(node)
