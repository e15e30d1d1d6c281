"""Answer Range, If-Range, If-None-Match and If-Match as an object storage does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from attrs import frozen

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@frozen
class Part:
    """The part of an object to send.

    Attributes:
        status: 200 all, 206 a part, 304 not modified, 412 precondition failed, 416 no such range.
        start, stop: the bytes.
    """

    status: Literal[200, 206, 304, 412, 416]
    start: int = 0
    stop: int = 0


def choose_part(headers: Mapping[str, str], size: int, etag: str, modified: str) -> Part:
    """Select the part of an object of `size` bytes for these request headers (names in lower case)."""
    if etag in _tags(headers.get("if-none-match", "")):
        return Part(304)
    if (match := headers.get("if-match")) is not None and match != "*" and etag not in _tags(match):
        return Part(412)
    requested = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if requested is None or not any(requested.groups()) or headers.get("if-range", etag) not in (etag, modified):
        return Part(200, 0, size)
    return _resolve(requested.group(1), requested.group(2), size)


def _tags(text: str) -> set[str]:
    return {tag.strip() for tag in text.split(",")}


def _resolve(first: str, last: str, size: int) -> Part:
    if not first:
        start, stop = max(0, size - int(last)), size
        return Part(206, start, stop) if int(last) and size else Part(416)
    start, stop = int(first), min(size, int(last) + 1) if last else size
    if last and int(last) < start:
        return Part(200, 0, size)
    return Part(206, start, stop) if start < size else Part(416)
