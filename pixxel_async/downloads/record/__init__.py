"""The record of packages done and under way: one SQLite file, one commit thread, group commits, leases."""

from .merge import Merged, merge
from .record import Record
from .rows import Claim, Row, RowState

__all__ = ["Claim", "Merged", "Record", "Row", "RowState", "merge"]
