"""The API: route, key, checks, operation, look; whatever is wrong becomes the vendor's error envelope."""

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
from .privileges import demand, shown
from .routes import Ask, Routes


class SandboxAPI:
    """Answers the operations of the description.

    Args:
        world: the state.
        routes: the description.
        keys: who may call.
        clock: the sandbox's.
        shape: gives answers the look of the profile.
        behaviour: what the service does where nobody has said what.
    """

    def __init__(
        self, world: World, routes: Routes, keys: Keys, clock: Clock, shape: Shaper, behaviour: Behaviour | None = None
    ) -> None:
        self._world = world
        self._routes = routes
        self._keys = keys
        self._clock = clock
        self._shape = shape
        self._habits = behaviour or Behaviour()
        self._look = shape_response(self._habits)
        self._calls = (0, 0)

    def name(self, request: SiteRequest) -> str:
        """The operation that a request means; empty when there is none."""
        try:
            return self._routes.find(request.method, request.path)[0].operation
        except RequestRefused:
            return ""

    def respond(self, request: SiteRequest) -> SandboxAnswer:
        """The answer to one request."""
        produces = "application/json"
        try:
            route, arguments = self._routes.find(request.method, request.path)
            produces = route.produces
            self._count()
            key = (
                SandboxKey()
                if route.open
                else self._keys.check(request.headers.get("authorization"), self._clock.now())
            )
            body = self._routes.check(route, request.query, request.body)
            query, body = self._bounded(dict(request.query)), self._bounded(body)
            ask = Ask(route, arguments, query, body, self._clock.now(), request.pairs)
            demand(self._world, ask, key)
            return self._finished(shown(key, HANDLERS[route.operation](self._world, ask)), ask)
        except RequestRefused as refused:
            answer = refusal(refused, produces, self._habits)
            told = refused.status == 429 and self._habits.limit_told
            return answer.with_headers(Retry_After="1") if told else answer

    def _count(self) -> None:
        second, most = int(self._clock.now()), self._habits.calls_per_second
        if most is None:
            return
        self._calls = second, self._calls[1] + 1 if self._calls[0] == second else 1
        if self._calls[1] > most:
            raise RequestRefused(429, "too_many_requests", "too many requests in this second")

    def _bounded(self, given: Any) -> Any:
        """Arguments or a body, with `limit` at most as large as pages are."""
        wanted, most = given.get("limit") if isinstance(given, dict) else None, self._habits.page_most
        digits = str(wanted)
        if not digits.isdecimal() or int(digits[:16]) <= most:
            return given
        if self._habits.page_above == "refused":
            raise invalid(f"limit must be at most {most}")
        return {**given, "limit": most}

    def _finished(self, value: Any, ask: Ask) -> SandboxAnswer:
        if isinstance(value, SandboxAnswer):
            return value
        if value is None:
            return SandboxAnswer(ask.route.status)
        answer = as_json(ask.route.status, self._look(self._shape(value, ask.route.schema or {})))
        waits = isinstance(value, dict) and value.get("signed_url") == "" and self._habits.retry_after is not None
        return answer.with_headers(Retry_After=str(self._habits.retry_after)) if waits else answer
