"""Track which bytes of a part file are present while several connections fill it: sorted regions, the first from byte
0.

The first region is the prefix: the bytes that a single connection would have written, which are hashed.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable

__all__ = ["Region", "Regions", "add", "clip", "from_text", "gaps", "next_piece", "size_of", "to_text"]

Region = tuple[int, int]
"""First byte, and the byte after the last."""
Regions = tuple[Region, ...]


def add(regions: Iterable[Region], new: Region) -> Regions:
    """Add a region, merged where it touches or overlaps others; the first begins at byte 0 even if it is empty."""
    merged: list[Region] = [(0, 0)]
    for start, end in sorted((*regions, new)):
        first, last = merged[-1]
        if start <= last:
            merged[-1] = (first, max(last, end))
        else:
            merged.append((start, end))
    return tuple(merged)


def clip(regions: Regions, size: int) -> Regions:
    """Clip regions to a file of that size."""
    kept = tuple((start, min(end, size)) for start, end in regions if start < size)
    return kept or ((0, 0),)


def gaps(regions: Iterable[Region], total: int) -> Regions:
    """Return the missing ranges, in order."""
    joined = add(regions, (total, total))
    return tuple((end, start) for (_, end), (start, _) in itertools.pairwise(joined))


def next_piece(free: Regions, lines: int, *, least: int, most: int) -> Region | None:
    """Choose the next range for a connection: the earliest free bytes, so that the prefix grows.

    Towards the end of a body pieces shrink, so that all connections finish together.

    Args:
        free: ranges that are neither present nor requested.
        lines: connections that share them.
        least, most: bytes of one piece; the last one may be up to twice as long as `least`.
    """
    if not free:
        return None
    start, end = free[0]
    share = min(max(-(-size_of(free) // lines), least), most)
    return (start, end if end - start < share + least else start + share)


def size_of(regions: Iterable[Region]) -> int:
    """Return the total bytes of regions."""
    return sum(end - start for start, end in regions)


def to_text(regions: Regions) -> str:
    """Render regions for the record."""
    return json.dumps(regions, separators=(",", ":"))


def from_text(text: str) -> Regions | None:
    """Parse the record's regions; None if they are malformed: then only the synced bytes can be trusted."""
    try:
        pairs = [(int(start), int(end)) for start, end in json.loads(text)]
    except (ValueError, TypeError, RecursionError):
        return None
    flat = [number for pair in pairs for number in pair]
    sound = flat and flat[0] == 0 and flat == sorted(flat)
    return tuple(pairs) if sound else None
