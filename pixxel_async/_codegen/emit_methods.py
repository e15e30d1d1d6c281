"""Generate the methods of a resource: a signature, a docstring, and one statement."""

from __future__ import annotations

from collections.abc import Sequence

from .plan import MethodArgument, MethodPlan
from .records import GetFrom, WaitRecord
from .text import docstring, sentence

_RETURNS = {"fetch_bytes": "bytes", "fetch_text": "str", "send": "None"}
_TIMEOUT = "timeout: float | None = None"
_TIMEOUT_ABOUT = "timeout: Seconds to wait at most; None for the `poll.timeout` of the settings, 6 hours."


def method(plan: MethodPlan) -> str:
    """Generate a method that sends a request."""
    paged = plan.api_method == "pages"
    head = _emit_signature(plan.verb, plan.arguments, _return_type(plan), asynchronous=not paged)
    keyword = {"pages": "return", "send": "await"}.get(plan.api_method, "return await")
    statement = f"{keyword} self._api.{plan.api_method}({_call(plan)}{_emit_reading_arguments(plan)})"
    return f"{head}\n{_emit_docstring(plan)}\n        {statement}"


def extra_methods(plan: MethodPlan) -> list[str]:
    """Generate the methods that a listing or a get brings along: `get`, `wait` and `watch`."""
    lookup, wait = plan.operation.x_get_from, plan.operation.x_wait
    return [*([_get_from(plan, lookup)] if lookup else []), *(_wait_methods(plan, wait) if wait else [])]


def _emit_signature(
    verb: str, arguments: Sequence[MethodArgument], returned: str, *, asynchronous: bool, more: str = ""
) -> str:
    positional = [_declare(a) for a in arguments if a.positional]
    named = [_declare(a) for a in arguments if not a.positional] + ([more] if more else [])
    listed = ["self", *positional, *(["*", *named] if named else [])]
    return f"    {'async ' if asynchronous else ''}def {verb}({', '.join(listed)}) -> {returned}:"


def _declare(argument: MethodArgument) -> str:
    if argument.required or argument.positional:
        return f"{argument.name}: {argument.kind}"
    if argument.kind == "bool":
        return f"{argument.name}: bool = False"
    optional = argument.kind if argument.kind == "Any" else f"{argument.kind} | None"
    return f"{argument.name}: {optional} = None"


def _return_type(plan: MethodPlan) -> str:
    if plan.api_method == "pages":
        return f"Pages[{plan.model}]"
    if plan.api_method == "fetch_list":
        return f"builtins.list[{plan.model}]"  # a method named list hides the other one
    return _RETURNS.get(plan.api_method, plan.model)


def _call(plan: MethodPlan) -> str:
    path, query = _emit_mapping(plan.of("path")), _emit_mapping(plan.of("query"))
    parts = [plan.constant, *([f"{{{path}}}"] if path or query else []), *([f"{{{query}}}"] if query else [])]
    if plan.of("body") or plan.fixed:
        parts.append(f"body={_emit_body(plan)}")
    if plan.repeat:
        parts.append(f"repeat={plan.repeat}")
    return f"Call({', '.join(parts)})"


def _emit_mapping(arguments: Sequence[MethodArgument]) -> str:
    return ", ".join(f"{a.wire!r}: {_emit_value(a)}" for a in arguments)


def _emit_value(argument: MethodArgument) -> str:
    """Return the code of an argument's value."""
    if argument.geometry:
        return f"geometry_of({argument.name})"
    if argument.rows:
        return f"rows_of({argument.name!r}, {argument.name}, {argument.rows})"
    if argument.kind.startswith("Sequence["):
        return "box_of(bbox)" if argument.name == "bbox" else f"as_list({argument.name!r}, {argument.name})"
    return argument.name


def _emit_body(plan: MethodPlan) -> str:
    fixed = "".join(f", {name!r}: {value!r}" for name, value in plan.fixed.items())
    needed = "".join(f", {argument.wire!r}" for argument in plan.of("body") if argument.required)
    body = f"to_body({{{_emit_mapping(plan.of('body'))}{fixed}}}{needed})"
    if names := plan.operation.x_exactly_one:
        body = f"require_one({body}, {', '.join(map(repr, names))})"
    for name, condition in plan.operation.x_requires.items():
        body = f"require_when({body}, {name!r}, {', '.join(f'{k}={v!r}' for k, v in condition.items())})"
    for argument in plan.of("body"):
        if argument.each_exactly_one:
            names = [repr(name) for name in argument.each_exactly_one]
            body = f"require_one({body}, {', '.join(names)}, each={argument.wire!r})"
    return body


def _emit_reading_arguments(plan: MethodPlan) -> str:
    operation = plan.operation
    if not plan.model:
        return ""
    if plan.api_method == "pages":
        size = f", {operation.x_page_size}" if operation.x_page_size else ""
        return f', {plan.model}, Paging("{operation.x_paging}", "{operation.x_items}"{size})'
    return f", {plan.model}" + (f', unwrap="{operation.x_unwrap}"' if operation.x_unwrap else "")


_SHAPES = " GeoJSON, WKT, or a box west,south,east,north; a file (in Python a `Path`); shapes of shapely, geopandas."
"""How to give an argument that is a geometry."""


def _emit_docstring(plan: MethodPlan) -> str:
    sections = {
        "Args": _describe_arguments(plan.arguments),
        "Returns": _describe_returns(plan),
        "Raises": _describe_raises(plan),
        "Note": [sentence(plan.operation.x_note)] if plan.operation.x_note else [],
        "Source": [sentence(plan.operation.x_source)] if plan.operation.x_source else [],
    }
    return docstring(plan.about or f"`{plan.http} {plan.path}`.", 8, sections)


