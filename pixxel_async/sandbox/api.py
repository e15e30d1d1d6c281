"""Answer API calls: route, key, validation, operation, response shape; errors use the vendor's envelope."""

from __future__ import annotations

from typing import Any

from .answers import RequestRefused, SandboxAnswer, as_json, invalid
from .behaviour.behaviour import Behaviour
from .behaviour.profile import Shaper
from .behaviour.response_shape import refusal, shape_response
from .clock import Clock
from .data.world import World
from .handlers import HANDLERS
from .http.keys import Keys, SandboxKey
from .http.site import SiteRequest
from .privileges import check_projects, filter_rows
from .routes import Ask, Routes


class SandboxAPI:
    """Answer the operations of the API description.

    Args:
        world: the state.
        routes: the operations and their schemas.
        keys: the accepted API keys.
        clock: the sandbox's clock.
        shape: shapes responses as the profile says.
        behaviour: choices where the vendor's pages leave a question open.
    """

    def __init__(
        self, world: World, routes: Routes, keys: Keys, clock: Clock, shape: Shaper, behaviour: Behaviour | None = None
    ) -> None:
        self._world = world
        self._routes = routes
        self._keys = keys
        self._clock = clock
        self._shape = shape
        self._behaviour = behaviour or Behaviour()
        self._shape_response = shape_response(self._behaviour)
        self._calls = (0, 0)

    def name(self, request: SiteRequest) -> str:
        """Return the operation of a request; empty if there is none."""
        try:
            return self._routes.find(request.method, request.path)[0].operation
        except RequestRefused:
            return ""

    def respond(self, request: SiteRequest) -> SandboxAnswer:
        """Answer one request."""
        produces = "application/json"
        try:
            route, arguments = self._routes.find(request.method, request.path)
            produces = route.produces
            self._limit_rate()
            key = (
                SandboxKey()
                if route.open
                else self._keys.check(request.headers.get("authorization"), self._clock.now())
            )
            body = self._routes.check(route, request.query, request.body)
            query, body = self._bound_limit(dict(request.query)), self._bound_limit(body)
            ask = Ask(route, arguments, query, body, self._clock.now(), request.pairs)
            check_projects(self._world, ask, key)
            return self._to_answer(filter_rows(key, HANDLERS[route.operation](self._world, ask)), ask)
        except RequestRefused as refused:
            answer = refusal(refused, produces, self._behaviour)
            announced = refused.status == 429 and self._behaviour.announce_limit
            return answer.with_headers(Retry_After="1") if announced else answer

    def _limit_rate(self) -> None:
        second, most = int(self._clock.now()), self._behaviour.calls_per_second
        if most is None:
            return
        self._calls = second, self._calls[1] + 1 if self._calls[0] == second else 1
        if self._calls[1] > most:
            raise RequestRefused(429, "too_many_requests", "too many requests in this second")

    def _bound_limit(self, query: Any) -> Any:
        """Clamp `limit` in a query or body to the largest page, or refuse it."""
        limit, most = query.get("limit") if isinstance(query, dict) else None, self._behaviour.page_most
        digits = str(limit)
        if not digits.isdecimal() or int(digits[:16]) <= most:
            return query
        if self._behaviour.page_above == "refused":
            raise invalid(f"limit must be at most {most}")
        return {**query, "limit": most}

    def _to_answer(self, value: Any, ask: Ask) -> SandboxAnswer:
        if isinstance(value, SandboxAnswer):
            return value
        if value is None:
            return SandboxAnswer(ask.route.status)
        answer = as_json(ask.route.status, self._shape_response(self._shape(value, ask.route.schema or {})))
        waits = isinstance(value, dict) and value.get("signed_url") == "" and self._behaviour.retry_after is not None
        return answer.with_headers(Retry_After=str(self._behaviour.retry_after)) if waits else answer
