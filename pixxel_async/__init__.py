"""An async-first SDK for Pixxel's hyperspectral imagery API, with a polling download manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazy_names
from ._version import __version__ as __version__

if TYPE_CHECKING:
    from ._area import area as area
    from ._http.codec.drift import Drift as Drift
    from ._http.hooks import Attempt as Attempt
    from ._http.pages import Page as Page
    from ._http.pages import Pages as Pages
    from ._http.reply import Reply as Reply
    from .client import PixxelClient as PixxelClient
    from .downloads import DownloadManager as DownloadManager
    from .downloads import Outcomes as Outcomes
    from .downloads import Planned as Planned
    from .downloads import Progress as Progress
    from .downloads import Snapshot as Snapshot
    from .downloads import Transfer as Transfer
    from .errors import APIError as APIError
    from .errors import BadRequest as BadRequest
    from .errors import ClientClosed as ClientClosed
    from .errors import ConfigError as ConfigError
    from .errors import Conflict as Conflict
    from .errors import ConnectionFailed as ConnectionFailed
    from .errors import Corrupt as Corrupt
    from .errors import DecodeError as DecodeError
    from .errors import DiskError as DiskError
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
    from .events import Event as Event
    from .events import Failed as Failed
    from .events import Outcome as Outcome
    from .events import Skipped as Skipped
    from .packages import AssetPackage as AssetPackage
    from .packages import CatalogPackage as CatalogPackage
    from .packages import IndexPicture as IndexPicture
    from .packages import InsightPackage as InsightPackage
    from .packages import JobPackage as JobPackage
    from .packages import Link as Link
    from .packages import Member as Member
    from .packages import MemberStream as MemberStream
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
    "_http.codec.drift": ("Drift",),
    "_http.hooks": ("Attempt",),
    "_http.pages": ("Page", "Pages"),
    "_http.reply": ("Reply",),
    "client": ("PixxelClient",),
    "downloads": ("DownloadManager", "Outcomes", "Planned", "Progress", "Snapshot", "Transfer"),
    "errors": (
        "APIError",
        "BadRequest",
        "ClientClosed",
        "ConfigError",
        "Conflict",
        "ConnectionFailed",
        "Corrupt",
        "DecodeError",
        "DiskError",
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
    "events": ("Downloaded", "Event", "Failed", "Outcome", "Skipped"),
    "packages": (
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
    ),
    "settings": ("DownloadSettings", "HTTPSettings", "RetrySettings", "Secret", "Settings", "PollSettings"),
}
"""The module of each public name; it is imported when the name is first used."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "APIError",
    "AssetPackage",
    "Attempt",
    "BadRequest",
    "CatalogPackage",
    "ClientClosed",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "Corrupt",
    "DecodeError",
    "DiskError",
    "DiskFull",
    "DownloadError",
    "DownloadManager",
    "DownloadSettings",
    "Downloaded",
    "Drift",
    "Event",
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
    "Member",
    "MemberStream",
    "NameTaken",
    "NoRanges",
    "NoSuchMember",
    "NotAPackage",
    "NotFound",
    "OrderReport",
    "Outcome",
    "OutcomeUnknown",
    "Outcomes",
    "Package",
    "PackageFailed",
    "PackageState",
    "PackageStream",
    "PackageTimedOut",
    "Page",
    "Pages",
    "PixxelClient",
    "PixxelError",
    "Planned",
    "PollSettings",
    "Progress",
    "RateLimited",
    "Reply",
    "RetrySettings",
    "Secret",
    "ServerError",
    "Settings",
    "SignedLink",
    "Skipped",
    "Snapshot",
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

_ELSEWHERE = {
    **{name: f"from pixxel_async.sandbox import {name}" for name in ("Fault", "Sandbox")},
    **{name: f"from pixxel_async.models import {name}" for name in ("Job", "JobStatus", "NewOrderItem", "Workflow")},
    **dict.fromkeys(
        ("authenticate", "connect", "login", "logout"),
        "PixxelClient() takes the key from PIXXEL_API_KEY, a key file or its argument; there is no login",
    ),
    **dict.fromkeys(("download", "fetch"), "DownloadManager(client, folder).fetch(package) downloads"),
}
"""Names that users look for here, and what to write instead."""

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _HOME_OF, _ELSEWHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
