"""Serialization of a call into an HTTP request: path, query, body, headers."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from attrs import evolve, field, frozen

from ...errors import ConfigError
from ..call import Call
from ..codec.serialize import check_time, id_of

_ARGUMENT = re.compile(r"\{(\w+)\}")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]+")
_DECODINGS = 4
"""Times that proxies and servers may decode a path, the text itself included."""
_GIVEN_PATH = re.compile(r"/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")


@frozen
class PreparedRequest:
    """One request, complete except for the Authorization header, which is added when it is sent.

    Attributes:
        target: path and query, percent-encoded.
        path: the path template, for messages.
        opened: whether the caller streams the body of a successful response.
        max_bytes: maximum bytes of the response; None for the setting.
    """

    operation: str
    method: str
    target: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = field(default=None, repr=False)
    opened: bool = False
    max_bytes: int | None = None


def build(call: Call, user_agent: str) -> PreparedRequest:
    """Build the request of a call; raises `ConfigError` for an argument that cannot be sent."""
    operation = call.operation
    path = _ARGUMENT.sub(lambda name: segment(name[1], call.path.get(name[1])), operation.path)
    arguments = query(call.query)
    headers = {"User-Agent": user_agent, "Accept": "application/json, */*;q=0.5"}
    body = None
    if call.body is not None:
        headers["Content-Type"] = "application/json"
        body = encode_body(call.body)
    target = f"{path}?{arguments}" if arguments else path
    return PreparedRequest(
        operation.name, operation.method, target, operation.path, headers, body, max_bytes=call.max_bytes
    )


def with_streamed_body(request: PreparedRequest) -> PreparedRequest:
    """Return the request with its body streamed and not content-encoded."""
    return evolve(request, headers={**request.headers, "Accept-Encoding": "identity"}, opened=True)


def segment(name: str, value: Any) -> str:
    """Return the value percent-encoded as exactly one path segment."""
    if type(value) is str and _PLAIN_ID.fullmatch(value):
        return value
    value = id_of(value, name)
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be a text or a row with an id, not {type(value).__name__}")
    if not value.strip():
        raise ConfigError(f"{name} is empty")
    if _has_dot_segment(value):
        raise ConfigError(f"{name} may not contain a dot segment")
    return _quote(name, value)


def query(arguments: Mapping[str, Any]) -> str:
    """Return the arguments as a query string; None is left out."""
    texts = {name: _texts(name, value) for name, value in arguments.items() if value is not None}
    return "&".join(f"{_quote(name, name)}={_quote(name, text)}" for name, text in texts.items())


def encode_body(body: Any) -> bytes:
    """Return the body as JSON."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    raise ConfigError(f"the body cannot be written as JSON: {reason}")


def check_path(path: str) -> str:
    """Return a path that the user wrote in full; raises `ConfigError` if it could leave the API."""
    if not _GIVEN_PATH.fullmatch(path):
        raise ConfigError("a path begins with one '/', is percent-encoded and holds no host; arguments go into query=")
    if _has_dot_segment(path):
        raise ConfigError("a path may not contain dot segments")
    return path


def _has_dot_segment(text: str) -> bool:
    """Return whether a server could read a `.` or `..` between slashes or backslashes, decoded as often as may be."""
    for _ in range(_DECODINGS):
        if any(part.partition(";")[0].strip() in (".", "..") for part in re.split(r"[/\\]", text)):
            return True
        text = unquote(text)
    return False


def _texts(name: str, value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        if not value:
            raise ConfigError(f"{name} is an empty list, which the server would read as no filter; leave it out")
        return ",".join(_text(name.removesuffix("s"), item) for item in value)
    return _text(name, value)


def _text(name: str, value: Any) -> str:
    value = id_of(value, name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        check_time(name, value)
        return str(value)
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if isinstance(value, dt.datetime):
        return _moment(name, value)
    if isinstance(value, dt.date):
        return value.isoformat()
    raise ConfigError(f"{name} cannot be sent as a query argument: {type(value).__name__}")


def _moment(name: str, value: dt.datetime) -> str:
    if value.tzinfo is None:
        raise ConfigError(f"{name} has no time zone; say which, such as tzinfo=datetime.UTC")
    return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _quote(name: str, text: str) -> str:
    if text.isascii():
        return quote(text, safe="")
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ConfigError(f"{name} contains a lone surrogate")
    return quote(text, safe="")
