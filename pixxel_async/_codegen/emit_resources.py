"""Generate the modules of `resources/` from operations."""

from __future__ import annotations

from collections.abc import Mapping

from .emit_methods import extra_methods, method
from .layout import modules, operations, resource_of
from .names import resource_class
from .plan import MethodPlan, methods
from .records import Document, OperationRecord
from .text import HEADER, docstring, lazy_init, module

_OFFERS = {
    "builtins": "import builtins",
    "dt": "import datetime as dt",
    "AsyncIterator": "collections.abc",
    "Mapping": "collections.abc",
    "Sequence": "collections.abc",
    "Any": "typing",
    **dict.fromkeys(("Call", "Operation"), ".._http.call"),
    **dict.fromkeys(("Paging", "Resource", "Wait"), ".._http.resource"),
    **dict.fromkeys(
        ("Id", "as_list", "require_one", "require_when", "rows_of", "to_body"),
        ".._http.codec.model",
    ),
    **dict.fromkeys(("GeometryLike", "box_of", "geometry_of"), ".._http.codec.geometry"),
    "Pages": ".._http.pages",
}

_ABOUT = """The resources of the client, one class each.

Every call raises `APIError` or one of its kinds when the API refuses, `ConnectionFailed` or `TimedOut` when no answer
came, and `DecodeError` when the response cannot be read. Methods say what else they raise. Rows of a listing come from
`Pages`: await it for the first page, or iterate over all rows.
"""


def resource_files(document: Document) -> dict[str, str]:
    """Return the files of `resources/`, unformatted, by name."""
    by_resource: dict[str, list[MethodPlan]] = {}
    for path, http, operation in operations(document):
        if resource := resource_of(operation):
            by_resource.setdefault(resource, []).extend(methods(document, path, http, operation))
    files = {f"{name}.py": _emit_module(document, name, plans) for name, plans in sorted(by_resource.items())}
    return {**files, "__init__.py": _init(document, sorted(by_resource))}


def _emit_module(document: Document, resource: str, plans: list[MethodPlan]) -> str:
    name = resource_class(resource, document.components.schemas)
    about = next((tag.description for tag in document.tags if tag.name == resource), "") or f"`client.{resource}`."
    own = [each for each in plans if not each.fixed]
    constants = [_emit_operation(each.constant, each.path, each.http, each.operation) for each in own]
    listed = ", ".join(each.constant for each in own)
    body = [method(each) for each in plans] + [text for each in own for text in extra_methods(each)]
    code = "\n".join([
        f"__all__ = [{name!r}]\n", *constants, f"\nOPERATIONS = ({listed},)\n\n", f"class {name}(Resource):",
        docstring(about, 4), "\n    __slots__ = ()\n", "\n\n".join(body), "",
    ])  # fmt: skip
    offers = _OFFERS | {schema: f"..models.{home}" for schema, home in modules(document).items()}
    return module(f"`client.{resource}`.", code, offers)


def _emit_operation(name: str, path: str, http: str, operation: OperationRecord) -> str:
    facts: Mapping[str, object] = {
        "repeat": operation.x_repeat if operation.x_repeat != "safe" else None,
        "reconcile": operation.x_reconcile,
        "free": operation.x_free,
        "gone_is_done": operation.x_gone_is_done,
        "lend": operation.x_lend,
    }
    keywords = "".join(f", {key}={value!r}" for key, value in facts.items() if value)
    return f"{name} = Operation({operation.operation_id!r}, {http!r}, {path!r}{keywords})"


def _init(document: Document, resources: list[str]) -> str:
    classes = {resource: resource_class(resource, document.components.schemas) for resource in resources}
    aside = {f"_{op.operation_id.upper()}": each for each in operations(document) if not resource_of(op := each[2])}
    homes = {kind: name for name, kind in classes.items()}
    imports = [
        "from collections.abc import Mapping",
        "from .._http.call import Operation",
        "from .._http.resource import OperationMap, Resource, ResourceMap",
    ]
    return "\n".join([
        HEADER + docstring(_ABOUT, 0), "", lazy_init(homes, imports, ["OPERATIONS", "RESOURCES"]),
        f"\nRESOURCES: Mapping[str, type[Resource]] = ResourceMap(__name__, {classes!r})",
        docstring("The resource classes by the attribute of the client that holds one.", 0),
        *(f"\n{_emit_operation(name, *each)}" for name, each in aside.items()),
        f"\nOPERATIONS: Mapping[str, Operation] = OperationMap(__name__, {resources!r}, [{', '.join(aside)}])",
        docstring("All operations of the API by name.", 0), "",
    ])  # fmt: skip
