"""SOZip: the index of a compressed member, for readers that seek in it; a stored member that the directory leaves out.

The index stands directly behind the member that it indexes. Source: the SOZip specification 0.5.
"""

from __future__ import annotations

from ..errors import Corrupt
from .zip_entry import STORED, Entry
from .zip_structure import DESCRIPTOR_LENGTHS, LOCAL_MARK, LOCAL_SIZE, parse_local

__all__ = ["check_index", "find_index", "gap_size", "index_name"]


def index_name(raw_name: bytes) -> bytes:
    """Return the name of a member's SOZip index: `a/b.tif` → `a/.b.tif.sozip.idx`."""
    folder, slash, file = raw_name.rpartition(b"/")
    return folder + slash + b"." + file + b".sozip.idx"


def gap_size(entry: Entry) -> int:
    """Return the bytes behind a member that `find_index` needs: the longest descriptor, and an index's header."""
    return DESCRIPTOR_LENGTHS[-1] + LOCAL_SIZE + len(index_name(entry.raw_name))


def find_index(gap: bytes, entry: Entry, *, streamed: bool) -> int | None:
    """Find the header of the member's SOZip index behind its bytes; None if there is no index.

    Args:
        gap: the first `gap_size` bytes between the member's compressed bytes and the next listed member.
        streamed: whether a data descriptor comes first.
    """
    name = index_name(entry.raw_name)
    places = (at for at in (DESCRIPTOR_LENGTHS if streamed else (0,)) if gap.startswith(LOCAL_MARK, at))
    return next((at for at in places if gap.startswith(name, at + LOCAL_SIZE)), None)


def check_index(header: bytes, rest: bytes, entry: Entry) -> int:
    """Return the bytes of a SOZip index after its local header.

    Raises:
        Corrupt: the header is not that of the member's index: stored, in clear, of known length.
    """
    index = parse_local(header, rest, 0)
    plain = index.method == STORED and index.packed == index.size and not index.encrypted and not index.streamed
    if not plain or index.raw_name != index_name(entry.raw_name):
        raise Corrupt(f"what follows {entry.name[:80]!r} in the archive is not its index")
    return index.size
