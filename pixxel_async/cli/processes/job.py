"""The job of each worker process: of every limit of the export its part."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..choose.request import RunOptions
from ..session import Session, parse_assignments
from .frames import DividedLimit, WorkerJob

if TYPE_CHECKING:
    from ...client import PixxelClient


def job_of(session: Session, client: PixxelClient, run: RunOptions, *, sandbox: bool, events: bool) -> WorkerJob:
    """Build the job of each worker: of every limit its part."""
    n, settings = run.processes, client.settings
    http, download = settings.http, settings.download
    options = run.settings
    streams = options.get("max_concurrent_downloads", download.max_concurrent_downloads)
    options["max_concurrent_downloads"] = math.ceil(streams / n)
    options["max_concurrent_requests"] = math.ceil(download.max_concurrent_requests / n)
    limit = options.get("max_bandwidth", download.max_bandwidth)
    options["max_bandwidth"] = DividedLimit(limit, n) if callable(limit) else None if limit is None else limit / n
    own: dict[str, Any] = {"http.max_concurrent_calls": math.ceil(http.max_concurrent_calls / n)}
    if http.calls_per_second is not None:
        own["http.calls_per_second"] = http.calls_per_second / n
    if sandbox:
        own |= {"base_url": settings.base_url, "origin": client.origin}
    return WorkerJob(
        {**parse_assignments(session.sets), **own}, session.profile, sandbox, run.to, run.record, run.name, run.shard,
        run.wait, options, events,
    )  # fmt: skip
