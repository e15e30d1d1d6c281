"""Random plans of faults from a seed, and settings that keep runs short."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import get_args

from pixxel_async import Settings
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.sandbox.http.faults import FaultKind
from pixxel_async.settings import DownloadSettings, HTTPSettings, PollSettings, RetrySettings
from pixxel_async.settings.constants import Constants

SIZE = 400_000
"""Bytes of each package."""
STORAGE_KINDS = get_args(FaultKind)
API_KINDS = ("status", "latency", "reset", "lost", "cut", "stall", "html", "redirect", "gzip", "broken-chunks")
LOCATIONS = ("http://127.0.0.1:1/x", "https://storage.example/x", "file:///etc/passwd", "//", "/v0/x")


def seeds() -> Sequence[int]:
    """Return the seeds of the suite, or those that PIXXEL_TESTS_SEEDS names as FIRST-LAST."""
    first, _, last = os.environ.get("PIXXEL_TESTS_SEEDS", "1-6").partition("-")
    return range(int(first), int(last or first) + 1)


def plan(dice: random.Random) -> list[Fault]:
    """Return two to nine faults, each of which fires a few times."""
    return [_fault(dice) for _ in range(dice.randint(2, 9))]


def _fault(dice: random.Random) -> Fault:
    storage = dice.random() < 0.75
    return Fault(
        route="storage" if storage else "jobs.request_download",
        kind=dice.choice(STORAGE_KINDS if storage else API_KINDS),
        times=dice.choice((1, 1, 2, 4)),
        probability=dice.choice((0.3, 1.0)),
        after=dice.randint(0, 8),
        at=dice.choice((0, 1, 65_535, 65_536, 200_000, SIZE - 1)),
        status=dice.choice((400, 401, 403, 404, 408, 410, 416, 429, 500, 502, 503, 504)),
        headers=dice.choice(({}, {}, {"Retry-After": "0"}, {"Retry-After": "soon"})),
        seconds=dice.choice((0.0, 0.2)),
        rate=dice.choice((3_000.0, 3_000_000.0)),
        location=dice.choice(LOCATIONS),
        style=dice.choice(("s3", "azure", "gcs")),
        work_done=dice.random() < 0.5,
    )


def settings(sandbox: Sandbox) -> Settings:
    """Return settings whose waits last at most a second."""
    return Settings(
        api_key=sandbox.api_key,
        base_url=sandbox.url,
        http=HTTPSettings(connect_timeout=1.0, headers_timeout=0.5, read_timeout=0.5),
        retry=RetrySettings(initial_delay=0.01, max_delay=0.05),
        poll=PollSettings(initial_interval=0.03, max_interval=0.05),
        download=DownloadSettings(max_package_bytes=4 * SIZE, timeout=20.0),
        constants=Constants(stall_timeout=0.5, stall_bytes=20_000, max_failed_runs=100),
    )
