"""Validate a description before code is generated from it."""

from __future__ import annotations

from collections.abc import Iterator

from .layout import mentioned_schemas, operations, schemas_in
from .names import attribute
from .plan import MethodPlan, methods
from .records import Document, OperationRecord, SchemaRecord
from .source import SourceCode

_TAKEN = {"bool", "dict", "extra", "float", "from_dict", "int", "list", "str", "to_dict"}


def check(source: SourceCode, document: Document) -> None:
    """Raise `BadDescription`, with the line, for the first violation."""
    for name, schema in document.components.schemas.items():
        for wrong in _find_schema_faults(document, schema):
            raise source.error(("components", "schemas", name), wrong)
    ids: set[str] = set()
    for path, http, operation in operations(document):
        place = ("paths", path, http.lower())
        if operation.operation_id in ids:
            raise source.error((*place, "operationId"), f"{operation.operation_id} stands twice")
        ids.add(operation.operation_id)
        for wrong in _find_reference_faults(document, operation):
            raise source.error(place, wrong)
        for wrong in _find_method_faults(document, methods(document, path, http, operation)[0]):
            raise source.error(place, wrong)


def _find_schema_faults(document: Document, schema: SchemaRecord) -> Iterator[str]:
    for name in schemas_in(schema):
        if name not in document.components.schemas:
            yield f"there is no schema {name}"
    for wire in schema.properties:
        if attribute(wire) in _TAKEN:
            yield f"no class can have a member {attribute(wire)}"
    for name in (*schema.required, *schema.x_exactly_one):
        if name not in schema.properties:
            yield f"there is no member {name}"


def _find_reference_faults(document: Document, operation: OperationRecord) -> Iterator[str]:
    if any(not part.isidentifier() for part in operation.operation_id.split(".")):
        yield f"{operation.operation_id} is no name in Python"
    for parameter in operation.parameters:
        if parameter.ref and parameter.ref.rsplit("/", 1)[1] not in document.components.parameters:
            yield f"there is no parameter {parameter.ref}"
    for name in mentioned_schemas(operation):
        if name not in document.components.schemas:
            yield f"there is no schema {name}"


def _find_method_faults(document: Document, method: MethodPlan) -> Iterator[str]:
    operation, arguments = method.operation, {argument.wire for argument in method.arguments}
    in_path = {argument.wire for argument in method.of("path")}
    references = [*operation.x_exactly_one, *operation.x_requires, *operation.x_repeat_unless]
    references += [operation.x_get_from.filter] if operation.x_get_from else []
    for name in references:
        if name not in arguments:
            yield f"there is no argument {name}"
    for name in operation.x_lend.values():
        if name not in in_path:
            yield f"there is no path argument {name}"
    if any(f"{{{name}}}" not in method.path for name in in_path) or method.path.count("{") != len(in_path):
        yield "the path and its arguments differ"
    names = {op.operation_id for _, _, op in operations(document)}
    if operation.x_wait and operation.x_wait.listing and operation.x_wait.listing not in names:
        yield f"there is no operation {operation.x_wait.listing}"
    if method.api_method == "pages" and operation.x_paging is None:
        yield "there are rows, but no x-paging"
