"""One package: what names it, how it stands, and the signed link to its bytes."""

from __future__ import annotations

from .kinds import (
    KINDS,
    AssetPackage,
    CatalogPackage,
    IndexPicture,
    InsightPackage,
    JobPackage,
    OrderReport,
    SignedLink,
    TaskPackage,
)
from .link import Link
from .member_stream import MemberStream
from .members import Member
from .package import Package
from .packages import Packages
from .state import PackageState
from .stream import PackageStream
from .wanted import Wanted, as_package, parse_package, wanted

__all__ = [
    "KINDS",
    "AssetPackage",
    "CatalogPackage",
    "IndexPicture",
    "InsightPackage",
    "JobPackage",
    "Link",
    "Member",
    "MemberStream",
    "OrderReport",
    "Package",
    "PackageState",
    "PackageStream",
    "Packages",
    "SignedLink",
    "TaskPackage",
    "Wanted",
    "as_package",
    "parse_package",
    "wanted",
]
