"""An async-first SDK for Pixxel's hyperspectral imagery API, with a polling download manager."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from ._area import area as area
    from .client import PixxelClient as PixxelClient
    from .downloads import DownloadManager as DownloadManager
    from .downloads import Transfer as Transfer
    from .errors import APIError as APIError
    from .errors import BadRequest as BadRequest
    from .errors import ClientClosed as ClientClosed
    from .errors import ConfigError as ConfigError
    from .errors import Conflict as Conflict
    from .errors import ConnectionFailed as ConnectionFailed
    from .errors import Corrupt as Corrupt
    from .errors import DecodeError as DecodeError
    from .errors import DiskFull as DiskFull
    from .errors import DownloadError as DownloadError
    from .errors import Forbidden as Forbidden
    from .errors import IncompleteListing as IncompleteListing
    from .errors import KeyRefused as KeyRefused
    from .errors import LinkExpired as LinkExpired
    from .errors import NameTaken as NameTaken
    from .errors import NoRanges as NoRanges
    from .errors import NoSuchMember as NoSuchMember
    from .errors import NotAPackage as NotAPackage
    from .errors import NotFound as NotFound
    from .errors import OutcomeUnknown as OutcomeUnknown
    from .errors import PackageFailed as PackageFailed
    from .errors import PackageTimedOut as PackageTimedOut
    from .errors import PixxelError as PixxelError
    from .errors import RateLimited as RateLimited
    from .errors import ServerError as ServerError
    from .errors import Stalled as Stalled
    from .errors import TimedOut as TimedOut
    from .errors import TooLarge as TooLarge
    from .errors import UnexpectedRedirect as UnexpectedRedirect
    from .errors import UnsafeLink as UnsafeLink
    from .errors import WaitFailed as WaitFailed
    from .events import Downloaded as Downloaded
    from .events import Failed as Failed
    from .events import Skipped as Skipped
    from .packages import AssetPackage as AssetPackage
    from .packages import CatalogPackage as CatalogPackage
    from .packages import IndexPicture as IndexPicture
    from .packages import InsightPackage as InsightPackage
    from .packages import JobPackage as JobPackage
    from .packages import Link as Link
    from .packages import OrderReport as OrderReport
    from .packages import Package as Package
    from .packages import PackageState as PackageState
    from .packages import PackageStream as PackageStream
    from .packages import SignedLink as SignedLink
    from .packages import TaskPackage as TaskPackage
    from .packages import parse_package as parse_package
    from .settings import DownloadSettings as DownloadSettings
    from .settings import HTTPSettings as HTTPSettings
    from .settings import PollSettings as PollSettings
    from .settings import RetrySettings as RetrySettings
    from .settings import Secret as Secret
    from .settings import Settings as Settings

_HOMES = {
    "_area": ("area",),
    "client": ("PixxelClient",),
    "downloads": ("DownloadManager", "Transfer"),
    "errors": (
        "APIError",
        "BadRequest",
        "ClientClosed",
        "ConfigError",
        "Conflict",
        "ConnectionFailed",
        "Corrupt",
        "DecodeError",
        "DiskFull",
        "DownloadError",
        "Forbidden",
        "IncompleteListing",
        "KeyRefused",
        "LinkExpired",
        "NameTaken",
        "NoRanges",
        "NoSuchMember",
        "NotAPackage",
        "NotFound",
        "OutcomeUnknown",
        "PackageFailed",
        "PackageTimedOut",
        "PixxelError",
        "RateLimited",
        "ServerError",
        "Stalled",
        "TimedOut",
        "TooLarge",
        "UnexpectedRedirect",
        "UnsafeLink",
        "WaitFailed",
    ),
    "events": ("Downloaded", "Failed", "Skipped"),
    "packages": (
        "AssetPackage",
        "CatalogPackage",
        "IndexPicture",
        "InsightPackage",
        "JobPackage",
        "Link",
        "OrderReport",
        "Package",
        "PackageState",
        "PackageStream",
        "SignedLink",
        "TaskPackage",
        "parse_package",
    ),
    "settings": ("DownloadSettings", "HTTPSettings", "RetrySettings", "Secret", "Settings", "PollSettings"),
}
"""The module of each public name; it is imported when the name is first used."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "APIError",
    "AssetPackage",
    "BadRequest",
    "CatalogPackage",
    "ClientClosed",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "Corrupt",
    "DecodeError",
    "DiskFull",
    "DownloadError",
    "DownloadManager",
    "DownloadSettings",
    "Downloaded",
    "Failed",
    "Forbidden",
    "HTTPSettings",
    "IncompleteListing",
    "IndexPicture",
    "InsightPackage",
    "JobPackage",
    "KeyRefused",
    "Link",
    "LinkExpired",
    "NameTaken",
    "NoRanges",
    "NoSuchMember",
    "NotAPackage",
    "NotFound",
    "OrderReport",
    "OutcomeUnknown",
    "Package",
    "PackageFailed",
    "PackageState",
    "PackageStream",
    "PackageTimedOut",
    "PixxelClient",
    "PixxelError",
    "PollSettings",
    "RateLimited",
    "RetrySettings",
    "Secret",
    "ServerError",
    "Settings",
    "SignedLink",
    "Skipped",
    "Stalled",
    "TaskPackage",
    "TimedOut",
    "TooLarge",
    "Transfer",
    "UnexpectedRedirect",
    "UnsafeLink",
    "WaitFailed",
    "__version__",
    "area",
    "parse_package",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
