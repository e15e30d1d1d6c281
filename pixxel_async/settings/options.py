"""Keywords of `fetch`, `fetch_all`, `submit` and `plan`, for type checkers and completion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypedDict

from .parts import OnExisting, OnMissing, Verify


class DownloadOptions(TypedDict, total=False):
    """Fields of `DownloadSettings` as keywords; the manager's settings hold where one is left out."""

    max_concurrent_downloads: int
    max_connections: int
    max_concurrent_requests: int
    timeout: float
    total_timeout: float | None
    verify: Verify
    checksum: Literal["sha256"] | None
    on_existing: OnExisting
    on_missing: OnMissing
    name_template: str | None
    max_bandwidth: float | Callable[[], float | None] | None
    max_package_bytes: int | None
    min_free_space: int
    shard: tuple[int, int] | None
    extract: bool | Callable[[Any], bool]
    keep_archive: bool
