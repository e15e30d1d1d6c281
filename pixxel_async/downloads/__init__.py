"""Many packages to disk: complete and proved under their final names, whatever is cut off, killed or full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .batch import Outcomes
    from .events_hub import Snapshot
    from .manager import DownloadManager
    from .plan import Planned
    from .plan import dry_run as dry_run
    from .record import Record, Row
    from .record.merge import Merged, merge
    from .rules.file_names import check_template as check_template
    from .transfer import Progress, Transfer
    from .verify import Verified, verify_folder, verify_sums, write_sums

_HOMES = {
    "batch": ("Outcomes",),
    "events_hub": ("Snapshot",),
    "manager": ("DownloadManager",),
    "plan": ("Planned", "dry_run"),
    "record": ("Record", "Row"),
    "record.merge": ("Merged", "merge"),
    "rules.file_names": ("check_template",),
    "transfer": ("Progress", "Transfer"),
    "verify": ("Verified", "verify_folder", "verify_sums", "write_sums"),
}
"""The module of each name; imported when the name is first used: `pixxel list` needs only the record. Names that only
the command line needs are not in `__all__`."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

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
    "merge",
    "verify_folder",
    "verify_sums",
    "write_sums",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _HOME_OF)
