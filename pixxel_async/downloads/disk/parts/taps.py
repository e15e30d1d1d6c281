"""Consumers of the bytes of a package, fed once and in order by the thread that writes them."""

from __future__ import annotations

import hashlib

from ...._formats.zip_stream import StreamSummary, ZipStreamChecker
from ..syscalls import Buffer

__all__ = ["StreamTaps"]


class StreamTaps:
    """A SHA-256 and a streaming check of ZIP members; both begin at byte 0.

    Args:
        digest: whether the SHA-256 is computed.
        unpack: whether ZIP members are checked on the way, which saves reading the file again.
    """

    def __init__(self, *, digest: bool, unpack: bool) -> None:
        self._chosen = (digest, unpack)
        self.start_over()

    def start_over(self) -> None:
        """Restart at byte 0."""
        digest, unpack = self._chosen
        self._hash = hashlib.sha256() if digest else None
        self._passage = ZipStreamChecker() if unpack else None

    def update(self, data: Buffer, /) -> None:
        """Feed the next bytes."""
        if self._hash is not None:
            self._hash.update(data)
        if self._passage is not None:
            self._passage.update(data)

    def stop_unpacking(self) -> None:
        """Check no members any more: the proof gets all bytes from memory."""
        self._passage = None

    @property
    def any(self) -> bool:
        """Whether any consumer is left."""
        return self._hash is not None or self._passage is not None

    def digest(self) -> bytes | None:
        """Return the SHA-256 of all bytes fed; None if it is not computed."""
        return None if self._hash is None else self._hash.digest()

    @property
    def seen(self) -> StreamSummary | None:
        """The summary of the checked members; None if they have to be read from the file."""
        return None if self._passage is None else self._passage.seen
