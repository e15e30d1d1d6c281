"""Which bytes of a part file are there, while several connections fill it: sorted regions, the first from byte 0.

The first region is the prefix: what a single stream would have written, and what is digested.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable

__all__ = ["Region", "Regions", "add", "clipped", "from_text", "gaps", "next_piece", "size_of", "to_text"]

Region = tuple[int, int]
"""Its first byte, and the byte after its last."""
Regions = tuple[Region, ...]


def add(regions: Iterable[Region], new: Region) -> Regions:
    """The regions with one more, joined where they touch or overlap; the first begins at byte 0 even if it is empty."""
    merged: list[Region] = [(0, 0)]
    for start, end in sorted((*regions, new)):
        first, last = merged[-1]
        if start <= last:
            merged[-1] = (first, max(last, end))
        else:
            merged.append((start, end))
    return tuple(merged)


def clipped(regions: Regions, size: int) -> Regions:
    """The regions as far as they lie in a file of that size."""
    kept = tuple((start, min(end, size)) for start, end in regions if start < size)
    return kept or ((0, 0),)


def gaps(regions: Iterable[Region], total: int) -> Regions:
    """What is not there, in order."""
    joined = add(regions, (total, total))
    return tuple((end, start) for (_, end), (start, _) in itertools.pairwise(joined))


def next_piece(free: Regions, lines: int, most: int) -> Region | None:
    """What one connection is to fetch next: the earliest bytes that are free, so that the prefix grows.

    Towards the end of a body pieces get smaller, down to an eighth, so that all connections are done at the same time.

    Args:
        free: what is neither there nor on its way.
        lines: connections that share it.
        most: bytes of one piece.
    """
    if not free:
        return None
    start, end = free[0]
    smallest = most // 8
    share = min(max(size_of(free) // lines, smallest), most)
    return (start, end if end - start < share + smallest else start + share)


def size_of(regions: Iterable[Region]) -> int:
    """Bytes in all of them."""
    return sum(end - start for start, end in regions)


def to_text(regions: Regions) -> str:
    """As the record keeps them."""
    return json.dumps(regions, separators=(",", ":"))


def from_text(text: str) -> Regions | None:
    """What the record kept; None when it makes no sense, and nothing beyond what is surely there can be trusted."""
    try:
        pairs = [(int(start), int(end)) for start, end in json.loads(text)]
    except (ValueError, TypeError, RecursionError):
        return None
    flat = [number for pair in pairs for number in pair]
    sound = flat and flat[0] == 0 and flat == sorted(flat)
    return tuple(pairs) if sound else None
