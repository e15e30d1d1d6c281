"""Classification of a storage's response: body, expired link, busy host, retry, failure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from attrs import define

from .._redact import excerpt

__all__ = ["Meaning", "RetryCounters", "classify", "describe"]

Meaning = Literal["body", "renew", "busy", "again", "throw away", "fail"]

_BODY = frozenset({200, 206, 416})
_NOT_CHANGED = 304
_LINK_REFUSED = frozenset({401, 403, 404, 410})
_BUSY = frozenset({429, 503})
_TRANSIENT = frozenset({408, 425, 500, 502, 504})
_NO_CODING = re.compile(
    r"identity|aws-chunked|binary|none|[78]bit|"
    r"(?:charset=)?(?:utf-?(?:8|16|32)|(?:us-)?ascii|latin-?1|iso-?8859-?\d{1,2}|(?:windows|cp)-?\d{1,5})"
)
"""Values of Content-Encoding that change no byte: S3's upload framing, and charsets set by mistake."""
_EXPIRED = re.compile(rb"expired|ExpiredToken|request has expired", re.IGNORECASE)


def classify(status: int, headers: Mapping[str, str], head: bytes = b"", *, conditional: bool = False) -> Meaning:
    """Return the action after a response.

    `body`: read it. `renew`: request a fresh link. `busy`: retry once the host is no longer paused. `again`: retry
    after a backoff. `throw away`: the bytes received so far are of another version, start from byte 0. `fail`: give up.
    The meaning of 200, 206 or 416 for bytes already received is decided by the caller, which knows them.

    Args:
        headers: names in lower case.
        head: first bytes of an error's body.
        conditional: whether the request had a validator, so that 304 is a valid response.
    """
    if status in _BODY or (conditional and status == _NOT_CHANGED):
        return "body" if _is_identity(headers) else "fail"
    # ASSUMPTION: an expired signed link is refused with 401, 403, 404 or 410, by Google's storage with 400.
    if status in _LINK_REFUSED or (status == 400 and _EXPIRED.search(head)):
        return "renew"
    if status in _BUSY:
        return "busy"
    if status in _TRANSIENT or status > 504:
        return "again"
    return "throw away" if status == 412 else "fail"


def describe(status: int, headers: Mapping[str, str], head: bytes = b"") -> str:
    """Return a printable summary of a response that is not read as a body, without links or secrets."""
    if status in _BODY and not _is_identity(headers):
        return f"{status} with a body in an unrequested coding: {_content_coding(headers)[:40]!r}"
    return f"{status} {excerpt(head)}".strip()


def _content_coding(headers: Mapping[str, str]) -> str:
    """Return the body's content coding, such as `gzip`; `identity` without one."""
    return headers.get("content-encoding", "").strip().lower() or "identity"


def _is_identity(headers: Mapping[str, str]) -> bool:
    """Return whether the body is not encoded: an unrequested encoding is refused."""
    return all(_NO_CODING.fullmatch(each.strip()) for each in _content_coding(headers).split(","))


@define
class RetryCounters:
    """Retry budget of one body; progress, which is a new high-water mark, resets every counter.

    Attributes:
        step: bytes that count as progress.
        attempts, renewals, stalls: consecutive ones without progress.
        busy_since: time of the first "busy" response without progress since; None if there was none.
        high: most bytes received so far.
    """

    step: int
    attempts: int = 0
    renewals: int = 0
    stalls: int = 0
    busy_since: float | None = None
    high: int = 0

    def record_progress(self, size: int) -> None:
        """Record that `size` bytes have been received in all."""
        if size >= self.high + self.step:
            self.high = size
            self.attempts = self.renewals = self.stalls = 0
            self.busy_since = None

    def record_busy(self, now: float) -> float:
        """Record a "busy" response, and return the seconds since the first one."""
        self.busy_since = now if self.busy_since is None else self.busy_since
        return now - self.busy_since
