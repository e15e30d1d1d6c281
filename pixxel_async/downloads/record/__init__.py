"""What is done and what is under way: one SQLite file, one writer thread, grouped commits, leases between processes."""

from .merge import Merged, merge
from .record import Record
from .rows import Claim, Row, RowState

__all__ = ["Claim", "Merged", "Record", "Row", "RowState", "merge"]
