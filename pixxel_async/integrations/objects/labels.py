"""Labels beside an object's bytes: its type, the digest that was proved, and when.

The time is written as other tools write it (`mtime`, seconds since 1970), and comes back to the nanosecond, so that it
stands for the object in the record as a file's does.
"""

from __future__ import annotations

import mimetypes
import re
from typing import TYPE_CHECKING

from obstore.store import LocalStore

if TYPE_CHECKING:
    from obstore import Attributes, GetResult
    from obstore.store import ObjectStore as Store

    from ...downloads.record import Row

__all__ = ["labels_of", "proved_at"]

_MTIME = re.compile(r"(\d+)\.(\d{9})")
_SECOND = 1_000_000_000


def labels_of(store: Store, name: str, row: Row) -> Attributes | None:
    """Return the labels of a proved file; None for a store that keeps none."""
    if isinstance(store, LocalStore):
        return None
    labels: Attributes = {"Content-Type": mimetypes.guess_type(name)[0] or "application/octet-stream"}
    if row.sha256 is not None:
        labels["sha256"] = row.sha256
    if row.mtime_ns is not None:
        labels["mtime"] = f"{row.mtime_ns // _SECOND}.{row.mtime_ns % _SECOND:09d}"
    return labels


def proved_at(head: GetResult) -> int:
    """Return the time in an object's label, in nanoseconds since 1970; without a label that of its last change."""
    match = _MTIME.fullmatch(head.attributes.get("mtime", ""))
    if match is not None:
        return int(match[1]) * _SECOND + int(match[2])
    return round(head.meta["last_modified"].timestamp() * 1_000_000) * 1000
