"""A byte range of one archive member, by one range request where the member is stored uncompressed."""

from __future__ import annotations

from ..._formats.zip_member import unsupported_reason
from ..._formats.zip_structure import LOCAL_SIZE, check_local, local_rest
from ..._protocol.ranges import ByteRange
from ...errors import ConfigError, Corrupt, DownloadError, TooLarge
from .member_stream import MemberStream
from .upstream import BodySource
from .zip_directory import Member, read_range

__all__ = ["MemberStarts", "read_part"]

_STORED = 0
"""The compression method of members whose bytes lie in the archive as they are."""
_EXTRA = 1024
"""Bytes that are fetched for the extra field of a local header; a longer one costs another request."""
_KEPT = 16_384


class MemberStarts:
    """Remembers where the data of members begins, which only their local headers say."""

    def __init__(self) -> None:
        self._starts: dict[tuple[str, int, str], int] = {}

    async def find(self, source: BodySource, member: Member) -> int:
        """Return the offset of a member's first data byte in the archive; compare its local header, once."""
        key = str(source.package), member.entry.offset, member.version.etag
        if key not in self._starts:
            if len(self._starts) >= _KEPT:
                self._starts.clear()
            self._starts[key] = await _data_start(source, member)
        return self._starts[key]


async def _data_start(source: BodySource, member: Member) -> int:
    entry = member.entry
    begin, most = entry.offset, min(member.stop, entry.offset + LOCAL_SIZE + len(entry.raw_name) + _EXTRA)
    head = await read_range(source, ByteRange(begin, most - 1), member.version)
    rest = local_rest(head[:LOCAL_SIZE])
    if LOCAL_SIZE + rest > len(head):
        head = await read_range(source, ByteRange(begin, begin + LOCAL_SIZE + rest - 1), member.version)
    check_local(head[:LOCAL_SIZE], head[LOCAL_SIZE : LOCAL_SIZE + rest], entry)
    data = begin + LOCAL_SIZE + rest
    if data + entry.packed > member.stop:
        raise Corrupt(f"{entry.name[:80]!r} and what follows it in the archive overlap or leave a gap")
    return data


async def read_part(
    source: BodySource, member: Member, start: int, stop: int | None, starts: MemberStarts, *, most: int, timeout: float
) -> bytes:
    """Return the bytes of a member from `start` up to `stop`; those behind its end are left out.

    Raises:
        TooLarge: they are more than `most`.
        DownloadError: the member is encrypted or uses another compression method, or the storage refuses.
    """
    end = member.size if stop is None else min(stop, member.size)
    if start < 0 or (stop is not None and stop < start):
        raise ConfigError(f"a part of a member is 0 <= start <= stop, not {start} to {stop}")
    if reason := unsupported_reason(member.entry):
        raise source.error(DownloadError, f"{member.name[:80]!r}: {reason}", final=True)
    if end - start > most:
        raise source.error(TooLarge, f"{end - start:,} bytes of {member.name[:80]!r} are asked for, allowed {most:,}")
    if end <= start:
        return b""
    if member.entry.method != _STORED:
        return await _inflate(source, member, start, end, timeout)
    data = await starts.find(source, member)
    return await read_range(source, ByteRange(data + start, data + end - 1), member.version)


async def _inflate(source: BodySource, member: Member, start: int, end: int, timeout: float) -> bytes:
    """Inflate a member from its beginning, and keep the wanted part."""
    at, pieces = 0, []
    async with MemberStream(source, member, timeout=timeout) as stream:
        async for piece in stream:
            pieces.append(piece[max(0, start - at) : max(0, end - at)])
            at += len(piece)
            if at >= end:
                break
    return b"".join(pieces)
