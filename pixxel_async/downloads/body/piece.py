"""One range of a body under way: where it ends, and the bytes of it that are not written yet."""

from __future__ import annotations

from attrs import define, field

__all__ = ["Piece"]


@define(eq=False)
class Piece:
    """A range of a body that one connection reads, buffer by buffer.

    Attributes:
        at: first byte that is not written.
        end: the byte after its last.
        gathered: bytes that have arrived and are not written.
    """

    at: int
    end: int
    gathered: int = field(init=False, default=0)
    _chunks: list[bytes] = field(init=False, factory=list)

    @property
    def missing(self) -> int:
        """The bytes that have not arrived."""
        return self.end - self.at - self.gathered

    def gather(self, chunk: bytes) -> None:
        """Add the bytes that follow."""
        self._chunks.append(chunk)
        self.gathered += len(chunk)

    def take(self) -> list[bytes]:
        """Return the chunks that are to be written at `at`, which moves once they are: until then they are claimed."""
        chunks, self._chunks, self.gathered = self._chunks, [], 0
        return chunks
