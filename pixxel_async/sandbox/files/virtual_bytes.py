"""Byte sequences of any size made of repeating pieces: read anywhere, never held whole."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from attrs import field, frozen

from ..rules.crc import join_crc, repeat_crc

_BLOCK = 1 << 18
"""Target bytes of one read step: few steps a second, yet small enough for socket buffers."""


@frozen
class Piece:
    """A block repeated to `length` bytes; the last repetition may be cut.

    Attributes:
        block: the repeating bytes.
        length: total bytes.
    """

    block: bytes = field(repr=False)
    length: int

    @classmethod
    def repeat(cls, block: bytes, length: int) -> Piece:
        """Make a long piece of a short block, lengthened so that it is read quickly."""
        return cls(block * max(1, min(_BLOCK // len(block), length // len(block))), length)

    def crc(self) -> int:
        """Return the CRC-32 of all its bytes."""
        if self.length <= len(self.block):
            return zlib.crc32(memoryview(self.block)[: self.length])
        times, rest = divmod(self.length, len(self.block))
        repeated = repeat_crc(zlib.crc32(self.block), len(self.block), times)
        return join_crc(repeated, zlib.crc32(self.block[:rest]), rest)

    def read(self, start: int, stop: int) -> Iterator[memoryview]:
        """Yield the bytes from start to stop in blocks."""
        view, size = memoryview(self.block), len(self.block)
        while start < stop:
            inside = start % size
            end = min(size, inside + stop - start)
            yield view[inside:end]
            start += end - inside


class VirtualBytes:
    """Pieces in sequence."""

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self._pieces = [piece for piece in pieces if piece.length]
        self._ends = list(accumulate(piece.length for piece in self._pieces))
        self.size = self._ends[-1] if self._ends else 0

    @classmethod
    def of(cls, body: bytes) -> VirtualBytes:
        """Wrap these bytes."""
        return cls([Piece(body, len(body))])

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Its pieces."""
        return tuple(self._pieces)

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
        """Yield the bytes from start to stop as views of at most a block each."""
        stop = self.size if stop is None else min(stop, self.size)
        at = bisect_right(self._ends, start)
        while start < stop:
            piece, end = self._pieces[at], self._ends[at]
            begin = end - piece.length
            yield from piece.read(start - begin, min(stop, end) - begin)
            start, at = end, at + 1

    def read_all(self) -> bytes:
        """Return all bytes at once; for small ones."""
        return b"".join(self.read())

    def crc(self) -> int:
        """Return the CRC-32 of all bytes."""
        total = 0
        for piece in self._pieces:
            total = join_crc(total, piece.crc(), piece.length)
        return total
