"""Response values of the sandbox, built before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from attrs import field, frozen

from .files.virtual_bytes import VirtualBytes

_json = json.JSONEncoder(separators=(",", ":")).encode


@frozen
class SandboxAnswer:
    """One response.

    Attributes:
        status: HTTP status.
        headers: spelled as they are sent.
        body: bytes that need not exist in memory.
        start, stop: the part of the body that is sent.
        send_length: whether Content-Length is sent; else the body is chunked.
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    body: VirtualBytes = field(factory=VirtualBytes, repr=False)
    start: int = 0
    stop: int = 0
    send_length: bool = True

    @property
    def length(self) -> int:
        """The number of bytes to send."""
        return self.stop - self.start

    def with_headers(self, **changes: str | None) -> SandboxAnswer:
        """Return a copy with other headers; underscores stand for hyphens, None removes one."""
        merged = {**self.headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
        headers = {name: value for name, value in merged.items() if value is not None}
        return SandboxAnswer(self.status, headers, self.body, self.start, self.stop, self.send_length)


class RequestRefused(Exception):  # never leaves the sandbox: it becomes the vendor's error envelope
    """A request refused with an error response.

    Args:
        status: HTTP status.
        code: the envelope's code.
        message: the envelope's message.
        details: the envelope's details.
    """

    def __init__(self, status: int, code: str, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def envelope(self) -> dict[str, Any]:
        """Return the vendor's error body."""
        return {"error": {"code": self.code, "message": self.message, "details": self.details or {}}}


def not_found(kind: str, id: str) -> RequestRefused:
    """Return the refusal of an unknown id: 404."""
    # ASSUMPTION: an unknown id gets 404, although the vendor declares 404 for some groups only.
    return RequestRefused(404, "not_found", f"{kind} {id} not found")


def invalid(message: str, details: Any = None) -> RequestRefused:
    """Return the refusal of an invalid request: 400."""
    return RequestRefused(400, "bad_request", message, details)


def plain(status: int, body: bytes, content_type: str, **headers: str) -> SandboxAnswer:
    """Build a response with these bytes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SandboxAnswer(status, {"Content-Type": content_type, **named}, VirtualBytes.of(body), 0, len(body))


def as_json(status: int, value: Any, content_type: str = "application/json") -> SandboxAnswer:
    """Build a JSON response."""
    return plain(status, _json(value).encode(), content_type)


def as_xml(status: int, code: str, message: str, **members: str) -> SandboxAnswer:
    """Build an object storage's XML error document."""
    inner = "".join(
        f"<{name}>{escape(text)}</{name}>" for name, text in {"Code": code, "Message": message, **members}.items()
    )
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'
    return plain(status, body.encode(), "application/xml")
