"""What a page that came in place of a file says, fit for a message: printable, short, without anything secret."""

from __future__ import annotations

import re

__all__ = ["excerpt"]

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
