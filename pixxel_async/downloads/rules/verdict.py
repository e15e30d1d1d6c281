"""What a storage's answer, or the lack of one, means for the package: a fresh link, another attempt, or the end.

200, 206 and 416 are read in `resume`. Attempts are bounded: they come back only when more is on disk than ever before.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote

from attrs import define, frozen

__all__ = ["Meaning", "Refused", "Tries", "excerpt", "given_name", "judge", "pause", "refused", "stated_digests"]

Meaning = Literal["body", "renew", "busy", "again", "throw away", "fail"]

_BODY = frozenset({200, 206, 416})
_LINK_REFUSED = frozenset({401, 403, 404, 410})
_BUSY = frozenset({429, 503})
_PASSING = frozenset({408, 425, 500, 502, 504})
_EXPIRED = re.compile(rb"expired|ExpiredToken|request has expired", re.IGNORECASE)


def judge(status: int, headers: Mapping[str, str], head: bytes = b"") -> Meaning:
    """What to do about an answer.

    `body`: read it by `resume`; `renew`: have a fresh link; `busy`: the same once the host is no longer paused;
    `again`: the same once more; `throw away` what is on disk and ask anew; `fail`: the package is at its end.

    Args:
        headers: names in lower case.
        head: the first bytes of an error's body.
    """
    if status in _BODY:
        return "body" if _plain(headers) else "fail"
    # ASSUMPTION: a signed link that came to its end is refused with 401, 403, 404 or 410, by Google's storage with 400.
    if status in _LINK_REFUSED or (status == 400 and _EXPIRED.search(head)):
        return "renew"
    if status in _BUSY:
        return "busy"
    if status in _PASSING or status > 504:
        return "again"
    return "throw away" if status == 412 else "fail"


@frozen
class Refused:
    """An answer without a body that we want.

    Attributes:
        meaning: as of `judge`.
        told: what the storage said, fit to be shown.
    """

    meaning: Meaning
    told: str = ""


def refused(status: int, headers: Mapping[str, str], head: bytes) -> Refused:
    """What an answer means whose body is an error's, beginning with `head`."""
    return Refused(judge(status, headers, head), f"{status} {excerpt(head)}".strip())


def _plain(headers: Mapping[str, str]) -> bool:
    """Whether the bytes come as they are: a coded body that nobody asked for is no file."""
    return headers.get("content-encoding", "identity").strip().lower() in {"", "identity"}


def pause(attempt: int, roll: float, *, base: float, cap: float) -> float:
    """Seconds before the next attempt: anything up to a bound that doubles.

    Args:
        attempt: attempts without progress so far, from 1.
        roll: a number in [0, 1).
    """
    return roll * min(cap, base * 2.0 ** min(attempt - 1, 30))


@define
class Tries:
    """What a body has left: each count starts anew with real progress, which is a new high-water mark.

    Attributes:
        attempts, renewals, stalls: how many there have been without progress.
        busy_since: when the storage said first that it is busy, without progress since; None when it did not.
        high: the most bytes that were ever on disk.
    """

    step: int
    attempts: int = 0
    renewals: int = 0
    stalls: int = 0
    busy_since: float | None = None
    high: int = 0

    def arrived(self, size: int) -> None:
        """So many bytes are on disk now."""
        if size >= self.high + self.step:
            self.high = size
            self.attempts = self.renewals = self.stalls = 0
            self.busy_since = None

    def busy(self, now: float) -> float:
        """The storage says that it is busy; returns for how many seconds it has been."""
        self.busy_since = now if self.busy_since is None else self.busy_since
        return now - self.busy_since


_LONG_RUN = re.compile(r"[A-Za-z0-9+/=%_\-]{32,}")
_SECRETS = re.compile(r"(?i)(sig|signature|token|credential|accesskeyid|policy)([=>:\s\"']+)[^\s<&\"']+")


def excerpt(head: bytes, limit: int = 200) -> str:
    """The beginning of a storage's message as printable text, without anything that could be part of a signature."""
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    shown = "".join(char if char.isprintable() else " " for char in text)
    cut = _LONG_RUN.sub("…", _SECRETS.sub(r"\1\2…", shown))
    return " ".join(cut.split())[:limit]


_STAR_NAME = re.compile(r"filename\*\s*=\s*utf-8''([^;\s]+)", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"filename\s*=\s*(?:\"([^\"]*)\"|([^;\s]+))", re.IGNORECASE)


def given_name(disposition: str, limit: int = 200) -> str | None:
    """The file name in a Content-Disposition header, for people and never for a path; None when it holds none."""
    if star := _STAR_NAME.search(disposition):
        name = unquote(star[1])
    elif plain := _PLAIN_NAME.search(disposition):
        name = plain[1] or plain[2] or ""
    else:
        return None
    last = re.split(r"[/\\]", name)[-1]
    return "".join(char for char in last if char.isprintable())[:limit] or None


_LENGTHS = {"crc32": 4, "md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}
_OF_THE_WHOLE = {
    "x-amz-checksum-crc32": "crc32",
    "x-amz-checksum-sha1": "sha1",
    "x-amz-checksum-sha256": "sha256",
    "x-ms-blob-content-md5": "md5",
}
_REPR_DIGEST = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5", "sha": "sha1"}


def stated_digests(headers: Mapping[str, str], *, whole: bool = True) -> dict[str, bytes]:
    """Digests of the whole package that a storage states: algorithm → bytes. What cannot be read says nothing.

    Args:
        headers: names in lower case.
        whole: whether the answer is the whole body (200), so that a digest of the body is one of the package.
    """
    found = [(_OF_THE_WHOLE[name], text) for name, text in headers.items() if name in _OF_THE_WHOLE]
    if whole:
        found.append(("md5", headers.get("content-md5", "")))
    for part in headers.get("x-goog-hash", "").split(","):
        name, _, text = part.strip().partition("=")
        found.append((name, text))
    for part in headers.get("repr-digest", "").split(","):
        name, _, text = part.strip().partition("=")
        found.append((_REPR_DIGEST.get(name.lower(), ""), text.strip(":")))
    decoded = ((algorithm, _decoded(text)) for algorithm, text in found)
    return {name: value for name, value in decoded if value and len(value) == _LENGTHS.get(name)}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
