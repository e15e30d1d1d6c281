"""Describe the API's operations as tools: names, JSON schemas and hints, from method signatures; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from ...resources import OPERATIONS, RESOURCES
from ..commands.arguments import SECRET
from ..commands.signatures import ArgumentKind, CommandArgument, ResourceMethod, method_names, read_method

DEFAULT_ROWS, MAX_ROWS = 20, 200
"""Rows of a listing that a tool returns without `rows`, and at most: a model's context is small."""
MAX_WAIT = 300.0
"""Seconds that a tool waits for the end of a job at most; a protocol client gives up after some minutes."""
REHEARSALS = {
    "insights.create": ("insights.estimate", ()),
    "jobs.create": ("workflows.estimate", ("workflow_id",)),
    "orders.create": ("orders.create", ()),
}
"""The free operation that prices a paid one, and the arguments that it takes; none: all, with `dry_run` if known."""

_TYPES: Mapping[ArgumentKind, dict[str, Any]] = {
    "text": {"type": "string"},
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "switch": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "numbers": {"type": "array", "items": {"type": "number"}},
    "area": {"type": "object"},
    "json": {},
}


@frozen
class OperationTool:
    """An operation of the API as a tool.

    Attributes:
        name: `resource_method`.
        schema: JSON schema of its arguments.
        read_only: changes nothing at the service.
        destructive: deletes something.
    """

    name: str
    description: str
    schema: dict[str, Any]
    method: ResourceMethod
    read_only: bool
    destructive: bool


def operation_tools(*, allow_paid: bool) -> Iterator[OperationTool]:
    """Yield the tools of all operations that a model may call.

    Left out are watches, which never return within one call, and operations that take secrets, which do not belong
    into a conversation.

    Args:
        allow_paid: include the operations that cost tokens.
    """
    for resource in RESOURCES:
        for name in method_names(resource):
            method = read_method(resource, name)
            secret = any(argument.name in SECRET for argument in method.arguments)
            watch = method.listed and not method.paged and f"{resource}.{name}" not in OPERATIONS
            if secret or watch or (method.paid and not allow_paid):
                continue
            yield _describe(method)


def _describe(method: ResourceMethod) -> OperationTool:
    operation = OPERATIONS.get(f"{method.resource}.{method.name}")
    arguments = [each for each in method.arguments if not (method.paid and each.name == "dry_run")]
    properties = {each.name: _describe_property(each) for each in arguments}
    text = method.about
    if method.paged:
        about = f"Maximum number of rows, 1 to {MAX_ROWS} [{DEFAULT_ROWS}]."
        properties["rows"] = {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "description": about}
    if method.paid:
        about = "The value that the dry run returned; without it the call is a dry run, which costs nothing."
        properties["confirmation"] = {"type": "string", "description": about}
        text += "\n\nCosts tokens. Call it without `confirmation` first: that returns the price and a confirmation."
    schema = {
        "type": "object",
        "properties": properties,
        "required": [each.name for each in arguments if each.required],
        "additionalProperties": False,
    }
    verb = operation.method if operation is not None else "GET"
    changes = verb not in ("GET",) and not method.paged and method.gives is not bytes
    return OperationTool(
        f"{method.resource}_{method.name}",
        text,
        schema,
        method,
        read_only=not changes,
        destructive=verb == "DELETE",
    )


def _describe_property(argument: CommandArgument) -> dict[str, Any]:
    about = argument.help
    if argument.name == "timeout":
        about = f"Maximum wait in seconds, at most {MAX_WAIT:.0f}, which is the default."
    return _TYPES[argument.kind] | ({"description": about} if about else {})
