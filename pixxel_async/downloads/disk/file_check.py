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
    """What is wrong with a file that the row tells of; empty when nothing is. Runs in a thread."""
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
    """Whether a file holds what the row says: by its digest, or where none was kept, by proving it again."""
    if row.sha256 is not None:
        return digest_of(path) == row.sha256
    try:
        prove(path, expected_size=row.size)
    except PixxelError:
        return False
    return True


def digest_of(path: Path) -> str:
    """The SHA-256 of a file in hex; runs in a thread."""
    with open(open_regular(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
