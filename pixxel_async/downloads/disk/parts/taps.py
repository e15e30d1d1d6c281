"""Those who are shown each byte of a package once, in order, by the thread that writes it."""

from __future__ import annotations

import hashlib

from ...._formats.zip_stream import StreamSummary, ZipStreamChecker
from ..syscalls import Buffer

__all__ = ["StreamTaps"]


class StreamTaps:
    """A digest, and one who unpacks the members of a ZIP as they pass by; both begin at byte 0.

    Args:
        digest: whether the SHA-256 is wanted.
        unpack: whether members are unpacked, so that the file need not be read again to prove it.
    """

    def __init__(self, *, digest: bool, unpack: bool) -> None:
        self._wanted = (digest, unpack)
        self.start_over()

    def start_over(self) -> None:
        """The next byte is byte 0."""
        digest, unpack = self._wanted
        self._hash = hashlib.sha256() if digest else None
        self._passage = ZipStreamChecker() if unpack else None

    def update(self, data: Buffer, /) -> None:
        """Show them the next bytes."""
        if self._hash is not None:
            self._hash.update(data)
        if self._passage is not None:
            self._passage.update(data)

    def leave_the_rest(self) -> None:
        """Nothing more is unpacked on the way: whoever proves has all bytes at hand."""
        self._passage = None

    @property
    def any(self) -> bool:
        """Whether there is anybody to show bytes to."""
        return self._hash is not None or self._passage is not None

    def digest(self) -> bytes | None:
        """The SHA-256 of everything that was shown; None when none was wanted."""
        return None if self._hash is None else self._hash.digest()

    @property
    def seen(self) -> StreamSummary | None:
        """The members of the ZIP that passed by, all of them sound; None if they have to be looked at in the file."""
        return None if self._passage is None else self._passage.seen
