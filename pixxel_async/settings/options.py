"""The keywords of `fetch`, `fetch_all`, `submit` and `plan`, for type checkers and completion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypedDict

from .parts import OnExisting, OnMissing, Verify


class DownloadOptions(TypedDict, total=False):
    """Fields of `DownloadSettings`, which documents each; what is left out stays as the manager's settings say."""

    max_concurrent_downloads: int
    max_concurrent_requests: int
    max_requests_ahead: int
    max_pending: int
    timeout: float
    total_timeout: float | None
    verify: Verify
    checksum: Literal["sha256"] | None
    on_existing: OnExisting
    on_missing: OnMissing
    name_template: str | None
    max_link_renewals: int
    max_attempts: int
    max_connections_per_download: int
    split_piece: int
    max_bandwidth: float | Callable[[], float | None] | None
    stall_timeout: float
    stall_bytes: int
    max_package_bytes: int | None
    min_free_space: int
    chunk_bytes: int
    resume_without_validator: bool
    extra_ready_statuses: tuple[str, ...]
    shard: tuple[int, int] | None
    extract: bool | Callable[[Any], bool]
    keep_archive: bool
    max_extracted_bytes: int | None
    max_failed_runs: int
