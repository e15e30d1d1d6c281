"""Deterministic ids and choices, derived from the seed and their purpose."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from uuid import UUID


def digest(*parts: object) -> bytes:
    """Hash the parts to 32 bytes, equal in every process."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()


@lru_cache(maxsize=4096, typed=True)
def uuid(*parts: object) -> str:
    """Draw a version 4 UUID from the parts, which are hashable; those of one seed are cached for its next sandbox."""
    return str(UUID(bytes=digest(*parts)[:16], version=4))


def number(limit: int, *parts: object) -> int:
    """Draw an integer in [0, limit) from the parts."""
    return int.from_bytes(digest(*parts)[:8], "big") % limit


def share(*parts: object) -> float:
    """Draw a number in [0, 1) from the parts."""
    return number(1 << 53, *parts) / (1 << 53)


def tag(*parts: object) -> str:
    """Draw a strong entity tag from the parts, quotes included."""
    return f'"{digest(*parts).hex()[:32]}"'


def signature(secret: bytes, text: str) -> str:
    """Sign a text with a secret; return 64 hex digits."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
