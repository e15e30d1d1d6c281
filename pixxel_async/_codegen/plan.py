"""Plan the methods of a resource from an operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import evolve, frozen

from .layout import resource_of
from .names import attribute
from .records import Document, OperationRecord, Parameter, SchemaRecord, Variant
from .source import BadDescription
from .text import sentence, with_words
from .types import Schemas, argument_type, attribute_type, is_geometry

APIMethod = Literal["fetch", "fetch_list", "pages", "fetch_bytes", "fetch_text", "send"]

_SENT_BY_PAGING = {"page": {"page_num"}}


@frozen(kw_only=True)
class MethodArgument:
    """One argument of a method.

    Attributes:
        name, wire: in Python and in the request.
        where: `path`, `query` or `body`.
        kind: its annotation, without the None of an optional one.
        required: whether it is required.
        positional: whether it may be positional.
        geometry: whether it is a bare geometry, which accepts several types.
        each_exactly_one: for a list: members of which each row has exactly one.
        rows: for a list of objects with required members: their class.
        about: a sentence for the docstring.
    """

    name: str
    wire: str
    where: str
    kind: str
    required: bool = False
    positional: bool = False
    geometry: bool = False
    each_exactly_one: tuple[str, ...] = ()
    rows: str = ""
    about: str = ""


@frozen(kw_only=True)
class MethodPlan:
    """One method of a resource that sends a request.

    Attributes:
        resource, verb: `client.<resource>.<verb>`.
        api_method: the method of the API protocol that it calls.
        model: class of the result; empty for bytes, text and nothing.
        arguments: in the order of the signature.
        fixed: fixed members of the body.
        repeat: code of a repeat class that differs from the operation's; else empty.
        about, returns: sentences for the docstring.
    """

    resource: str
    verb: str
    path: str
    http: str
    operation: OperationRecord
    api_method: APIMethod
    model: str = ""
    arguments: tuple[MethodArgument, ...] = ()
    fixed: Mapping[str, Any] = {}
    repeat: str = ""
    about: str = ""
    returns: str = ""

    @property
    def constant(self) -> str:
        """The name of the module constant that holds the operation."""
        return f"_{self.operation.operation_id.rpartition('.')[2].upper()}"

    def of(self, place: str) -> list[MethodArgument]:
        """Return the arguments of the path, the query or the body."""
        return [argument for argument in self.arguments if argument.where == place]


def methods(document: Document, path: str, http: str, operation: OperationRecord) -> list[MethodPlan]:
    """Plan the method of an operation, then those of its variants."""
    plan = MethodPlan(
        resource=resource_of(operation),
        verb=operation.operation_id.rpartition(".")[2],
        path=path,
        http=http,
        operation=operation,
        api_method="send",
        arguments=_plan_arguments(document, path, operation),
        repeat="".join(f'"{repeat}" if {name} else None' for name, repeat in operation.x_repeat_unless.items()),
        about="\n\n".join(sentence(part) for part in (operation.summary, operation.description) if part),
    )
    fixed = {name for variant in operation.x_variants.values() for name in variant.set}
    plan = evolve(plan, arguments=tuple(a for a in plan.arguments if a.wire not in fixed))
    returned = {variant.returns for variant in operation.x_variants.values()}
    api_method, model = _choose_api_method(operation, returned)
    plan = evolve(plan, api_method=api_method, model=model, returns=_describe_result(operation, model))
    return [plan, *(_plan_variant(plan, *each) for each in operation.x_variants.items())]


def _plan_variant(method: MethodPlan, verb: str, variant: Variant) -> MethodPlan:
    return evolve(
        method,
        verb=verb,
        api_method="fetch",
        model=variant.returns,
        returns=_describe_result(method.operation, variant.returns),
        fixed=variant.set,
        repeat=f'"{variant.repeat}"',
        about=variant.description or method.about,
    )


def _choose_api_method(operation: OperationRecord, elsewhere: set[str]) -> tuple[APIMethod, str]:
    """Return the method of the API protocol for an operation, and the class of its result."""
    for code, response in operation.responses.items():
        for media_type, media in response.content.items() if code.startswith("2") else ():
            schema = media.schema or SchemaRecord()
            if "json" not in media_type:
                return "fetch_bytes", ""
            if schema.kind == "string":
                return "fetch_text", ""
            if schema.name not in elsewhere:
                return _choose_json_method(operation, schema)
    return "send", ""


def _describe_result(operation: OperationRecord, model: str) -> str:
    """Return the description of the success response, or of the one with this class."""
    good = [response for code, response in operation.responses.items() if code.startswith("2")]
    schemas = {id(response): media.schema for response in good for media in response.content.values()}
    exact = [r for r in good if (schema := schemas.get(id(r))) is not None and schema.name == model]
    return next((r.description for r in (exact or good) if r.content and r.description != "OK"), None) or ""


def _choose_json_method(operation: OperationRecord, schema: SchemaRecord) -> tuple[APIMethod, str]:
    inner = schema.properties.get(operation.x_items or operation.x_unwrap, schema)
    row = inner.items or (
        inner.additional_properties if isinstance(inner.additional_properties, SchemaRecord) else None
    )
    if (row or inner).name is None:
        raise BadDescription(f"{operation.operation_id}: the answer is of no named class")
    model = attribute_type(row or inner)
    return ("pages" if operation.x_items else "fetch_list" if row else "fetch"), model


def _plan_arguments(document: Document, path: str, operation: OperationRecord) -> tuple[MethodArgument, ...]:
    parameters = [_plan_parameter(document, parameter) for parameter in operation.parameters]
    in_path = sorted((a for a in parameters if a.where == "path"), key=lambda a: path.find(f"{{{a.wire}}}"))
    owned = _SENT_BY_PAGING.get(operation.x_paging or "", set())
    rest = [a for a in (*parameters, *_plan_body(document, operation)) if a.where != "path" and a.wire not in owned]
    rest.sort(key=lambda a: (not a.positional, not a.required, a.wire in ("limit", "page_size"), a.wire == "offset"))
    return (*in_path, *rest)


def _plan_parameter(document: Document, parameter: Parameter) -> MethodArgument:
    if parameter.ref:
        parameter = document.components.parameters[parameter.ref.rsplit("/", 1)[1]]
    in_path = parameter.in_ == "path"
    about = parameter.description or parameter.schema.description or ""
    return MethodArgument(
        name=attribute(parameter.name),
        wire=parameter.name,
        where=parameter.in_,
        kind=_kind(parameter.name, parameter.schema, document),
        required=parameter.required,
        positional=in_path,
        about=with_words(about, parameter.schema, document.components.schemas),
    )


def _plan_body(document: Document, operation: OperationRecord) -> list[MethodArgument]:
    media = operation.request_body.content["application/json"] if operation.request_body else None
    schema = media.schema if media and media.schema else SchemaRecord()
    if schema.name:
        schema = document.components.schemas[schema.name]
    return [_plan_member(document, schema, wire) for wire in schema.properties]


def _plan_member(document: Document, body: SchemaRecord, wire: str) -> MethodArgument:
    schema, schemas = body.properties[wire], document.components.schemas
    only_required = body.required == [wire]
    return MethodArgument(
        name=attribute(wire),
        wire=wire,
        where="body",
        kind=_kind(wire, schema, document),
        required=wire in body.required,
        positional=only_required and schema.items is not None and schema.items.name is not None,
        each_exactly_one=tuple(schemas[schema.items.name].x_exactly_one) if schema.items and schema.items.name else (),
        rows=_rows(schema, schemas),
        geometry=schema.name is not None and is_geometry(schemas[schema.name]),
        about=with_words(
            schema.description or (schemas[schema.name].description if schema.name else "") or "", schema, schemas
        ),
    )


def _rows(schema: SchemaRecord, schemas: Schemas) -> str:
    """Return the class of a list's elements if it has required members; else empty."""
    name = schema.items.name if schema.items else None
    return name if name and schemas[name].required else ""


def _kind(wire: str, schema: SchemaRecord, document: Document) -> str:
    """Return the annotation of an argument; an id may be a text, a UUID or a row."""
    if schema.name and is_geometry(document.components.schemas[schema.name]):
        return "GeometryLike"
    kind = argument_type(schema, document.components.schemas)
    if kind == "str" and (wire == "id" or wire.endswith("_id")):
        return "Id"
    return "Sequence[Id]" if kind == "Sequence[str]" and wire.endswith("_ids") else kind
