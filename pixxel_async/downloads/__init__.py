"""Many packages to disk: complete and proved under their final names, whatever is cut off, killed or full."""

from __future__ import annotations

from .batch import Outcomes
from .events_hub import Snapshot
from .manager import DownloadManager
from .plan import Planned, dry_run
from .record import Merged, Record, Row, merge
from .rules.file_names import check_template
from .transfer import Progress, Transfer
from .verify import Verified, verify_folder, verify_sums, write_sums

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
    "check_template",
    "dry_run",
    "merge",
    "verify_folder",
    "verify_sums",
    "write_sums",
]
