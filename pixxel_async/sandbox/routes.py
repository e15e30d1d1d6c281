"""Routes made from the API description: find the operation of a request, and validate its query and body."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from attrs import field, frozen

from ..description import load
from .answers import RequestRefused, invalid, not_found
from .rules.checks import JsonSchema, argument, combinations, problems, resolve


@frozen
class Route:
    """One operation of the description.

    Attributes:
        operation: its name, such as `jobs.list`.
        method, template: HTTP method and path template.
        query: its query parameters, references resolved.
        body: schema of the JSON body; None if it takes none.
        body_required: whether a body is required.
        status: status of a success.
        produces: content type of a success, and of errors by the vendor's document.
        schema: schema of a success; None if it is no JSON.
        rules: the operation itself, for constraints between members of the body.
        open: whether it needs no key.
    """

    operation: str
    method: str
    template: str
    query: tuple[JsonSchema, ...]
    body: JsonSchema | None
    body_required: bool
    status: int
    produces: str
    schema: JsonSchema | None
    rules: JsonSchema = field(repr=False)
    open: bool


@frozen
class Ask:
    """A validated request.

    Attributes:
        route: its operation.
        path, query: arguments as texts.
        pairs: all query arguments in order.
        body: parsed JSON, or an empty object.
        now: the sandbox's time, in seconds since 1970.
    """

    route: Route
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = field(repr=False)
    now: float
    pairs: Sequence[tuple[str, str]] = ()


class Routes:
    """All operations, found by method and path."""

    def __init__(self, document: JsonSchema | None = None) -> None:
        self.document = load() if document is None else document
        self.components: JsonSchema = self.document["components"]
        self.all = {route.operation: route for route in self._read()}
        self._tree: dict[str, Any] = {}
        self._find_cached = lru_cache(maxsize=1024)(self._find)
        for route in self.all.values():
            node = self._tree
            for segment in _segments(route.template):
                node = node.setdefault("*" if segment.startswith("{") else segment, {})
            node[f"/{route.method}"] = route

    def _read(self) -> list[Route]:
        paths = self.document["paths"].items()
        return [self._route(path, method, item) for path, methods in paths for method, item in methods.items()]

    def _route(self, template: str, method: str, item: JsonSchema) -> Route:
        parameters = [resolve(parameter, self.components) for parameter in item.get("parameters", ())]
        body = item.get("requestBody", {})
        status = min(code for code in item["responses"] if code.startswith("2"))
        content = item["responses"][status].get("content", {"application/json": {}})
        produces, media = next(iter(content.items()))
        return Route(
            item["operationId"],
            method.upper(),
            template,
            tuple(parameter for parameter in parameters if parameter["in"] == "query"),
            body["content"]["application/json"]["schema"] if body else None,
            body.get("required", False),
            int(status),
            produces,
            media.get("schema"),
            item,
            item.get("security") == [] or template == "/ping",
        )

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Find the route of a raw path and its arguments; raise `RequestRefused` with 404 or 405."""
        return self._find_cached(method, path)

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        segments = _segments(path)
        match = _walk(self._tree, segments, [])
        if match is None:
            raise not_found("path", path)
        node, values = match
        route = node.get(f"/{method}")
        if route is None:
            raise RequestRefused(405, "method_not_allowed", f"{method} is not allowed here")
        names = [part[1:-1] for part in _segments(route.template) if part.startswith("{")]
        return route, dict(zip(names, map(unquote, values), strict=True))

    def check(self, route: Route, query: Mapping[str, str], raw: bytes) -> Any:
        """Validate query and body, and return the body; raise `RequestRefused` with 400 and every error found."""
        wrong = [
            f"{parameter['name']} is required"
            for parameter in route.query
            if parameter.get("required") and not query.get(parameter["name"])
        ]
        known_arguments = (parameter for parameter in route.query if parameter["name"] in query)
        wrong += [
            line
            for parameter in known_arguments
            if (line := argument(query[parameter["name"]], parameter, self.components))
        ]
        body = _parse(raw) if route.body is not None else None
        if body is None and route.body_required:
            wrong.append("a JSON body is required")
        if body is not None and route.body is not None:
            wrong += problems(body, route.body, self.components)
            wrong += combinations(body, route.rules) if isinstance(body, dict) else []
        if wrong:
            raise invalid(wrong[0], {"problems": wrong[:20]})
        return {} if body is None else body


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def _walk(node: dict[str, Any], rest: list[str], values: list[str]) -> tuple[dict[str, Any], list[str]] | None:
    """Walk the path tree, fixed segments before arguments; return the last node."""
    if not rest:
        return (node, values) if any(key.startswith("/") for key in node) else None
    first, *further = rest
    for key, captured in ((first, values), ("*", [*values, first])):
        if key in node and (match := _walk(node[key], further, captured)):
            return match
    return None


def _parse(raw: bytes) -> Any:
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise invalid("the body is not JSON") from None
