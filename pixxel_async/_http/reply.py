"""What an answer says: its error by status and content, or its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from attrs import field, frozen

from .._redact import masked, masked_value, printable
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

if TYPE_CHECKING:
    from ..errors import PixxelError
    from .codec.model import Model


_KINDS: Mapping[int, type[APIError]] = {
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
"""Characters of an error body that are looked at for a message."""


def error_of(reply: Reply) -> APIError | None:
    """The error that the status stands for, told from the body whatever its declared type; None below 300."""
    if reply.status < 300:
        return None
    secrets = _secrets(reply)
    message, code, details = _told(reply)
    return _kind(reply.status)(
        masked(printable(masked(message, secrets)), secrets),
        status=reply.status,
        code=printable(masked(code, secrets), 100),
        details=masked_value(details, secrets),
        request_id=printable(masked(_request_id(reply.headers), secrets), 200),
        method=reply.method,
        path=reply.path,
        hint=_HINTS.get(reply.status, ""),
    )


def _request_id(headers: Mapping[str, str]) -> str:
    return next((headers[name] for name in _REQUEST_IDS if name in headers), "")


def shown(headers: Mapping[str, str]) -> dict[str, str]:
    """Of the headers of an answer that is read as it arrives those that are true of the bytes that come.

    There are no validators among them: an answer is made for one call, and no other one continues it.
    """
    coded = headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
    names = ("content-type", "content-disposition", *(() if coded else ("content-length",)))
    return {name: headers[name] for name in names if name in headers}


def _kind(status: int) -> type[APIError]:
    if status < 400:
        return UnexpectedRedirect
    return _KINDS.get(status) or (ServerError if status >= 500 else BadRequest)


def _told(reply: Reply) -> tuple[str, str, Any]:
    """Message, code and details: the vendor's envelope, or whatever else came."""
    try:
        value = parse(reply)
    except DecodeError:
        return _page(reply.body), "", None
    inner = value.get("error", value) if isinstance(value, dict) else value
    if not isinstance(inner, dict):
        return str(inner or ""), "", None
    message = next((inner[name] for name in ("message", "detail", "msg", "title") if inner.get(name)), "")
    code = inner.get("code")
    rest = inner.get("details", {name: one for name, one in inner.items() if name not in ("message", "code")} or None)
    return str(message), "" if code is None else str(code), rest


def _page(body: bytes) -> str:
    """The message of a page that is not JSON: its title when it is marked up, else its text."""
    text = body[:_MESSAGE_HEAD].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if not text.startswith("<"):
        return text
    found = _TITLE.search(text)
    return found[1] if found else "a page without a message"


def parse(reply: Reply) -> Any:
    """The body as JSON, in any of JSON's encodings; of a name given twice the last one counts.

    Raises:
        DecodeError: for whatever is not JSON: pages, cut texts, NaN, endless numbers, bottomless nesting.
    """
    try:
        return json.loads(reply.body, parse_constant=no_number, object_hook=_breathe)
    except (ValueError, RecursionError, MemoryError) as error:
        reason = type(error).__name__ if isinstance(error, UnicodeError | MemoryError) else str(error)
    if reply.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        reason = "it is a page, as a proxy or a wrong base_url sends it"
    raise DecodeError(
        f"{reply.status} answer to {reply.method} {reply.path} is not JSON: {printable(reason, 120)}",
        status=reply.status,
        body=beginning(reply),
    )


def beginning(reply: Reply) -> str:
    """The first characters of a body, fit to be shown."""
    return printable(masked(reply.body[:2000].decode("utf-8", "replace"), _secrets(reply)), 200)


def _secrets(reply: Reply) -> list[str]:
    return [secret.reveal() for secret in reply.hidden]


def no_number(word: str) -> NoReturn:
    """For what a parser of JSON makes of NaN and endless numbers."""
    raise ValueError(f"{word} is no JSON number")


def _breathe(value: dict[str, Any]) -> dict[str, Any]:
    """Nothing; but a call of Python code for each object lets other threads run while a long answer is parsed."""
    return value


M = TypeVar("M", bound="Model")


@frozen
class Reply:
    """An answer, read whole.

    Attributes:
        status: HTTP status.
        headers: names in lower case.
        body: the bytes, decompressed.
        method, path: the request, as method and path template.
        hidden: what was sent as a key; it is cut out of every text that is made of this answer.
    """

    status: int
    headers: Mapping[str, str] = field(repr=lambda headers: f"<{', '.join(headers)}>")  # a value may be a signed link
    body: bytes = field(repr=False)
    method: str = ""
    path: str = ""
    hidden: tuple[Secret, ...] = field(default=(), repr=False, eq=False)

    def json(self) -> Any:
        """The body as JSON; raises `DecodeError` when it is not."""

        return parse(self)

    def read(self, model: type[M]) -> M:
        """The body as one of `pixxel_async.models`; raises `DecodeError` when it is no JSON object."""
        from .codec.convert import read

        return read(model, self.json())


Stage = Literal["connect", "send", "headers", "body"]


@frozen
class TransportFailure:
    """An attempt that brought no whole answer.

    Attributes:
        stage: how far it came; `connect` means that the server saw nothing of it.
        error: what the caller gets if this was the last attempt.
        timed_out: whether one of our deadlines ended it.
    """

    stage: Stage
    error: PixxelError
    timed_out: bool = False
