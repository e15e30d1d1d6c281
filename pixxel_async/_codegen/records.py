"""The description as attrs records; an unknown key is an error."""

from __future__ import annotations

import re
from typing import Any, Literal

import attrs
from attrs import field, frozen

RepeatWord = Literal["safe", "once", "paid"]
PagingWord = Literal["offset", "body-offset", "offset-open", "body-offset-open", "page", "skip", "whole"]


def key(name: str) -> Any:
    """Define an optional field whose key has its own spelling."""
    return field(default=None, metadata={"key": name})


def key_of(attribute: attrs.Attribute[Any]) -> str:
    """Return a field's key: as given by `key`, else `x_get_from` → `x-get-from` and `request_body` → `requestBody`."""
    name = attribute.name
    if own_key := attribute.metadata.get("key"):
        return str(own_key)
    if name.startswith("x_"):
        return name.replace("_", "-")
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


@frozen(kw_only=True)
class Lent:
    """The source of a member that is not in the JSON: a member of the object in whose list this one stands."""

    from_: str = field(metadata={"key": "from"})
    member: str


@frozen(kw_only=True)
class SchemaRecord:
    """The type of a value: a class, a word list, a list, a map, a scalar, or (empty) any JSON."""

    ref: str | None = key("$ref")
    type: str | list[str] | None = None
    format: str | None = None
    const: Any = None
    default: Any = None
    title: str | None = None
    description: str | None = None
    deprecated: bool = False
    example: Any = None
    examples: list[Any] = field(factory=list)
    properties: dict[str, SchemaRecord] = field(factory=dict)
    required: list[str] = field(factory=list)
    additional_properties: bool | SchemaRecord | None = None
    items: SchemaRecord | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_items: int | None = None
    max_items: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    x_values: dict[str, str] = field(factory=dict)
    x_open: bool = False
    x_module: str | None = None
    x_envelope: bool = False
    x_secret: bool = False
    x_lazy: bool = False
    x_lent: dict[str, Lent] = field(factory=dict)
    x_exactly_one: list[str] = field(factory=list)
    x_source: Any = None
    x_note: str | None = None

    @property
    def kind(self) -> str | None:
        """The type without the `null` beside it."""
        if isinstance(self.type, list):
            return next((kind for kind in self.type if kind != "null"), None)
        return self.type

    @property
    def nullable(self) -> bool:
        """Whether null is a meaningful value."""
        return isinstance(self.type, list) and "null" in self.type

    @property
    def name(self) -> str | None:
        """The name of the referenced schema."""
        return self.ref.rsplit("/", 1)[1] if self.ref else None


@frozen(kw_only=True)
class Parameter:
    """A path or query argument."""

    ref: str | None = key("$ref")
    name: str = ""
    in_: str = field(default="", metadata={"key": "in"})
    required: bool = False
    explode: bool = True
    style: str | None = None
    description: str | None = None
    deprecated: bool = False
    example: Any = None
    schema: SchemaRecord = field(factory=SchemaRecord)
    x_source: Any = None
    x_note: str | None = None


@frozen(kw_only=True)
class Media:
    """A body of one media type."""

    schema: SchemaRecord | None = None
    example: Any = None
    examples: dict[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class RequestBody:
    """The body of a request."""

    description: str | None = None
    required: bool = False
    content: dict[str, Media]


@frozen(kw_only=True)
class ResponseRecord:
    """A response."""

    ref: str | None = key("$ref")
    description: str | None = None
    headers: dict[str, Any] = field(factory=dict)
    content: dict[str, Media] = field(factory=dict)
    x_note: str | None = None


@frozen(kw_only=True)
class Variant:
    """The same request with fixed members, under a method name of its own."""

    set: dict[str, Any]
    returns: str
    repeat: RepeatWord
    description: str | None = None


@frozen(kw_only=True)
class GetFrom:
    """A listing that serves as a `get`: filtered by the id, first row."""

    filter: str
    argument: str
    description: str | None = None


@frozen(kw_only=True)
class WaitRecord:
    """The words that end a wait, and the listing that polls many objects at once."""

    listing: str | None = key("list")
    status: str = "status"
    id: str = "id"
    good: list[str]
    bad: list[str]


@frozen(kw_only=True)
class OperationRecord:
    """One operation of the API."""

    operation_id: str
    summary: str | None = None
    description: str | None = None
    tags: list[str] = field(factory=list)
    parameters: list[Parameter] = field(factory=list)
    request_body: RequestBody | None = None
    responses: dict[str, ResponseRecord]
    security: list[dict[str, list[str]]] | None = None
    deprecated: bool = False
    external_docs: Any = None
    x_repeat: RepeatWord
    x_repeat_unless: dict[str, RepeatWord] = field(factory=dict)
    x_reconcile: str = ""
    x_free: bool = False
    x_gone_is_done: bool = False
    x_items: str | None = None
    x_paging: PagingWord | None = None
    x_page_size: int | None = None
    x_unwrap: str = ""
    x_variants: dict[str, Variant] = field(factory=dict)
    x_get_from: GetFrom | None = None
    x_wait: WaitRecord | None = None
    x_lend: dict[str, str] = field(factory=dict)
    x_exactly_one: list[str] = field(factory=list)
    x_requires: dict[str, dict[str, str]] = field(factory=dict)
    x_source: Any = None
    x_note: str | None = None


@frozen(kw_only=True)
class PathItem:
    """The operations of one path."""

    summary: str | None = None
    description: str | None = None
    get: OperationRecord | None = None
    post: OperationRecord | None = None
    put: OperationRecord | None = None
    patch: OperationRecord | None = None
    delete: OperationRecord | None = None

    def operations(self) -> list[tuple[str, OperationRecord]]:
        """Return the operations by upper-case method."""
        fields = [(method, getattr(self, method)) for method in ("get", "post", "put", "patch", "delete")]
        return [(method.upper(), operation) for method, operation in fields if operation is not None]


@frozen(kw_only=True)
class Tag:
    """A resource."""

    name: str
    description: str = ""
    external_docs: Any = None
    x_source: Any = None
    x_note: str | None = None


@frozen(kw_only=True)
class Components:
    """Referenced parts."""

    schemas: dict[str, SchemaRecord]
    parameters: dict[str, Parameter] = field(factory=dict)
    responses: dict[str, ResponseRecord] = field(factory=dict)
    security_schemes: dict[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Document:
    """The whole description."""

    openapi: str
    info: dict[str, Any]
    servers: list[dict[str, Any]] = field(factory=list)
    security: list[dict[str, list[str]]] = field(factory=list)
    tags: list[Tag] = field(factory=list)
    external_docs: Any = None
    paths: dict[str, PathItem]
    components: Components
    x_left_out: dict[str, str] = field(factory=dict)
    x_source: Any = None
    x_note: Any = None
