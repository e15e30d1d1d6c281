"""A stream of one archive member, inflated as it arrives; its CRC-32 is checked before the iteration ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Self

from ..._aio.deadline import Deadline
from ..._formats.sozip import find_index, gap_size
from ..._formats.zip_member import MemberDecoder, unsupported_reason
from ..._formats.zip_structure import LOCAL_SIZE, check_descriptor, check_local, is_streamed, local_rest
from ...errors import ConfigError, Corrupt, DownloadError, TooLarge
from .byte_stream import ByteStream
from .upstream import BodySource, Upstream
from .zip_directory import Member, open_part, pick, read_members

__all__ = ["MemberStream"]

_CHUNK = 1 << 18
"""Compressed bytes that are inflated by one call in a thread."""


class MemberStream(ByteStream):
    """One member of a package as an async iterator of bytes; created by `client.packages.open_member`.

    Use it as an async context manager; it can be iterated once. `member` describes the file. The iteration ends only
    if the bytes match the archive's CRC-32 and size; else it raises `Corrupt`, or `TimedOut` after the deadline.
    """

    def __init__(self, source: BodySource, member: str | Member, *, most: int | None = None, timeout: float) -> None:
        self._source = source
        self._member = member
        self._most = most
        self._deadline = Deadline(f"{source.package} was not read", timeout)
        self._upstream = Upstream(source)
        self._unused = b""
        self._chosen: Member | None = None
        self._pieces = self._unpack()

    @property
    def member(self) -> Member:
        """The member that is read."""
        if self._chosen is None:
            raise ConfigError("the member is not open: use it as an async context manager")
        return self._chosen

    async def open(self) -> Self:
        """Find the member and request its bytes; a second call does nothing.

        Raises:
            NoSuchMember: the name or pattern fits no member, or several.
            NoRanges: the storage does not support range requests.
            TooLarge: the member is larger than `max_bytes`.
            DownloadError: the member is encrypted or uses another compression method, or the storage refuses.
            TimedOut: the deadline has passed.
        """
        if self._chosen is None:
            async with self._deadline.start().bound():
                self._chosen = await self._find()
        return self

    async def _find(self) -> Member:
        source, sought = self._source, self._member
        member = pick(await read_members(source), sought, source) if isinstance(sought, str) else sought
        if reason := unsupported_reason(member.entry):
            raise source.error(DownloadError, f"{member.name[:80]!r}: {reason}", final=True)
        if self._most is not None and member.size > self._most:
            raise source.error(TooLarge, f"{member.name[:80]!r} has {member.size:,} bytes, allowed {self._most:,}")
        try:
            await open_part(self._upstream, source, member.range, member.version)
        except BaseException:
            await self._upstream.aclose()
            raise
        return member

    async def aclose(self) -> None:
        """Close the connection at once; a second call does nothing."""
        await self._upstream.aclose()
        with suppress(RuntimeError):  # another task is reading, and is ended by the closed connection
            await self._pieces.aclose()

    async def __anext__(self) -> bytes:
        try:
            async with self._deadline.bound():
                return await self._pieces.__anext__()
        except BaseException as error:
            await self._upstream.aclose()
            if isinstance(error, DownloadError):
                error.package = error.package or str(self._source.package)
            raise

    async def _unpack(self) -> AsyncGenerator[bytes, None]:
        """Yield the inflated bytes; compare local header, bytes and data descriptor with the central directory."""
        member, entry = self.member, self.member.entry
        header = await self._read_exactly(LOCAL_SIZE)
        rest = await self._read_exactly(local_rest(header))
        check_local(header, rest, entry)
        between = member.stop - entry.offset - len(header) - len(rest) - entry.packed
        if between < 0:
            raise Corrupt(f"{entry.name[:80]!r} and what follows it in the archive overlap or leave a gap")
        unpacking, remaining = MemberDecoder(entry), entry.packed
        while remaining:
            packed = await self._read_exactly(min(remaining, _CHUNK))
            remaining -= len(packed)
            unpacking.give(packed)
            while piece := await self._source.threads.run(unpacking.take):
                yield piece
        unpacking.end()
        gap = await self._read_exactly(min(between, gap_size(entry)))
        index = find_index(gap, entry, streamed=is_streamed(header))
        if is_streamed(header):
            check_descriptor(gap[: min(between, LOCAL_SIZE) if index is None else index], entry)
        elif between and index is None:
            raise Corrupt(f"{entry.name[:80]!r} and what follows it in the archive overlap or leave a gap")

    async def _read_exactly(self, length: int) -> bytes:
        while len(self._unused) < length:
            chunk = await self._upstream.read()
            if not chunk:
                raise Corrupt("the archive is cut off in a member")
            self._unused += chunk
        data, self._unused = self._unused[:length], self._unused[length:]
        return data

    def __repr__(self) -> str:
        return f"MemberStream({self._source.package}, {self._chosen or self._member!r})"
