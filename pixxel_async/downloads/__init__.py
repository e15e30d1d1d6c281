"""Many packages to disk: complete and proved under their final names, whatever is cut off, killed or full."""

from __future__ import annotations

from .board import Snapshot
from .checks import Verified, verify_folder, verify_sums
from .dry_run import dry_run
from .manager import DownloadManager
from .outcomes import Outcomes
from .plan import Planned
from .record import Merged, Record, Row, merge
from .sums import write_sums
from .transfer import Progress, Transfer

__all__ = [
    "DownloadManager",
    "Merged",
    "Outcomes",
    "Planned",
    "Progress",
    "Record",
    "Row",
    "Snapshot",
    "Transfer",
    "Verified",
    "dry_run",
    "merge",
    "verify_folder",
    "verify_sums",
    "write_sums",
]
