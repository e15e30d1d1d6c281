"""Decompression by Content-Encoding; aiohttp's own would lose the status of a body that fails to decompress."""

from __future__ import annotations

import zlib

__all__ = ["BodyDecoder", "coding_of"]

PIECE = 1 << 20
"""Most bytes of one piece, so that a small body cannot fill the memory at once."""
_COMPRESSIONS = frozenset({"gzip", "deflate", "br", "zstd", "compress", "dcb", "dcz"})
"""Codings that change bytes. Others, such as `identity`, `aws-chunked` or a charset by mistake, change none."""


def coding_of(header: str) -> str:
    """Return the compression named by a Content-Encoding header; "" for none, several joined with commas."""
    names = (name.strip().lower().removeprefix("x-") for name in header.split(","))
    return ", ".join(name for name in names if name in _COMPRESSIONS)


class BodyDecoder:
    """Decompress a body that arrives in chunks.

    Args:
        coding: `gzip` or `deflate`; deflate with or without the zlib header, as servers send both.

    Attributes:
        complete: whether nothing is missing: the compressed stream has ended, or nothing came.
    """

    def __init__(self, coding: str) -> None:
        self.complete = True
        self._gzip = coding == "gzip"
        self._stream: zlib._Decompress | None = None
        self._input = b""

    def give(self, chunk: bytes) -> None:
        """Add received bytes."""
        self._input += chunk

    def take(self) -> bytes:
        """Return the next piece, at most `PIECE` bytes; b"" if more input is needed. Raises `zlib.error`."""
        while self._input:
            if self._stream is None:
                self._stream = zlib.decompressobj(31 if self._gzip else 15 if self._input[0] & 15 == 8 else -15)
            piece = self._stream.decompress(self._input, PIECE)
            self._input = self._stream.unconsumed_tail
            self.complete = self._stream.eof
            if self._stream.eof:  # another member of a gzip file may follow
                self._input, self._stream = self._stream.unused_data if self._gzip else b"", None
            if piece:
                return piece
        return b""
