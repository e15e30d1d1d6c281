"""Interpretation of a response: its error by status and content, or its JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urljoin, urlsplit

from attrs import field, frozen

from .._redact import MAX_TEXT, mask, mask_value, one_line
from ..errors import (
    APIError,
    BadRequest,
    Conflict,
    DecodeError,
    Forbidden,
    KeyRefused,
    NotFound,
    RateLimited,
    ServerError,
    UnexpectedRedirect,
)
from ..settings import Secret
from .codec.json_text import loads

if TYPE_CHECKING:
    from ..errors import PixxelError
    from .codec.model import Model

M = TypeVar("M", bound="Model")

_CLASSES: Mapping[int, type[APIError]] = {
    401: KeyRefused,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}
_HINTS: Mapping[int, str] = {
    401: "Check the API key (`pixxel check`); auth='raw' or 'bearer' fixes how it is sent",
    403: "The key is unknown, expired, or lacks a role or the project; `pixxel check` tells which",
    429: "The service asks for fewer calls; http.calls_per_second sets a limit",
}
_REQUEST_IDS = ("x-request-id", "x-amzn-requestid", "x-amz-request-id", "x-correlation-id", "cf-ray")
_TITLE = re.compile(r"<(?:title|message|h1)[^<>]{0,200}>([^<]{1,1000})<", re.IGNORECASE)
_MESSAGE_HEAD = 20_000
"""Bytes of an error's body that are searched for a message."""
LARGE = 256 * 1024
"""Bytes of a response from which it is decoded in a thread or in steps, so that the event loop stays free."""
ENVELOPES = ("data", "result", "results", "response", "payload")
"""Members that some services put around an answer."""


def _to_pieces(body: bytes | list[bytes]) -> list[bytes]:
    return body if isinstance(body, list) else [body]


@frozen
class Reply:
    """A response, read whole.

    Attributes:
        status: HTTP status.
        headers: names in lower case.
        pieces: the body as it came, decompressed; `Reply(body=…)` takes one piece or many.
        method, path: the request, as method and path template.
        hidden: the Authorization header that was sent; cut out of every message made from this response.
    """

    status: int
    headers: Mapping[str, str] = field(repr=lambda headers: f"<{', '.join(headers)}>")  # a value may be a signed link
    pieces: list[bytes] = field(alias="body", converter=_to_pieces, repr=False, eq=b"".join)
    method: str = ""
    path: str = ""
    hidden: tuple[Secret, ...] = field(default=(), repr=False, eq=False)

    @property
    def body(self) -> bytes:
        """The whole body."""
        if len(self.pieces) != 1:
            self.pieces[:] = [b"".join(self.pieces)]
        return self.pieces[0]

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return sum(map(len, self.pieces))

    def json(self) -> Any:
        """Parse the body as JSON; raises `DecodeError` if it is not."""
        return parse(self)

    def read(self, model: type[M]) -> M:
        """Decode the body as one of `pixxel_async.models`; raises `DecodeError` if it is no JSON object."""
        from .codec.convert import read

        return read(model, self.json())


Stage = Literal["connect", "send", "headers", "body"]


@frozen
class TransportFailure:
    """An attempt without a complete response.

    Attributes:
        stage: how far it got; `connect` means that the server saw nothing of it.
        error: the caller's error if this was the last attempt.
        timed_out: whether one of our timeouts ended it.
    """

    stage: Stage
    error: PixxelError
    timed_out: bool = False


def error_of(reply: Reply) -> APIError | None:
    """Return the error of a status from 300 on, with the message of its body, whatever its declared type."""
    if reply.status < 300:
        return None
    if reply.status < 400:
        return _api_error(reply, reply.status, *_split_error(reply), hint=_redirect_hint(reply))
    return _api_error(reply, reply.status, *_split_error(reply), hint=_HINTS.get(reply.status, ""))


def error_in_success(reply: Reply, value: Any) -> APIError:
    """Return the error for a successful status whose body is an error; its own status, if it names one, decides.

    Args:
        value: the body, an object that `is_error_body`.
    """
    named = next((value[name] for name in ("status", "status_code", "statusCode", "code") if name in value), None)
    inner = value.get("error")
    if isinstance(inner, dict):
        named = next((inner[name] for name in ("status", "code") if name in inner), named)
    digits = str(named)[:3]
    status = int(digits) if re.fullmatch(r"[45][0-9]{2}", digits) and len(str(named)) == 3 else reply.status
    hint = f"The response had the status {reply.status}, but its body is an error"
    return _api_error(reply, status, *_split_error(reply), hint=hint)


def is_error_body(value: Any) -> bool:
    """Return whether a JSON value has the form of an error: `error`, `errors`, or a message with a code or status.

    The caller has checked that it has no member of the requested object.
    """
    if not isinstance(value, dict):
        return False
    if value.get("error") or value.get("errors"):
        return True
    message = any(isinstance(value.get(name), str) for name in ("message", "detail", "msg"))
    failed = value.get("success") is False or str(value.get("status", "")).lower() in ("error", "fail", "failed")
    coded = re.fullmatch(r"[45][0-9]{2}", str(value.get("status") or value.get("statusCode") or "")) is not None
    return (message and ("code" in value or coded)) or failed


