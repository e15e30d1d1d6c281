"""What the file system says about a final name."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Final"]


class Final(NamedTuple):
    """What is at the final name.

    Attributes:
        regular: whether it is a plain file; a link, folder or device is none.
        size, mtime_ns: as the file system tells.
        link: whether it is a symbolic link, which may be replaced but is never followed.
    """

    regular: bool
    size: int = 0
    mtime_ns: int = 0
    link: bool = False
