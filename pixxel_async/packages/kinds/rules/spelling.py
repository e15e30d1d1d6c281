"""The text form of ids: single ids separated by `/`, then lists behind their names, as in `A/B/inputs=x,y`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from urllib.parse import quote, unquote

Ids = Iterable[tuple[str, str | tuple[str, ...]]]
"""Pairs of a name and an id, or a name and a list of ids."""

_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")


def spell(ids: Ids) -> str:
    """Format ids as text; empty lists are left out."""
    parts = [encode(id) if isinstance(id, str) else f"{name}={','.join(map(encode, id))}" for name, id in ids if id]
    return "/".join(parts)


def read(text: str, single: Sequence[str], lists: Collection[str]) -> dict[str, str | tuple[str, ...]] | None:
    """Parse a text that `spell` wrote; return None for any other text.

    Args:
        single: names of the single ids, in order.
        lists: names that lists may have.
    """
    parts = text.split("/")
    fields: dict[str, str | tuple[str, ...]] = dict(zip(single, map(decode, parts), strict=False))
    for part in parts[len(single) :]:
        name, _, ids = part.partition("=")
        if name not in lists or name in fields:
            return None
        fields[name] = tuple(map(decode, ids.split(",")))
    complete = len(parts) >= len(single) and not any("=" in part for part in parts[: len(single)])
    return fields if complete and all(each and all(each) for each in fields.values()) else None


def encode(id: str) -> str:
    """Percent-encode everything except the unreserved characters of RFC 3986."""
    return id if _PLAIN.fullmatch(id) else quote(id, safe="", errors="surrogatepass")


def decode(text: str) -> str:
    """Undo `encode`."""
    return unquote(text, errors="surrogatepass")


def digest(text: str) -> str:
    """Return the SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
