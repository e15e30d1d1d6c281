"""Open text files named by the user: any Unicode encoding, regular files, pipes and stdin, each read once."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader, TextIOWrapper
from typing import Any

from ..._files import open_named
from ..._formats.text_encoding import PEEK_BYTES, detect_encoding
from ...errors import ConfigError

STDIN = "-"
"""The name of stdin."""


@contextmanager
def open_text(path: str, purpose: str) -> Iterator[TextIOWrapper]:
    """Open a text file; line ends are kept, undecodable bytes are mapped to lone surrogates where UTF-8 has them.

    Args:
        path: path of a regular file, or of a pipe as `/dev/stdin` and `<(…)` name it; `-` is stdin.
        purpose: the file's purpose, for the error: `the manifest`.

    Raises:
        ConfigError: it cannot be opened, or is a folder, a device or a pipe in a folder.
    """
    failed = f"cannot read {purpose} {path}"
    with ExitStack() as stack:
        try:
            raw: Any = sys.stdin.buffer if path == STDIN else stack.enter_context(open(open_named(path), "rb"))
            file = raw if hasattr(raw, "peek") else BufferedReader(raw)
            codec = detect_encoding(file.peek(PEEK_BYTES)[:PEEK_BYTES])
        except OSError as error:
            raise ConfigError(f"{failed}: {error.strerror}") from None
        errors = "surrogateescape" if codec.startswith("utf-8") else "replace"
        text = TextIOWrapper(file, encoding=codec, errors=errors, newline="")
        try:
            yield text
        except OSError as error:
            raise ConfigError(f"{failed}: {error.strerror}") from None
        finally:
            text.detach()
            if file is not raw:
                file.detach()


def read_text(path: str, purpose: str, *, limit: int) -> str:
    """Read a whole text file.

    Args:
        path: as in `open_text`.
        purpose: the file's purpose, for the error.
        limit: maximum of characters.

    Raises:
        ConfigError: it cannot be opened, is longer than the limit, or is not text.
    """
    with open_text(path, purpose) as file:
        text = file.read(limit + 1)
    if len(text) > limit:
        raise ConfigError(f"cannot read {purpose} {path}: it is longer than {limit:,} characters")
    if not is_text(text):
        raise ConfigError(f"cannot read {purpose} {path}: it is not UTF-8 or UTF-16 text")
    return text


def is_text(text: str) -> bool:
    """Return whether all bytes were characters, and none NUL."""
    return "\0" not in text and (
        text.isascii() or not any("\udc80" <= char <= "\udcff" or char == "\ufffd" for char in text)
    )


def can_be_read_twice(path: str) -> bool:
    """Return whether the path is a regular file; a pipe is empty after its first reading."""
    try:
        return path != STDIN and stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return path != STDIN
