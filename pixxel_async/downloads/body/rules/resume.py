"""Resume a body from the bytes on disk: the range to request, and the meaning of the response.

Requests, by the bytes and validators that are kept:

| kept                                                       | asked for                                    |
|------------------------------------------------------------|----------------------------------------------|
| nothing; more than the total                               | everything                                   |
| as much as the total                                       | nothing: it is complete                      |
| some, strong ETag                                          | the rest, if the ETag is the same            |
| some, Last-Modified and total, and the whole gets proved   | the rest, if the date is the same            |
| some, no validator, the caller says so, the whole proved   | the rest                                     |
| some, else                                                 | everything                                   |

Responses:

| status | when                                                                       | then               |
|--------|----------------------------------------------------------------------------|--------------------|
| 206    | asked for the rest; starts where asked; same total, ETag and date          | go on              |
| 206    | anything else                                                              | throw away         |
| 200    |                                                                            | this body, from 0  |
| 416    | asked for the rest, and its total is what is on disk                       | complete           |
| 416    | anything else                                                              | throw away         |

Responses to ranges of a multipart download, with If-Match and a strong ETag:

| status | when                                                                       | then               |
|--------|----------------------------------------------------------------------------|--------------------|
| 206    | starts where asked and ends no later; same total and ETag                  | go on              |
| else   |                                                                            | alone              |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from attrs import field, frozen

from ...._protocol.ranges import is_strong, parse_content_range
from ...rules.byte_ranges import Region

__all__ = ["Kept", "RangeRequest", "RangeVerdict", "next_request", "piece_headers", "read_piece", "read_response"]

Action = Literal["go on", "from 0", "complete", "throw away", "alone"]


class Kept(NamedTuple):
    """Bytes of a package on disk, and the validators that came with them.

    Attributes:
        size: bytes that can be trusted.
        etag, last_modified: the validators, as they were sent.
        total: bytes of the whole package; None if the storage did not state it.
    """

    size: int = 0
    etag: str | None = None
    last_modified: str | None = None
    total: int | None = None


@frozen
class RangeRequest:
    """The next request to the storage.

    Attributes:
        offset: first missing byte.
        headers: request headers.
        complete: whether nothing is missing.
    """

    offset: int = 0
    headers: Mapping[str, str] = field(factory=dict)
    complete: bool = False


@frozen
class RangeVerdict:
    """Meaning of a 200, 206 or 416 for the part file.

    Attributes:
        action: `go on` at the offset, `from 0` with this body, `complete`, `throw away` the bytes on disk and
            request again, or `alone`: no ranges, one connection continues the prefix.
        total: bytes of the whole package as stated by this response; None if it is not.
    """

    action: Action
    total: int | None = None


def next_request(kept: Kept, *, proved: bool, unsafe: bool) -> RangeRequest:
    """Return the next request.

    Args:
        proved: whether the whole file is verified afterwards by its own checksums.
        unsafe: whether bytes without any validator may be resumed.
    """
    if kept.size <= 0 or (kept.total is not None and kept.size > kept.total):
        return RangeRequest()
    if kept.size == kept.total:
        return RangeRequest(kept.size, complete=True)
    rest = {"range": f"bytes={kept.size}-"}
    if kept.etag is not None and is_strong(kept.etag):
        return RangeRequest(kept.size, {**rest, "if-range": kept.etag})
    if proved and kept.last_modified is not None and kept.total is not None:
        return RangeRequest(kept.size, {**rest, "if-range": kept.last_modified})
    if proved and unsafe and kept.etag is None and kept.last_modified is None:
        return RangeRequest(kept.size, rest)
    return RangeRequest()


def read_response(status: int, headers: Mapping[str, str], request: RangeRequest, kept: Kept) -> RangeVerdict:
    """Classify a 200, 206 or 416.

    Args:
        headers: names in lower case.
        request: the request.
        kept: bytes and validators at that time.
    """
    if status == 200:
        return RangeVerdict("from 0", _length(headers))
    if not request.offset:
        return RangeVerdict("throw away")
    served = parse_content_range(headers.get("content-range", ""))
    if served is None:
        return RangeVerdict("throw away")
    if status == 416:
        return RangeVerdict("complete" if served.total == kept.size else "throw away", served.total)
    fits = served.first == request.offset and _same_total(served.total, kept.total) and _same_object(headers, kept)
    return RangeVerdict("go on", served.total) if fits else RangeVerdict("throw away")


def piece_headers(kept: Kept, piece: Region) -> dict[str, str]:
    """Return the request headers for one range of the known object."""
    return {"range": f"bytes={piece[0]}-{piece[1] - 1}", "if-match": kept.etag or ""}


def read_piece(status: int, headers: Mapping[str, str], piece: Region, kept: Kept) -> RangeVerdict:
    """Classify the response to one range."""
    served = parse_content_range(headers.get("content-range", "")) if status == 206 else None
    if served is None or served.first != piece[0] or served.last is None or served.last >= piece[1]:
        return RangeVerdict("alone")
    same_version = served.total == kept.total and headers.get("etag", kept.etag) == kept.etag
    return RangeVerdict("go on" if same_version else "alone", served.total)


def _same_total(stated: int | None, known: int | None) -> bool:
    return known is None or stated == known


def _same_object(headers: Mapping[str, str], kept: Kept) -> bool:
    """Return whether no validator of the response differs; a missing one does not count."""
    etag, date = headers.get("etag"), headers.get("last-modified")
    if kept.etag is not None and etag is not None:
        return etag == kept.etag
    return kept.last_modified is None or date is None or date == kept.last_modified


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
