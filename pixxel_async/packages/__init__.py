"""Packages: their kinds and ids, their state, their signed links, and reading their bytes without a folder."""

from __future__ import annotations

from .kinds.kinds import (
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
from .kinds.package import Package
from .kinds.wanted import Wanted, as_package, as_wanted, parse_package
from .link import Link
from .packages import Packages
from .reading.member_stream import MemberStream
from .reading.passthrough import PackageStream
from .reading.zip_directory import Member
from .state import PackageState

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
    "as_wanted",
    "parse_package",
]