def _describe_returns(plan: MethodPlan) -> list[str]:
    if plan.api_method == "pages":
        single_page = plan.operation.x_paging == "whole"
        first = "the service sends one page" if single_page else "`await` reads the first page"
        return [f"Rows of `{plan.model}`: `async for` reads all of them, {first}."]
    return [sentence(plan.returns)] if plan.returns else []


def _describe_arguments(arguments: Sequence[MethodArgument]) -> list[str]:
    return [f"{a.name}: {sentence(a.about)}{_SHAPES if a.geometry else ''}" for a in arguments if a.about]


def _describe_raises(plan: MethodPlan) -> list[str]:
    """List what a call may raise beyond the errors that all calls share."""
    errors = []
    if (
        "require_one" in (body := _emit_body(plan))
        or "require_when" in body
        or "geometry_of" in body
        or "rows_of" in body
    ):
        errors.append("ConfigError: An argument is missing or invalid; nothing was sent.")
    if plan.operation.x_repeat != "safe" and plan.repeat != '"safe"':
        tells = f"; find out with `{plan.operation.x_reconcile}`" if plan.operation.x_reconcile else ""
        tells = "; repeating it costs nothing" if plan.operation.x_free else tells
        errors.append(f"OutcomeUnknown: The response was lost, and the call may have taken effect{tells}.")
    return errors


def _make_key_argument(plan: MethodPlan) -> list[MethodArgument]:
    """Return the arguments that identify one object."""
    lookup = plan.operation.x_get_from
    if lookup is None:
        return plan.of("path")
    about = f"Id of the {lookup.argument.removesuffix('_id')}."
    last = MethodArgument(name=lookup.argument, wire="", where="path", kind="Id", positional=True, about=about)
    return [*plan.of("path"), last]


def _get_from(plan: MethodPlan, lookup: GetFrom) -> str:
    key, noun = _make_key_argument(plan), lookup.argument.removesuffix("_id")
    head = _emit_signature("get", key, plan.model, asynchronous=True)
    about = lookup.description or f"The {noun} with this id, read from the listing."
    sections = {"Args": _describe_arguments(key), "Raises": [f"NotFound: There is no such {noun}."]}
    rows = f"self.list({_join_names(plan.of('path'))}, {lookup.filter}={lookup.argument})"
    return (
        f"{head}\n{docstring(about, 8, sections)}\n"
        f'        return await self._api.find({rows}, "{noun}", {lookup.argument})'
    )


def _join_names(arguments: Sequence[MethodArgument]) -> str:
    return ", ".join(argument.name for argument in arguments)


def _wait_methods(plan: MethodPlan, wait: WaitRecord) -> list[str]:
    key = _make_key_argument(plan)
    args, late = (
        [*_describe_arguments(key), _TIMEOUT_ABOUT],
        f"TimedOut: The {_object_name(key)} has not ended in time.",
    )
    returns = [f"The `{plan.model}` as it ended."]
    raises = ["WaitFailed: It ended badly; `value` of the error is its last state.", late]
    words = f"Good ends are {_quote(wait.good)}, bad ones {_quote(wait.bad)}; unknown words count as not ended."
    about = f"Wait until the {_object_name(key)} has ended well.\n\n{words}"
    about = docstring(about, 8, {"Args": args, "Returns": returns, "Raises": raises})
    watch_doc = f"Iterate over the changes of the {_object_name(key)}, its end included."
    watch_doc = docstring(watch_doc, 8, {"Args": args, "Raises": [late]})
    waits = _emit_signature("wait", key, plan.model, asynchronous=True, more=_TIMEOUT)
    watches = _emit_signature("watch", key, f"AsyncIterator[{plan.model}]", asynchronous=False, more=_TIMEOUT)
    arguments = f"self._waiting({_join_names(key)}), timeout=timeout"
    return [
        f"{waits}\n{about}\n        return await self._api.wait({arguments})",
        f"{watches}\n{watch_doc}\n        return self._api.watch({arguments})",
        _wait_value(plan, wait, key),
    ]


def _object_name(key: Sequence[MethodArgument]) -> str:
    """Return the name of the object that the last id identifies."""
    return key[-1].about.removeprefix("Id of the ").rstrip(".")


def _quote(words: Sequence[str]) -> str:
    return " and ".join(f"`{word}`" for word in words)


def _wait_value(plan: MethodPlan, wait: WaitRecord, key: Sequence[MethodArgument]) -> str:
    listed = wait.listing or plan.operation.x_get_from
    facts = {
        "list": f"lambda: self.list({_join_names(key[:-1])})" if listed else "",
        "id_member": repr(wait.id) if wait.id != "id" else "",
        "status": repr(wait.status) if wait.status != "status" else "",
        "good": f"frozenset({wait.good!r})",
        "bad": f"frozenset({wait.bad!r})",
    }
    arguments = ", ".join(f"{name}={value}" for name, value in facts.items() if value)
    head = _emit_signature("_waiting", key, f"Wait[{plan.model}]", asynchronous=False)
    group = "".join(f"{argument.name}, " for argument in key[:-1])
    get = f"lambda: self.get({_join_names(key)})"
    return f'{head}\n        return Wait("{plan.resource}", ({group}), {key[-1].name}, {get}, {arguments})'
