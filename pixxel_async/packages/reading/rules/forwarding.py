"""HTTP semantics of the pass-through: browser request → storage request, storage answer → browser response.

Rule 1: no request header is copied unparsed. A range is formatted again; validators must be printable and short.
Rule 2: no answer header is copied unparsed. Lengths and ranges are parsed numbers, validators must have their RFC
    form, the media type is one of a list, and the file name comes from the package, never from the storage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from attrs import field, frozen

from ...._protocol.ranges import ByteRange, parse_content_range, parse_range

__all__ = ["Head", "StorageRequest", "browser_response", "read_head", "storage_request"]

_HEAD_PROBE = ByteRange(0, 0)
_MAX_VALIDATOR = 1024
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
"""Media types that are passed on, none of which a browser executes → file suffix."""
_MAX_NAME = 120
"""Characters of an offered file name."""


@frozen
class StorageRequest:
    """A request to the storage.

    Attributes:
        headers: request headers.
        range: requested byte range; None for the whole body.
        head: whether only the headers are wanted, as for HEAD, which signed links refuse.
    """

    headers: Mapping[str, str] = field(factory=dict)
    range: ByteRange | None = None
    head: bool = False


def storage_request(method: str, range: str | None, if_range: str | None, if_none_match: str | None) -> StorageRequest:
    """Translate a browser's request into a request to the storage.

    Multiple and malformed ranges are answered with the whole body, as RFC 9110 allows.

    Args:
        method: GET or HEAD.
        range, if_range, if_none_match: headers of the request; None or "" if missing.
    """
    head = method == "HEAD"
    requested = _HEAD_PROBE if head else parse_range(range)
    headers: dict[str, str] = {}
    if requested is not None and if_range and not head:
        if _sendable(if_range):
            headers["if-range"] = if_range
        else:
            requested = None
    if requested is not None:
        headers["range"] = requested.header
    if if_none_match and _sendable(if_none_match):
        headers["if-none-match"] = if_none_match
    return StorageRequest(headers, requested, head)


def _sendable(text: str) -> bool:
    return len(text) <= _MAX_VALIDATOR and _VALIDATOR.fullmatch(text) is not None


@frozen
class Head:
    """The headers of a storage's answer, strictly parsed.

    Attributes:
        status: 200, 206, 304 or 416.
        first, stop: half-open byte range of the body; `stop` is None if unknown.
        total: bytes of the complete object; None if unknown.
        etag, last_modified: well-formed validators; "" for none.
        type: one of the media types that are passed on.
        ranges: whether the storage accepts range requests.
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
        """Bytes of the body; None if unknown."""
        return None if self.stop is None else self.stop - self.first

    def is_same_version(self, other: Head) -> bool:
        """Return whether both belong to one version: same ETag and length, no different dates."""
        dates = {self.last_modified, other.last_modified} - {""}
        return self.etag == other.etag and self.total in (None, other.total) and len(dates) < 2

    def is_continued_by(self, other: Head | None) -> bool:
        """Return whether an answer resumes this version, up to the same end."""
        resumes = other is not None and other.status == 206 and self.is_same_version(other)
        return resumes and other is not None and self.stop in (None, other.stop)


def read_head(status: int, headers: Mapping[str, str], range: ByteRange | None) -> Head | None:
    """Parse the headers of an answer with status 200, 206, 304 or 416; return None if its range was not requested.

    Args:
        headers: names in lower case.
        range: the requested byte range.
    """
    served = parse_content_range(headers.get("content-range"))
    first, stop, total = 0, 0, None if served is None else served.total
    if status == 206:
        if served is None or served.first is None or served.last is None or range is None or not range.fits(served):
            return None
        first, stop = served.first, served.last + 1
    elif status == 200:
        total = _length(headers)
    return Head(
        status, first, total if status == 200 else stop, total,
        etag=_well_formed(_ETAG, headers.get("etag", "")),
        last_modified=_well_formed(_DATE, headers.get("last-modified", "")),
        type=_type(headers.get("content-type", "")),
        ranges=status == 206 or headers.get("accept-ranges", "").strip().lower() == "bytes",
    )  # fmt: skip


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _well_formed(form: re.Pattern[str], text: str) -> str:
    return text.strip() if form.fullmatch(text.strip()) else ""


def _type(text: str) -> str:
    essence = text.partition(";")[0].strip().lower()
    return essence if essence in _SUFFIXES else _PLAIN_TYPE


def browser_response(head: Head, request: StorageRequest, name: str) -> tuple[int, dict[str, str]]:
    """Build status and headers of the response to the browser.

    Args:
        name: offered file name without suffix; any text.
    """
    status, length = head.status, head.length
    if request.head and status in (206, 416):
        status, length = 200, head.total
    headers = {"ETag": head.etag, "Last-Modified": head.last_modified}
    if status == 206:
        total = "*" if head.total is None else head.total
        headers["Content-Range"] = f"bytes {head.first}-{(head.stop or 0) - 1}/{total}"
    elif status == 416 and head.total is not None:
        headers["Content-Range"] = f"bytes */{head.total}"
    if status != 304:
        headers["Content-Length"] = "" if length is None else str(length)
    if status in (200, 206):
        headers["Accept-Ranges"] = "bytes" if head.ranges else ""
        headers["Content-Type"] = head.type
        headers["Content-Disposition"] = content_disposition(name, _SUFFIXES.get(head.type, ".zip"))
    # The package belongs to one user: shared caches must not store it, the browser's own must revalidate it.
    safe = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    return status, {name: value for name, value in headers.items() if value} | safe


def content_disposition(name: str, suffix: str) -> str:
    """Format a Content-Disposition for any file name: an ASCII fallback and, where it differs, `filename*`."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:_MAX_NAME].strip("._") or "package"
    safe = re.sub(r"[\\/:*?\"<>|]", "_", "".join(sign for sign in name if sign.isprintable()))[:_MAX_NAME]
    value = f'attachment; filename="{plain}{suffix}"'
    if (full := safe.strip(". ")) in ("", plain):
        return value
    return f"{value}; filename*=UTF-8''{quote(full + suffix, safe='', errors='replace')}"
