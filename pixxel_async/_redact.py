"""Redaction of foreign text: no API key and no signed part of a URL in any message, log line or record.

Every function first cuts its input to a bounded length, and every pattern is linear in it: all repeats that can be
retried from many positions are bounded. A hostile or broken server cannot stop the event loop with its error text.
"""

from __future__ import annotations

import re
import traceback
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

MAX_TEXT = 32_768
"""Characters of a text that are looked at; the rest is dropped."""
_EXCERPT_BYTES = 8_192
"""Bytes of an error page that are looked at."""
_SHORTEST = 6
"""Shortest key that is searched for: a shorter one would blank ordinary words."""
_CUT = "…"

_LINK = re.compile(r"(https?://)(?:[^\s/?#\"'<>@]*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?", re.IGNORECASE)
_OPEN_AUTHORITY = re.compile(r"(https?://)[^\s/?#]{0,4096}$", re.IGNORECASE)
"""The start of a URL that was cut within its authority, where user info may stand."""
_SIGNED = re.compile(
    r"\b((?:X-Amz|X-Goog)-[A-Za-z-]{1,60}|Signature|sig|Policy|Key-Pair-Id|token)=[^\s&\"'<>]+", re.IGNORECASE
)
_SCHEME = re.compile(r"\b(Bearer|Basic)\s{1,20}[^\s\"'<>,]+", re.IGNORECASE)

_TAG = re.compile(r"<([\w:.-]{1,60})[^<>]{0,300}>")
_SECRET_TAG = re.compile(r"Signature|StringToSign|CanonicalRequest|AccessKey|Token|Credential", re.IGNORECASE)
_ANY_LINK = re.compile(r"[a-z][a-z0-9+.-]{0,15}:(?:\\?/){2}[^\s\"'<>]*", re.IGNORECASE)
_SECRET_PAIR = re.compile(
    r"(?:signature|credential|token|authorization|expires|policy|api-?key|\bsig|\bse|\bsp|\bsv)[\w-]{0,40}"
    r"(?:\"\s{0,8}:\s{0,8}\"?|\s{0,8}[=:]\s{0,8}|%3d)[^\s&<\",}]+",
    re.IGNORECASE,
)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_USER_INFO = re.compile(r"(\w://)[^/?#@\s]*@")
_QUERY = re.compile(r"(\w://[^?#\s]*)[?#]\S*")
_LONG_WORD = re.compile(r"[A-Za-z0-9+/=_%.-]{32,}")


def mask(text: str, secrets: Sequence[str] = (), *, limit: int = MAX_TEXT) -> str:
    """Return the text without the given secrets, credentials after a scheme word, and the query of any URL.

    Args:
        text: foreign text.
        secrets: exact texts to blank, such as the API key that was sent, also where the cut goes through them.
        limit: characters of the text that are kept, at most `MAX_TEXT`.
    """
    length, text = len(text), text[: min(limit, MAX_TEXT)]
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    if length > limit:
        text = _OPEN_AUTHORITY.sub(r"\1", _without_start(text, secrets)) + _CUT
    text = _SIGNED.sub(r"\1=***", mask_links(text))
    return _SCHEME.sub(r"\1 ***", text)


def mask_links(text: str) -> str:
    """Return the text, of any length, with user info and query of each URL blanked."""
    return _LINK.sub(lambda link: link[1] + link[2] + ("?***" if link[0] != link[1] + link[2] else ""), text)


def mask_value(value: Any, secrets: Sequence[str] = (), depth: int = 8) -> Any:
    """Mask every text in a JSON value; drop values nested deeper than `depth`."""
    if isinstance(value, str):
        return mask(value, secrets)
    if depth == 0:
        return None if isinstance(value, Mapping | list) else value
    if isinstance(value, Mapping):
        return {mask(str(name), secrets): mask_value(item, secrets, depth - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [mask_value(item, secrets, depth - 1) for item in value]
    return value


def one_line(text: str, limit: int = 500) -> str:
    """Return at most `limit` characters, with blanks for control characters, escapes and invisible characters."""
    signs = (" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text[: 4 * limit])
    short = " ".join("".join(signs).split())
    return short if len(short) <= limit else short[: limit - 1] + _CUT


def printable(text: str) -> str:
    """Escape every control, bidirectional and line-separator character, and lone surrogates, for a terminal.

    Names and messages come from a server: printed raw, they could inject terminal escape sequences or fake a line of
    output.
    """
    return _UNPRINTABLE.sub(lambda match: ascii(match.group())[1:-1], text)


def mask_command_argument(argument: str) -> str:
    """Return an argument of a command line with user info and query of URLs masked, whatever their scheme."""
    return _USER_INFO.sub(r"\1***@", _QUERY.sub(r"\1?***", argument))


def redact_url(url: str) -> str:
    """Return scheme and host of a URL, all that a message may say of a signed one; never raises."""
    with suppress(ValueError):
        parts = urlsplit(url[:MAX_TEXT])
        if parts.scheme in ("http", "https") and parts.hostname:
            return f"{parts.scheme}://{one_line(parts.netloc.rpartition('@')[2], 100)}/…"
    return "an invalid link"


def excerpt(body: bytes, limit: int = 200) -> str:
    """Return the first printable characters of an error page without URLs, signatures and long words.

    Args:
        body: bytes of the page; the first 8 KiB are looked at.
        limit: most characters returned; "(no text)" for binary data.
    """
    text = body[:_EXCERPT_BYTES].decode("utf-8-sig", errors="replace")
    if text.count("\ufffd") > len(text) // 8:
        return "(no text)"
    text = _without_secret_elements(text)
    for pattern in (_ANY_LINK, _SECRET_PAIR, _LONG_WORD):
        text = pattern.sub(_CUT, text)
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return plain[:limit]


def _without_start(text: str, secrets: Sequence[str]) -> str:
    """Remove the start of a secret that a cut left at the end of a text."""
    for secret in secrets:
        for length in range(min(len(secret), MAX_TEXT) - 1, 3, -1):
            if text.endswith(secret[:length]):
                return text[:-length]
    return text


def _without_secret_elements(text: str) -> str:
    """Blank XML elements that hold signatures or keys; one that is never closed is cut to the end."""
    parts: list[str] = []
    at = 0
    while (tag := _TAG.search(text, at)) is not None:
        parts.append(text[at : tag.end()])
        at = tag.end()
        if _SECRET_TAG.search(tag[1]):
            end = text.find(f"</{tag[1]}>", at)
            parts.append(_CUT)
            at = len(text) if end < 0 else end
    return "".join(parts) + text[at:]


def forget_locals(error: BaseException) -> None:
    """Clear the local variables of an exception's finished frames, and of those of its cause and context.

    Where an exception of a library, or a cancellation, leaves frames that hold a key or a signed URL, a crash report
    would show them. The lines of the traceback stay.
    """
    visited: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is not None and id(each) not in visited:
            visited.add(id(each))
            traceback.clear_frames(each.__traceback__)
            pending += [each.__cause__, each.__context__]
