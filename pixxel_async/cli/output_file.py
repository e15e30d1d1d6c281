"""Write files that the user named."""

from __future__ import annotations

from pathlib import Path

from .._files import write_atomically
from .errors import CommandError, Exit
from .text import printable


def write_output(path: Path, content: bytes) -> None:
    """Write a whole file: a regular one is replaced atomically, a device or pipe such as `/dev/stdout` written into.

    Raises:
        CommandError: it cannot be written; a file that was there before is as it was.
    """
    try:
        if path.is_file() or not path.exists():
            write_atomically(path.resolve(), [content])
        else:
            path.write_bytes(content)
    except OSError as error:
        name = printable(str(path))
        raise CommandError(f"{name} cannot be written: {error.strerror or type(error).__name__}", Exit.DISK) from None
