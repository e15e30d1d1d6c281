"""Write files that the user named."""

from __future__ import annotations

import sys
from pathlib import Path

from .._publish import write_atomically
from .errors import CommandError, Exit
from .text import printable


def write_output(path: Path, content: bytes) -> None:
    """Write a whole file: a regular one is replaced atomically, a device or pipe is written into.

    Args:
        path: path of the file; `-` is stdout.

    Raises:
        CommandError: its folder does not exist, or it cannot be written; a file that was there before is as it was.
    """
    if path == Path("-"):
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    if not path.parent.is_dir():
        raise CommandError(f"there is no folder {printable(str(path.parent))}; create it first")
    try:
        if path.is_file() or not path.exists():
            write_atomically(path.resolve(), [content])
        else:
            path.write_bytes(content)
    except OSError as error:
        name = printable(str(path))
        if not path.parent.is_dir():
            raise CommandError(f"{name} cannot be written: there is no folder {printable(str(path.parent))}") from None
        raise CommandError(f"{name} cannot be written: {error.strerror or type(error).__name__}", Exit.DISK) from None
