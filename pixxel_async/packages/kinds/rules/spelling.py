"""Ids as text: single ones one below the other, lists behind their names, as in `A/B/inputs=x,y`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from urllib.parse import quote, unquote

Ids = Iterable[tuple[str, str | tuple[str, ...]]]
"""Names with an id, or with a list of ids."""

_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")


def spell(ids: Ids) -> str:
    """The ids in one text; an empty list is left out."""
    return "/".join([encode(each) if isinstance(each, str) else _part(name, each) for name, each in ids if each])


def read(text: str, single: Sequence[str], lists: Collection[str]) -> dict[str, str | tuple[str, ...]] | None:
    """What `spell` was given, or None for other texts.

    Args:
        single: the names of the single ids, in order.
        lists: the names that lists may have.
    """
    parts = text.split("/")
    found: dict[str, str | tuple[str, ...]] = dict(zip(single, map(decode, parts), strict=False))
    for part in parts[len(single) :]:
        name, _, ids = part.partition("=")
        if name not in lists or name in found:
            return None
        found[name] = tuple(map(decode, ids.split(",")))
    whole = len(parts) >= len(single) and not any("=" in part for part in parts[: len(single)])
    return found if whole and all(each and all(each) for each in found.values()) else None


def _part(name: str, ids: tuple[str, ...]) -> str:
    return f"{name}={','.join(map(encode, ids))}"


def encode(id: str) -> str:
    """An id with everything percent-encoded that is no letter, digit, `-`, `.`, `_` or `~`."""
    return id if _PLAIN.fullmatch(id) else quote(id, safe="", errors="surrogatepass")


def decode(text: str) -> str:
    """What `encode` was given."""
    return unquote(text, errors="surrogatepass")


def digest(text: str) -> str:
    """The SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
