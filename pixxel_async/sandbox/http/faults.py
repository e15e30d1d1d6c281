"""Planned faults: kind, route, count; deterministic by seed."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal, get_args

from attrs import define, field, frozen

from ...description import load
from ...errors import ConfigError
from ..rules.ids import share
from ..rules.links import SigningStyle

FaultKind = Literal[
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
    "html",  # an HTML page with status 200
    "redirect",  # redirect to `location` with `status` (302 unless it is a 3xx)
    "endless",  # repeat the body without end and without a length
    "wrong-length",  # a Content-Length that is `at` bytes (1 if 0) more than the body has; fewer if negative
    "gzip",  # compress the body unasked
    "broken-chunks",  # `at` bytes of the body as a chunk, then an invalid chunk on an open connection
    "early-hints",  # repeat 103 without end, never a response
]


@cache
def _operations() -> tuple[str, ...]:
    paths = load()["paths"].values()
    return tuple(operation["operationId"] for methods in paths for operation in methods.values())


@frozen(kw_only=True)
class Fault:
    """One fault.

    Attributes:
        route: an operation (`jobs.list`), a pattern of operations (`jobs.*`), `api` for any of them, or `storage`.
        kind: the kind of fault.
        times: how often it fires; None: always.
        probability: share of matching requests that it hits, drawn from the sandbox's seed.
        after: matching requests that pass first.
        at: body offset, for `cut`, `stall`, `corrupt`, `broken-chunks`; shift for `wrong-range` and
            `wrong-length`.
        status, headers, body: of the response, for `status` and `redirect`.
        seconds: delay for `latency`; pause at `at` for `stall` (0: until the peer gives up).
        rate: bytes a second, for `drip`.
        location: target of a `redirect`.
        style: error document of `expired`: `s3`, `azure` or `gcs`.
        work_done: whether `status`, `html` and `redirect` come after the operation was carried out, not instead of it.
    """

    route: str = field(kw_only=False)
    kind: FaultKind = field(kw_only=False)
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
    style: SigningStyle = "s3"
    work_done: bool = False

    def __attrs_post_init__(self) -> None:
        for name, words in (("kind", get_args(FaultKind)), ("style", get_args(SigningStyle))):
            if getattr(self, name) not in words:
                raise ConfigError(
                    f"the {name} of a fault must be one of {', '.join(words)}, not {getattr(self, name)!r}"
                )
        if not any(fnmatchcase(route, self.route) for route in (*_operations(), "api", "storage")):
            close = get_close_matches(self.route, _operations(), 1)
            suggestion = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(
                f"no request has the route {self.route!r}: it must be api, storage, an operation (jobs.list) or a "
                f"pattern of operations (jobs.*){suggestion}"
            )

    def hits(self, route: str) -> bool:
        """Return whether the fault applies to a route."""
        return fnmatchcase(route, self.route) or (self.route == "api" and route != "storage")


@frozen
class Firing:
    """A fault that fires now, for the nth time (from 1)."""

    fault: Fault
    nth: int


@define
class _Planned:
    fault: Fault
    met: int = 0
    fired: int = 0

    def next(self, seed: str) -> Firing | None:
        """Count a matching request; return a firing if the fault hits it."""
        self.met += 1
        done = self.fault.times is not None and self.fired >= self.fault.times
        if done or self.met <= self.fault.after or share(seed, self.met) >= self.fault.probability:
            return None
        self.fired += 1
        return Firing(self.fault, self.fired)


class Plan:
    """The faults of one sandbox, with the number of requests that each has matched."""

    def __init__(self, seed: int | str) -> None:
        self._seed = seed
        self._planned: list[_Planned] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        self._planned.append(_Planned(fault))

    def clear(self) -> None:
        """Remove all faults."""
        self._planned.clear()

    def due(self, route: str) -> list[Firing]:
        """Count a request of this route; return the faults that fire for it."""
        firings = [
            planned.next(f"{self._seed}/fault/{at}")
            for at, planned in enumerate(self._planned)
            if planned.fault.hits(route)
        ]
        return [firing for firing in firings if firing is not None]
