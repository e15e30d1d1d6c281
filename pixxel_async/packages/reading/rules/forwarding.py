"""Passing a package on to a browser: what its request asks of the storage, and what of the answer it gets to see.

Rule 1: nothing that a browser sends goes on unread. A range is written anew; validators are printable and short.
Rule 2: nothing that a storage sends goes on unread. Lengths and ranges are numbers written anew, validators have the
    form that they must have, the type is one of a list, the file name is made of the package and never the storage's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from attrs import field, frozen

from ...._protocol.ranges import ByteRange, parse_content_range, parse_range

__all__ = ["Head", "StorageRequest", "asked", "forwarded", "read_head"]

_HEAD_PROBE = ByteRange(0, 0)
_LONGEST_SENT = 1024
_VALIDATOR = re.compile(r"[\x20-\x7e]+")
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,256}"')
_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} "
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
)
_PLAIN_TYPE = "application/octet-stream"
_SUFFIXES = {
    "application/zip": ".zip",
    "application/x-zip-compressed": ".zip",
    "application/gzip": ".gz",
    "application/x-gzip": ".gz",
    "application/x-tar": ".tar",
    "application/geo+json": ".geojson",
    "application/json": ".json",
    "image/tiff": ".tif",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "text/csv": ".csv",
}
"""The types that are passed on, none of which a browser runs, and the suffix of each."""
_LONGEST_NAME = 120


@frozen
class StorageRequest:
    """What is asked of the storage.

    Attributes:
        headers: to send.
        range: the part that is wanted; None for the whole.
        head: whether only the head is wanted, as for HEAD, which signed links refuse.
    """

    headers: Mapping[str, str] = field(factory=dict)
    range: ByteRange | None = None
    head: bool = False


def asked(method: str, range: str | None, if_range: str | None, if_none_match: str | None) -> StorageRequest:
    """What a browser's request asks of the storage.

    Several ranges at once, and ranges that cannot be read, are answered with the whole, as RFC 9110 allows.

    Args:
        method: GET or HEAD.
        range, if_range, if_none_match: the headers of the request; None or "" when they are missing.
    """
    head = method == "HEAD"
    wanted = _HEAD_PROBE if head else parse_range(range)
    headers: dict[str, str] = {}
    if wanted is not None and if_range and not head:
        if _sendable(if_range):
            headers["if-range"] = if_range
        else:
            wanted = None
    if wanted is not None:
        headers["range"] = wanted.header
    if if_none_match and _sendable(if_none_match):
        headers["if-none-match"] = if_none_match
    return StorageRequest(headers, wanted, head)


def _sendable(text: str) -> bool:
    return len(text) <= _LONGEST_SENT and _VALIDATOR.fullmatch(text) is not None


@frozen
class Head:
    """What the head of a storage's answer says, read strictly.

    Attributes:
        status: 200, 206, 304 or 416.
        first, stop: the bytes that follow; `stop` is None when the storage does not say.
        total: bytes of the whole; None when it does not say.
        etag, last_modified: validators of a right form; "" for none.
        type: one of the types that are passed on.
        ranges: whether the storage says that it serves parts.
    """

    status: int
    first: int = 0
    stop: int | None = None
    total: int | None = None
    etag: str = ""
    last_modified: str = ""
    type: str = _PLAIN_TYPE
    ranges: bool = False

    @property
    def length(self) -> int | None:
        """Bytes that follow; None when the storage does not say."""
        return None if self.stop is None else self.stop - self.first

    def same_version(self, other: Head) -> bool:
        """Whether both are heads of one version: the same ETag and length, and no other date."""
        dates = {self.last_modified, other.last_modified} - {""}
        return self.etag == other.etag and self.total in (None, other.total) and len(dates) < 2

    def continued_by(self, told: Head | None) -> bool:
        """Whether an answer goes on with this very version, up to the same end."""
        return told is not None and told.status == 206 and self.same_version(told) and self.stop in (None, told.stop)


def read_head(status: int, headers: Mapping[str, str], range: ByteRange | None) -> Head | None:
    """The head of an answer with status 200, 206, 304 or 416; None when it is no answer to what was asked.

    Args:
        headers: names in lower case.
        range: what was asked for.
    """
    told = parse_content_range(headers.get("content-range"))
    first, stop, total = 0, 0, None if told is None else told.total
    if status == 206:
        if told is None or told.first is None or told.last is None or range is None or not range.fits(told):
            return None
        first, stop = told.first, told.last + 1
    elif status == 200:
        total = _length(headers)
    return Head(
        status, first, total if status == 200 else stop, total,
        etag=_matching(_ETAG, headers.get("etag", "")),
        last_modified=_matching(_DATE, headers.get("last-modified", "")),
        type=_type(headers.get("content-type", "")),
        ranges=status == 206 or headers.get("accept-ranges", "").strip().lower() == "bytes",
    )  # fmt: skip


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _matching(form: re.Pattern[str], text: str) -> str:
    return text.strip() if form.fullmatch(text.strip()) else ""


def _type(text: str) -> str:
    essence = text.partition(";")[0].strip().lower()
    return essence if essence in _SUFFIXES else _PLAIN_TYPE


def forwarded(head: Head, asked: StorageRequest, name: str) -> tuple[int, dict[str, str]]:
    """The status and the headers to answer a browser with.

    Args:
        name: the file's name without its suffix; anything.
    """
    status, length = head.status, head.length
    if asked.head and status in (206, 416):
        status, length = 200, head.total
    told = {"ETag": head.etag, "Last-Modified": head.last_modified}
    if status == 206:
        told["Content-Range"] = f"bytes {head.first}-{(head.stop or 0) - 1}/{'*' if head.total is None else head.total}"
    elif status == 416 and head.total is not None:
        told["Content-Range"] = f"bytes */{head.total}"
    if status != 304:
        told["Content-Length"] = "" if length is None else str(length)
    if status in (200, 206):
        told["Accept-Ranges"] = "bytes" if head.ranges else ""
        told["Content-Type"] = head.type
        told["Content-Disposition"] = disposition(name, _SUFFIXES.get(head.type, ".zip"))
    # The package is one user's: no cache that others share may keep it, and the user's own asks whether it changed.
    safe = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    return status, {name: value for name, value in told.items() if value} | safe


def disposition(name: str, suffix: str) -> str:
    """A Content-Disposition that saves the file under this name, whatever characters are in it."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:_LONGEST_NAME].strip("._") or "package"
    shown = re.sub(r"[\\/:*?\"<>|]", "_", "".join(sign for sign in name if sign.isprintable()))[:_LONGEST_NAME]
    told = f'attachment; filename="{plain}{suffix}"'
    if (full := shown.strip(". ")) in ("", plain):
        return told
    return f"{told}; filename*=UTF-8''{quote(full + suffix, safe='', errors='replace')}"
