"""Clients for tests, with short timeouts and waits that take no time."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from pixxel_async import PixxelClient, Settings
from pixxel_async.settings import Timing
from pixxel_async.settings.constants import Constants

KEY = "canary-5f7c1e90aa"
"""A key that must turn up nowhere but in the Authorization header."""


ITEM = {
    "project_id": "p",
    "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    "usecase": "agriculture",
}
"""What every order item needs."""


class Waits:
    """A clock that advances when code sleeps; `slept` holds the requested seconds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def client_for(
    url: str,
    key: str | None = KEY,
    waits: Waits | None = None,
    constants: Constants | None = None,
    **values: Any,
) -> PixxelClient:
    """Return a client that reads no environment; values by dotted name, as in `Settings.load`."""
    waits = waits or Waits()
    chosen = {
        "base_url": url,
        "http.headers_timeout": 0.3,
        "http.read_timeout": 0.3,
        "http.connect_timeout": 10.0,
        **values,
    }
    settings = Settings.load(key, environ={"HOME": "/nonexistent"}, **chosen)
    settings = evolve(settings, constants=constants or Constants())
    return PixxelClient(settings=settings, timing=Timing(clock=waits.clock, sleep=waits.sleep, random=lambda: 0.5))
