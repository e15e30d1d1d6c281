"""Packages: their kinds and ids, their state, their signed links, and reading their bytes without a folder."""

from __future__ import annotations

from .kinds.kinds import KINDS as KINDS
from .kinds.kinds import (
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
from .kinds.package_like import PackageEntry as PackageEntry
from .kinds.package_like import as_entry as as_entry
from .kinds.package_like import as_package as as_package
from .kinds.package_like import parse_package
from .link import Link
from .packages import Packages as Packages
from .reading.member_stream import MemberStream
from .reading.passthrough import PackageStream
from .reading.zip_directory import Member
from .state import PackageState

__all__ = [
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
    "SignedLink",
    "TaskPackage",
    "parse_package",
]
