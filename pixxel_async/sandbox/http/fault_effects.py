"""Apply faults to a response: pure functions from response to response."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from typing import Literal

from attrs import evolve, frozen

from ..answers import RequestRefused, SandboxAnswer, as_json, as_xml, plain
from ..files.virtual_bytes import VirtualBytes
from .expired_link import expired_answer
from .faults import Fault, Firing

_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in to go on</h1></body></html>"


@frozen
class Sending:
    """How the bytes of a response are sent.

    Attributes:
        cut, stall, flip: body offset at which the connection closes, stalls, or a byte is flipped; None: nowhere.
        pause: seconds that a stall lasts; 0: without end.
        rate: bytes a second; None: unlimited.
        raw: malformed HTTP to send in place of the response, if any.
        at: offset or byte count for `raw`.
    """

    cut: int | None = None
    stall: int | None = None
    flip: int | None = None
    pause: float = 0.0
    rate: float | None = None
    raw: Literal["", "endless", "wrong-length", "broken-chunks", "early-hints"] = ""
    at: int = 0


PLAIN = Sending()
"""Unchanged and unlimited."""


def combine(firings: Sequence[Firing]) -> Sending:
    """Combine these faults into a way of sending."""
    sending = PLAIN
    for fault in (firing.fault for firing in firings):
        if fault.kind == "cut":
            sending = evolve(sending, cut=fault.at)
        elif fault.kind == "stall":
            sending = evolve(sending, stall=fault.at, pause=fault.seconds)
        elif fault.kind == "corrupt":
            sending = evolve(sending, flip=fault.at)
        elif fault.kind == "drip":
            sending = evolve(sending, rate=fault.rate)
        elif fault.kind in ("endless", "wrong-length", "broken-chunks", "early-hints"):
            sending = evolve(sending, raw=fault.kind, at=fault.at)
    return sending


def replacement(firings: Sequence[Firing], *, storage: bool, work_done: bool) -> SandboxAnswer | None:
    """Return the response that replaces the right one at this point, if a fault asks for it."""
    for fault in (firing.fault for firing in firings):
        if fault.kind in _INSTEAD and fault.work_done == work_done:
            return _INSTEAD[fault.kind](fault, storage)
    return None


def apply_faults(answer: SandboxAnswer, firings: Sequence[Firing]) -> SandboxAnswer:
    """Apply these faults to the right response."""
    for firing in firings:
        if (change := _CHANGES.get(firing.fault.kind)) is not None:
            answer = change(answer, firing)
    return answer


def _status(fault: Fault, storage: bool) -> SandboxAnswer:
    if fault.body is not None:
        raw = fault.body if isinstance(fault.body, bytes) else fault.body.encode()
        answer = plain(fault.status, raw, "application/json" if _is_json(raw) else "text/html")
    elif storage:
        answer = as_xml(fault.status, "SlowDown" if fault.status == 503 else "InternalError", "an injected fault")
    else:
        answer = as_json(fault.status, RequestRefused(fault.status, "injected", "an injected fault").envelope())
    return evolve(answer, headers={**answer.headers, **fault.headers})


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True


def _expired(fault: Fault, storage: bool) -> SandboxAnswer:
    return expired_answer(fault.style)


def _html(fault: Fault, storage: bool) -> SandboxAnswer:
    return plain(200, _PAGE, "text/html; charset=utf-8")


def _redirect(fault: Fault, storage: bool) -> SandboxAnswer:
    status = fault.status if 300 <= fault.status < 400 else 302
    return SandboxAnswer(status, {**fault.headers, "Location": fault.location})


def _no_range(answer: SandboxAnswer, firing: Firing) -> SandboxAnswer:
    if answer.status != 206:
        return answer
    return evolve(answer.with_headers(Content_Range=None), status=200, start=0, stop=answer.body.size)


def _wrong_range(answer: SandboxAnswer, firing: Firing) -> SandboxAnswer:
    if answer.status != 206:
        return answer
    shift = firing.fault.at or 1
    stated = f"bytes {answer.start + shift}-{answer.stop - 1 + shift}/{answer.body.size}"
    return answer.with_headers(Content_Range=stated)


def _etag(answer: SandboxAnswer, firing: Firing) -> SandboxAnswer:
    return answer.with_headers(ETag=f'"changed-{firing.nth}"') if "ETag" in answer.headers else answer


def _gzip(answer: SandboxAnswer, firing: Firing) -> SandboxAnswer:
    """Compress the body in memory; not for packages of gigabytes."""
    body = VirtualBytes.of(gzip.compress(b"".join(answer.body.read(answer.start, answer.stop)), mtime=0))
    return evolve(answer.with_headers(Content_Encoding="gzip"), body=body, start=0, stop=body.size)


_INSTEAD: dict[str, Callable[[Fault, bool], SandboxAnswer]] = {
    "status": _status,
    "expired": _expired,
    "html": _html,
    "redirect": _redirect,
}
_CHANGES: dict[str, Callable[[SandboxAnswer, Firing], SandboxAnswer]] = {
    "no-range": _no_range,
    "wrong-range": _wrong_range,
    "etag": _etag,
    "gzip": _gzip,
}
