"""One of the two sites: handle each request from its bytes to its response, faults included."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from urllib.parse import parse_qsl

from aiohttp import web
from attrs import define, field, frozen

from ..answers import RequestRefused, SandboxAnswer, as_json, plain
from ..clock import Clock, http_date
from ..rules.links import SIGNATURES
from .connection import Connection
from .fault_effects import apply_faults, combine, replacement
from .faults import Firing, Plan
from .keys import Keys
from .send import break_off, send
from .time_travel import TimeTravel

MAX_BODY = 1 << 24
"""Largest request body read, in bytes."""
_TIMEOUT = b"<html><body><h1>504 Gateway Time-out</h1></body></html>"


@frozen
class SiteRequest:
    """A request as plain values.

    Attributes:
        method, path: the path without its query, still percent-encoded.
        query: the last value of each argument.
        headers: names in lower case.
        body: the whole body.
        pairs: all query arguments in order.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    pairs: Sequence[tuple[str, str]] = ()


@define
class SeenRequest:
    """The log entry of one request.

    Attributes:
        method, path: without the query, which may hold a signature.
        operation: name in the description; `storage` for the storage, empty for an unknown path.
        host: `api` or `storage`.
        authorization: whether it had an Authorization header.
        carries_key: whether an API key appears anywhere in it.
        headers: names in lower case, without Authorization.
        query, body: as received, without the signature of a URL.
        status: status of the response; 0 if the connection was reset instead.
        sent: body bytes sent so far.
        at: the sandbox's time.
    """

    method: str
    path: str
    operation: str
    host: str
    authorization: bool
    carries_key: bool
    headers: dict[str, str]
    query: dict[str, str]
    body: bytes
    at: float
    status: int = 0
    sent: int = 0

    def count(self, amount: int) -> None:
        """Count bytes sent."""
        self.sent += amount


@frozen
class SiteContext:
    """State shared by both sites.

    Attributes:
        plan: the injected faults.
        clock: the sandbox's.
        keys: the API keys that exist.
        requests: gets a note of each request.
        lock: held while state is looked at or changed.
        time_travel: wakes nobody while a request is under way.
    """

    plan: Plan
    clock: Clock
    keys: Keys
    requests: deque[SeenRequest]
    lock: RLock
    time_travel: TimeTravel


class Site:
    """Answers the requests of one port.

    Args:
        host: `api` or `storage`.
        name: the operation that a request means, for faults and for counting.
        respond: makes the right response.
        context: state shared with the other site.
        at_once: requests under way from which on more are refused; None: no limit.
        within: seconds after which a gateway answers for a request that takes longer; None: never.
    """

    def __init__(
        self,
        host: str,
        name: Callable[[SiteRequest], str],
        respond: Callable[[SiteRequest], SandboxAnswer],
        context: SiteContext,
        *,
        at_once: int | None = None,
        within: float | None = None,
    ) -> None:
        self.host = host
        self._name = name
        self._respond = respond
        self._context = context
        self._at_once = at_once
        self._within = float("inf") if within is None else within
        self._under_way = 0

    async def serve(self, raw: web.BaseRequest) -> web.StreamResponse:
        """Read, count, answer."""
        self._under_way += 1
        try:
            with self._context.time_travel:
                return await self._serve(raw)
        finally:
            self._under_way -= 1

    async def _serve(self, raw: web.BaseRequest) -> web.StreamResponse:
        request = await _read(raw)
        entry = self._log_request(request)
        with self._context.lock:
            self._context.requests.append(entry)
            firings = self._context.plan.due(entry.operation)
        late = sum(firing.fault.seconds for firing in firings if firing.fault.kind == "latency")
        line = Connection(raw, self._context.clock, self._context.time_travel)
        if late:
            await line.wait_until(entry.at + min(late, self._within))
        if _any(firings, "reset"):
            return break_off(raw)
        with self._context.lock:
            answer = self._refusal(late) or self._answer(request, firings)
        if _any(firings, "lost"):
            return break_off(raw)
        entry.status = answer.status
        dated = answer.with_headers(Date=http_date(self._context.clock.now()))
        return await send(line, dated, combine(firings), entry.count)

    def _refusal(self, late: float) -> SandboxAnswer | None:
        """Return the gateway's own refusal: 429 for too many requests at once, 504 for a late response; else None."""
        if self._at_once is not None and self._under_way > self._at_once:
            refused = RequestRefused(429, "too_many_requests", "too many requests at once")
            return as_json(429, refused.envelope()).with_headers(Retry_After="1")
        return plain(504, _TIMEOUT, "text/html") if late > self._within else None

    def _answer(self, request: SiteRequest, firings: list[Firing]) -> SandboxAnswer:
        storage = self.host == "storage"
        answer = replacement(firings, storage=storage, work_done=False)
        if answer is None:
            answer = self._respond(request)
            answer = replacement(firings, storage=storage, work_done=True) or apply_faults(answer, firings)
        return answer

    def _log_request(self, request: SiteRequest) -> SeenRequest:
        text = "\n".join((request.path, *request.query.values(), *request.headers.values()))
        return SeenRequest(
            request.method,
            request.path,
            self._name(request),
            self.host,
            "authorization" in request.headers,
            any(key in text for key in self._context.keys.accepted()),
            {name: value for name, value in request.headers.items() if name != "authorization"},
            {name: value for name, value in request.query.items() if name not in SIGNATURES},
            request.body,
            self._context.clock.now(),
        )


def _any(firings: list[Firing], kind: str) -> bool:
    return any(firing.fault.kind == kind for firing in firings)


async def _read(raw: web.BaseRequest) -> SiteRequest:
    path, _, query = raw.raw_path.partition("?")
    body = await raw.content.read(MAX_BODY) if raw.can_read_body else b""
    while body and len(body) < MAX_BODY and not raw.content.at_eof():
        body += await raw.content.read(MAX_BODY - len(body))
    headers = {name.lower(): value for name, value in raw.headers.items()}
    pairs = parse_qsl(query, keep_blank_values=True)
    return SiteRequest(raw.method, path, dict(pairs), headers, body, pairs)