def _api_error(
    reply: Reply, status: int, message: str, code: str, details: Any, from_api: bool = False, *, hint: str
) -> APIError:
    secrets = _collect_secrets(reply)
    return _error_class(status)(
        one_line(mask(message, secrets)),
        status=status,
        code=one_line(mask(code, secrets), 100),
        details=mask_value(details, secrets),
        request_id=one_line(mask(_find_request_id(reply.headers), secrets), 200),
        method=reply.method,
        path=reply.path,
        hint=hint,
        from_api=from_api,
    )


def _error_class(status: int) -> type[APIError]:
    if status < 300:
        return APIError
    if status < 400:
        return UnexpectedRedirect
    return _CLASSES.get(status) or (ServerError if status >= 500 else BadRequest)


def _redirect_hint(reply: Reply) -> str:
    """Name the host that a redirect leads to, and the likely cause."""
    location = reply.headers.get("location", "")
    try:
        target = urlsplit(urljoin("//", location))
        host = target.hostname or ""
    except ValueError:
        host = ""
    if not host:
        return "It is not followed: key and body go to base_url only"
    return (
        f"It leads to {target.scheme or 'https'}://{one_line(host, 100)} and is not followed: key and body go to "
        "base_url only. Likely causes: http:// in place of https://, another base_url, or the login page of a proxy"
    )


def _find_request_id(headers: Mapping[str, str]) -> str:
    return next((headers[name] for name in _REQUEST_IDS if name in headers), "")


def forwarded_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that describe the bytes of a streamed response, after decompression.

    There are no validators among them: a response is generated per call, so that no other one continues it.
    """
    encoded = headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
    names = ("content-type", "content-disposition", *(() if encoded else ("content-length",)))
    return {name: headers[name] for name in names if name in headers}


def _split_error(reply: Reply) -> tuple[str, str, Any, bool]:
    """Return message, code and details, from the vendor's envelope or whatever else came, and whether it was that."""
    try:
        value = parse(reply)
    except DecodeError:
        return _page_message(reply.body), "", None, False
    inner = value
    if isinstance(value, dict):
        errors = value.get("errors")
        inner = value.get("error") or (errors[0] if isinstance(errors, list) and errors else errors) or value
    if not isinstance(inner, dict):
        return str(inner or ""), "", None, False
    message = next((inner[name] for name in ("message", "detail", "msg", "title") if inner.get(name)), "")
    code = inner.get("code")
    rest = inner.get(
        "details", {name: member for name, member in inner.items() if name not in ("message", "code")} or None
    )
    from_api = inner is value.get("error") and isinstance(code, str) and isinstance(inner.get("message"), str)
    return str(message), "" if code is None else str(code), rest, from_api


def _page_message(body: bytes) -> str:
    """Return the message of a body that is not JSON: the title of a page, else its text."""
    text = body[: 4 * MAX_TEXT + 4].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")  # cut again, and masked there
    if not text.startswith("<"):
        return text
    match = _TITLE.search(text[:_MESSAGE_HEAD])
    return match[1] if match else "a page without a message"


def parse(reply: Reply) -> Any:
    """Parse the body as JSON, in any of JSON's encodings; of a repeated name the last value counts.

    NaN and endless numbers, which some services write, become floats that the model's reader sets aside.

    Raises:
        DecodeError: the body is not JSON: a page, a cut text, bottomless nesting.
    """
    try:
        return loads(reply.body, _yield_gil if reply.size >= LARGE else None)
    except (ValueError, RecursionError, MemoryError) as error:
        reason = type(error).__name__ if isinstance(error, UnicodeError | MemoryError) else str(error)
    if reply.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        reason = "it is an HTML page, as a proxy or a wrong base_url sends it"
    raise DecodeError(
        f"{reply.status} answer to {reply.method} {reply.path} is not JSON: {one_line(reason, 120)}",
        status=reply.status,
        body=body_start(reply),
    )


def _yield_gil(value: dict[str, Any]) -> dict[str, Any]:
    """Do nothing: one call of Python code per object lets other threads run while a long body is parsed."""
    return value


def body_start(reply: Reply) -> str:
    """Return the first characters of a body, printable and without secrets."""
    text = reply.body[:_MESSAGE_HEAD].decode("utf-8", "replace")
    return one_line(mask(text, _collect_secrets(reply), limit=2000), 200)


def _collect_secrets(reply: Reply) -> list[str]:
    """Return the texts that must reach no error: the header's value, and its part after a scheme word."""
    headers = [secret.reveal() for secret in reply.hidden]
    return [*headers, *(text.rpartition(" ")[2] for text in headers if " " in text)]
