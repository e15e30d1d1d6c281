"""What no text of ours may hold: keys, and the signed part of links."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

_LINK = re.compile(r"(https?://)(?:[^\s/?#\"'<>@]*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?", re.IGNORECASE)
_SIGNED = re.compile(
    r"\b((?:X-Amz|X-Goog)-[A-Za-z-]+|Signature|sig|Policy|Key-Pair-Id|token)=[^\s&\"'<>]+", re.IGNORECASE
)
_SCHEME = re.compile(r"\b(Bearer|Basic)\s+[^\s\"'<>,]+", re.IGNORECASE)
_SHORTEST = 6
"""A key shorter than this is not searched for: it would blank ordinary words."""


def masked(text: str, secrets: Sequence[str] = ()) -> str:
    """The text without the given secrets, credentials after a scheme word, and the query of any link.

    Args:
        text: what came from outside.
        secrets: exact texts to blank, such as the key that was sent.
    """
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    text = _LINK.sub(lambda link: link[1] + link[2] + ("?***" if link[0] != link[1] + link[2] else ""), text)
    text = _SIGNED.sub(r"\1=***", text)
    return _SCHEME.sub(r"\1 ***", text)


def masked_value(value: Any, secrets: Sequence[str] = (), depth: int = 8) -> Any:
    """The JSON value with every text in it masked; what lies deeper than `depth` is left out."""
    if isinstance(value, str):
        return masked(value, secrets)
    if depth == 0:
        return None if isinstance(value, Mapping | list) else value
    if isinstance(value, Mapping):
        return {masked(str(name), secrets): masked_value(one, secrets, depth - 1) for name, one in value.items()}
    if isinstance(value, list):
        return [masked_value(one, secrets, depth - 1) for one in value]
    return value


def printable(text: str, limit: int = 500) -> str:
    """At most so many characters, with blanks for whatever moves the cursor, colours or hides."""
    shown = (" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text[: 4 * limit])
    short = " ".join("".join(shown).split())
    return short if len(short) <= limit else short[: limit - 1] + "…"


def place(url: str) -> str:
    """Scheme and host of a link, which is all that a text may say of it."""
    found = _LINK.match(url)
    return found[1] + found[2].split("/")[0] + "/…" if found else "a link that is no URL"


_SECRET_ELEMENTS = re.compile(
    r"<(\w*(?:Signature|StringToSign|CanonicalRequest|AccessKey|Token|Credential)\w*)\b[^>]*>.*?(?:</\1>|$)",
    re.IGNORECASE | re.DOTALL,
)


_LINKS = re.compile(r"[a-z][a-z0-9+.-]*:(?:\\?/){2}[^\s\"'<>]*", re.IGNORECASE)


_SECRET_PAIRS = re.compile(
    r"[\w-]*(?:signature|credential|token|authorization|expires|policy|api-?key|\bsig|\bse|\bsp|\bsv)[\w-]*"
    r"(?:\"\s*:\s*\"?|\s*[=:]\s*|%3d)[^\s&<\",}]+",
    re.IGNORECASE,
)


_LONG_WORDS = re.compile(r"[A-Za-z0-9+/=_%.-]{32,}")


_READ = 65536


def excerpt(body: bytes, limit: int = 200) -> str:
    """The first printable characters of a page, with links, signatures and long words cut out; "(no text)" of none.

    Args:
        limit: characters at most.
    """
    text = body[:_READ].decode("utf-8-sig", errors="replace")
    if text.count("\ufffd") > len(text) // 8:
        return "(no text)"
    text = _SECRET_ELEMENTS.sub(r"<\1>…</\1>", text)
    for pattern in (_LINKS, _SECRET_PAIRS, _LONG_WORDS):
        text = pattern.sub("…", text)
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return plain[:limit]
