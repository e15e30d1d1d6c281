"""T-05: whatever goes wrong, in whatever order: no wrong file, no hang, and once it is over, everything is there.

Each seed draws a plan of faults. Some are in the suite; `PIXXEL_TESTS_SEEDS=100-600` tries those instead.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest

from pixxel_async import DownloadManager, Failed, PixxelClient, PixxelError, Settings
from pixxel_async.events import Outcome
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.sandbox.http.faults import FaultKind
from pixxel_async.settings import DownloadSettings, HTTPSettings, PollSettings, RetrySettings
from pixxel_async.settings.constants import Constants
from tests.support.ground_truth import GroundTruth, collect, part_bytes, sha256, visible

SIZE = 400_000
RUNS = 40
KINDS = get_args(FaultKind)
API_KINDS = ("status", "latency", "reset", "lost", "cut", "stall", "html", "redirect", "gzip", "broken-chunks")
PLACES = ("http://127.0.0.1:1/x", "https://storage.example/x", "file:///etc/passwd", "//", "/v0/x")


def seeds() -> Sequence[int]:
    """Those of the suite, or those that are asked for."""
    first, _, last = os.environ.get("PIXXEL_TESTS_SEEDS", "1-6").partition("-")
    return range(int(first), int(last or first) + 1)


def plan(dice: random.Random) -> list[Fault]:
    """Some faults, each a few times."""
    return [_fault(dice) for _ in range(dice.randint(2, 9))]


def _fault(dice: random.Random) -> Fault:
    storage = dice.random() < 0.75
    return Fault(
        route="storage" if storage else "jobs.request_download",
        kind=dice.choice(KINDS if storage else API_KINDS),
        times=dice.choice((1, 1, 2, 4)),
        probability=dice.choice((0.3, 1.0)),
        after=dice.randint(0, 8),
        at=dice.choice((0, 1, 65_535, 65_536, 200_000, SIZE - 1)),
        status=dice.choice((400, 401, 403, 404, 408, 410, 416, 429, 500, 502, 503, 504)),
        headers=dice.choice(({}, {}, {"Retry-After": "0"}, {"Retry-After": "soon"})),
        seconds=dice.choice((0.0, 0.2)),
        rate=dice.choice((3_000.0, 3_000_000.0)),
        location=dice.choice(
            ("http://127.0.0.1:1/x", "https://storage.example/x", "file:///etc/passwd", "//", "/v0/x")
        ),
        style=dice.choice(("s3", "azure", "gcs")),
        work_done=dice.random() < 0.5,
    )


def settings(sandbox: Sandbox) -> Settings:
    """Waits of a second at most."""
    return Settings(
        api_key=sandbox.api_key,
        base_url=sandbox.url,
        http=HTTPSettings(connect_timeout=1.0, headers_timeout=0.5, read_timeout=0.5),
        retry=RetrySettings(initial_delay=0.01, max_delay=0.05),
        poll=PollSettings(initial_interval=0.03, max_interval=0.05),
        download=DownloadSettings(max_package_bytes=4 * SIZE, timeout=20.0),
        constants=Constants(stall_timeout=0.5, stall_bytes=20_000, max_failed_runs=100),
    )


async def one_run(client: PixxelClient, ground: GroundTruth, folder: Path) -> list[Outcome]:
    """The outcomes of one export; one that stops as a whole says why by an error of ours."""
    outcomes: list[Outcome] = []
    async with DownloadManager(client, folder) as manager, asyncio.timeout(40):
        try:
            await collect(manager.fetch_all(ground.packages), outcomes)
        except PixxelError:
            outcomes += [Failed(package, PixxelError()) for package in ground.packages]
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds())
async def test_whatever_goes_wrong(seed: int, tmp_path: Path) -> None:
    """Every file that has its name is right at the end of each run, and the folder is complete in the end."""
    async with (
        Sandbox(seed=seed, packing=0.02, package_size=SIZE) as sandbox,
        PixxelClient(settings=settings(sandbox)) as client,
    ):
        ground = await GroundTruth.survey(sandbox, client)
        truth = {package.job_id: await ground.truth(package) for package in ground.packages}
        for fault in plan(random.Random(seed)):
            sandbox.inject(fault)
        for _ in range(RUNS):
            failed = [one for one in await one_run(client, ground, tmp_path) if isinstance(one, Failed)]
            found = {Path(name).stem: sha256(tmp_path / name) for name in visible(tmp_path)}
            assert found.items() <= truth.items(), "a wrong file has a final name"
            if not failed:
                break
    assert found == truth, failed
    assert part_bytes(tmp_path) == 0
    sandbox.assert_key_only_at_api()
