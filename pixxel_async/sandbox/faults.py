"""Faults by plan: what goes wrong, where, how often; deterministic by seed."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Literal

from attrs import define, field, frozen

from .rules.ids import share

Kind = Literal[
    "status",  # answer with `status`, `headers` and `body`
    "latency",  # wait `seconds` before anything is done
    "reset",  # break the connection before the work
    "lost",  # do the work, then break the connection instead of answering
    "cut",  # close the connection after `at` bytes of the body
    "stall",  # send nothing more after `at` bytes of the body, and keep the connection open
    "drip",  # send the body at `rate` bytes a second
    "corrupt",  # flip the bits of byte `at` of the body
    "expired",  # answer as if the signed link had expired
    "no-range",  # ignore Range: 200 with everything
    "wrong-range",  # a Content-Range that starts `at` bytes (1 if 0) too late
    "etag",  # another ETag, a new one each time
    "html",  # a page with status 200
    "redirect",  # `status` (302 unless it is a 3xx) to `location`
]


@frozen(kw_only=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        route: an operation (`jobs.list`), a pattern of operations (`jobs.*`), `api` for any of them, or `storage`.
        kind: what happens.
        times: how often; None for ever.
        probability: of each matching request to be hit, drawn from the sandbox's seed.
        after: matching requests that pass unharmed first.
        at: byte of this answer's body, for `cut`, `stall`, `corrupt`; shift for `wrong-range`.
        status, headers, body: of the answer, for `status` and `redirect`.
        seconds: for `latency`, and a pause at `at` for `stall` (0: until the peer gives up).
        rate: bytes a second, for `drip`.
        location: where a `redirect` leads.
        work_done: whether `status`, `html` and `redirect` come after the work was done instead of in its place.
    """

    route: str
    kind: Kind
    times: int | None = 1
    probability: float = 1.0
    after: int = 0
    at: int = 0
    status: int = 500
    headers: Mapping[str, str] = field(factory=dict)
    body: str | bytes | None = None
    seconds: float = 0.0
    rate: float = 1024.0
    location: str = ""
    work_done: bool = False

    def hits(self, route: str) -> bool:
        """Whether requests of this route are concerned."""
        return fnmatchcase(route, self.route) or (self.route == "api" and route != "storage")


@frozen
class Firing:
    """A fault that happens now, for the nth time (from 1)."""

    fault: Fault
    nth: int


@define
class _Planned:
    fault: Fault
    met: int = 0
    fired: int = 0

    def next(self, seed: str) -> Firing | None:
        """Whether it fires for the request that is met now."""
        self.met += 1
        done = self.fault.times is not None and self.fired >= self.fault.times
        if done or self.met <= self.fault.after or share(seed, self.met) >= self.fault.probability:
            return None
        self.fired += 1
        return Firing(self.fault, self.fired)


class Plan:
    """All faults of one sandbox and how often each was met."""

    def __init__(self, seed: int | str) -> None:
        self._seed = seed
        self._planned: list[_Planned] = []

    def add(self, fault: Fault) -> None:
        """From now on this goes wrong too."""
        self._planned.append(_Planned(fault))

    def clear(self) -> None:
        """From now on nothing goes wrong."""
        self._planned.clear()

    def due(self, route: str) -> list[Firing]:
        """What goes wrong with this request of this route; counts it."""
        firings = [
            planned.next(f"{self._seed}/fault/{at}")
            for at, planned in enumerate(self._planned)
            if planned.fault.hits(route)
        ]
        return [firing for firing in firings if firing is not None]
