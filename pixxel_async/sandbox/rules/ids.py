"""Ids and small choices that depend on the seed and on what they are for, and on nothing else."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID


def digest(*parts: object) -> bytes:
    """32 bytes that stand for these parts, whatever the process."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()


def uuid(*parts: object) -> str:
    """A version 4 UUID drawn from the parts."""
    return str(UUID(bytes=digest(*parts)[:16], version=4))


def number(limit: int, *parts: object) -> int:
    """A whole number in [0, limit) drawn from the parts."""
    return int.from_bytes(digest(*parts)[:8], "big") % limit


def share(*parts: object) -> float:
    """A number in [0, 1) drawn from the parts."""
    return number(1 << 53, *parts) / (1 << 53)


def tag(*parts: object) -> str:
    """A strong entity tag drawn from the parts, quotes included."""
    return f'"{digest(*parts).hex()[:32]}"'


def signature(secret: bytes, text: str) -> str:
    """The text's signature under this secret, as 64 hex digits."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
