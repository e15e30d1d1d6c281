"""Status of a final name in the file system."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Final"]


class Final(NamedTuple):
    """Status of the final name.

    Attributes:
        regular: whether it is a regular file, and no link, folder or device.
        size, mtime_ns: in bytes and in nanoseconds since 1970.
        link: whether it is a symbolic link, which may be replaced but is never followed.
    """

    regular: bool
    size: int = 0
    mtime_ns: int = 0
    link: bool = False
