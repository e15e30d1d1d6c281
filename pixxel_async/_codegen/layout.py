"""Assign each schema's class to a module, and each operation to a resource."""

from __future__ import annotations

from collections.abc import Iterator

from .records import Document, OperationRecord, SchemaRecord


def schemas_in(schema: SchemaRecord | None) -> Iterator[str]:
    """Return the schemas that a type refers to directly, itself included."""
    if schema is None:
        return
    if schema.name:
        yield schema.name
    for inner in (*schema.properties.values(), schema.items):
        yield from schemas_in(inner)
    if isinstance(schema.additional_properties, SchemaRecord):
        yield from schemas_in(schema.additional_properties)


def operations(document: Document) -> list[tuple[str, str, OperationRecord]]:
    """Return all operations as (path, method, operation), in the description's order."""
    return [(path, method, op) for path, item in document.paths.items() for method, op in item.operations()]


def resource_of(operation: OperationRecord) -> str:
    """Return the client attribute of an operation; empty for `ping`."""
    return operation.operation_id.rpartition(".")[0]


def modules(document: Document) -> dict[str, str]:
    """Return the module of each schema: `x-module`, else the first resource that uses it at any depth."""
    placed: dict[str, str] = {}
    for _, _, operation in operations(document):
        for name in mentioned_schemas(operation):
            _place(document, name, resource_of(operation), placed)
    classes = document.components.schemas
    return {name: placed[name] for name, schema in classes.items() if name in placed and not schema.x_envelope}


def _place(document: Document, name: str, module: str, placed: dict[str, str]) -> None:
    if name in placed:
        return
    schema = document.components.schemas[name]
    placed[name] = schema.x_module or module
    for inner in schemas_in(schema):
        _place(document, inner, module, placed)


def mentioned_schemas(operation: OperationRecord) -> Iterator[str]:
    """Return the schemas that an operation refers to directly."""
    for parameter in operation.parameters:
        yield from schemas_in(parameter.schema)
    contents = [operation.request_body.content] if operation.request_body else []
    for content in (*contents, *(response.content for response in operation.responses.values())):
        for media in content.values():
            yield from schemas_in(media.schema)


def read_schemas(document: Document) -> set[str]:
    """Return the schemas that occur in responses; users only write the others."""
    pending = [
        name
        for _, _, operation in operations(document)
        for answer in operation.responses.values()
        for media in answer.content.values()
        for name in schemas_in(media.schema)
    ]
    reached: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += schemas_in(document.components.schemas[name])
    return reached
