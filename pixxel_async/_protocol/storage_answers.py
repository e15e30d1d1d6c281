"""What a storage's answer, or the lack of one, means for a body: read it, a fresh link, another attempt, or the end.

What a 200, 206 or 416 means for bytes that are there already is decided by who has them. Attempts are bounded: they
come back only when more has arrived than ever before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from attrs import define

from .._redact import excerpt

__all__ = ["Meaning", "RetryCounters", "judge", "said"]

Meaning = Literal["body", "renew", "busy", "again", "throw away", "fail"]

_BODY = frozenset({200, 206, 416})
_NOT_CHANGED = 304
_LINK_REFUSED = frozenset({401, 403, 404, 410})
_BUSY = frozenset({429, 503})
_PASSING = frozenset({408, 425, 500, 502, 504})
_EXPIRED = re.compile(rb"expired|ExpiredToken|request has expired", re.IGNORECASE)


def judge(status: int, headers: Mapping[str, str], head: bytes = b"", *, conditional: bool = False) -> Meaning:
    """What to do about an answer.

    `body`: read it; `renew`: have a fresh link; `busy`: the same once the host is no longer paused; `again`: the same
    once more; `throw away` what is here and ask anew; `fail`: it is at its end.

    Args:
        headers: names in lower case.
        head: the first bytes of an error's body.
        conditional: whether "not modified" was asked for, too.
    """
    if status in _BODY or (conditional and status == _NOT_CHANGED):
        return "body" if _plain(headers) else "fail"
    # ASSUMPTION: a signed link that came to its end is refused with 401, 403, 404 or 410, by Google's storage with 400.
    if status in _LINK_REFUSED or (status == 400 and _EXPIRED.search(head)):
        return "renew"
    if status in _BUSY:
        return "busy"
    if status in _PASSING or status > 504:
        return "again"
    return "throw away" if status == 412 else "fail"


def said(status: int, headers: Mapping[str, str], head: bytes = b"") -> str:
    """What the storage said in an answer that is not read as a body, fit to be shown."""
    if status in _BODY and not _plain(headers):
        return f"{status} with a body in a coding that was not asked for: {_coding(headers)[:40]!r}"
    return f"{status} {excerpt(head)}".strip()


def _coding(headers: Mapping[str, str]) -> str:
    """The body's coding, such as `gzip`."""
    return headers.get("content-encoding", "").strip().lower() or "identity"


def _plain(headers: Mapping[str, str]) -> bool:
    """Whether the bytes come as they are: a coded body that nobody asked for is no file."""
    return _coding(headers) == "identity"


@define
class RetryCounters:
    """What a body has left: each count starts anew with real progress, which is a new high-water mark.

    Attributes:
        step: bytes that are real progress.
        attempts, renewals, stalls: how many there have been without progress.
        busy_since: when the storage said first that it is busy, without progress since; None when it did not.
        high: the most bytes that ever were here.
    """

    step: int
    attempts: int = 0
    renewals: int = 0
    stalls: int = 0
    busy_since: float | None = None
    high: int = 0

    def arrived(self, size: int) -> None:
        """So many bytes are here now."""
        if size >= self.high + self.step:
            self.high = size
            self.attempts = self.renewals = self.stalls = 0
            self.busy_since = None

    def busy(self, now: float) -> float:
        """The storage says that it is busy; returns for how many seconds it has been."""
        self.busy_since = now if self.busy_since is None else self.busy_since
        return now - self.busy_since
