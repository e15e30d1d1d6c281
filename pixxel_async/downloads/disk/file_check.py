"""Compare a file on disk with the record's row: size, then checksum or proof."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..._files import open_regular
from ...errors import PixxelError
from ..prove import prove

if TYPE_CHECKING:
    from ..record import Row


__all__ = ["damage", "digest_of", "same_bytes"]


def damage(path: Path, row: Row) -> str:
    """Describe how a file differs from its row; empty if it does not. Runs in a thread."""
    try:
        size = path.stat().st_size
        if size != row.size:
            return f"has {size:,} bytes, had {row.size or 0:,}"
        return "" if same_bytes(path, row) else "its bytes have changed"
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def same_bytes(path: Path, row: Row) -> bool:
    """Return whether a file has the row's SHA-256 or, without one, passes the proof again."""
    if row.sha256 is not None:
        return digest_of(path) == row.sha256
    try:
        prove(path, expected_size=row.size)
    except PixxelError:
        return False
    return True


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex; runs in a thread."""
    with open(open_regular(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
