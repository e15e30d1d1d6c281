"""The API: route, key, checks, operation, look; whatever is wrong becomes the vendor's error envelope."""

from __future__ import annotations

from typing import Any

from .answers import Answer, Refused, as_json
from .clock import Clock
from .handlers import HANDLERS
from .keys import Keys
from .profile import Shaper
from .routes import Ask, Routes
from .site import Request
from .world import World


class API:
    """Answers the operations of the description.

    Args:
        world: the state.
        routes: the description.
        keys: who may call.
        clock: the sandbox's.
        shape: gives answers the look of the profile.
    """

    def __init__(self, world: World, routes: Routes, keys: Keys, clock: Clock, shape: Shaper) -> None:
        self._world = world
        self._routes = routes
        self._keys = keys
        self._clock = clock
        self._shape = shape

    def name(self, request: Request) -> str:
        """The operation that a request means; empty when there is none."""
        try:
            return self._routes.find(request.method, request.path)[0].operation
        except Refused:
            return ""

    def respond(self, request: Request) -> Answer:
        """The answer to one request."""
        produces = "application/json"
        try:
            route, arguments = self._routes.find(request.method, request.path)
            produces = route.produces
            if not route.open:
                self._keys.check(request.headers.get("authorization"), self._clock.now())
            body = self._routes.check(route, request.query, request.body)
            ask = Ask(route, arguments, request.query, body, self._clock.now())
            return self._finished(HANDLERS[route.operation](self._world, ask), ask)
        except Refused as refused:
            return as_json(refused.status, refused.envelope(), produces)

    def _finished(self, value: Any, ask: Ask) -> Answer:
        if isinstance(value, Answer):
            return value
        if value is None:
            return Answer(ask.route.status)
        return as_json(ask.route.status, self._shape(value, ask.route.schema or {}))
