"""Giving up: only errors of the API about a package count, once a day; outages do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.downloads.rules.giving_up import DAY, counts_against, counts_today
from pixxel_async.errors import (
    BadRequest,
    Corrupt,
    DecodeError,
    KeyRefused,
    NotAPackage,
    PackageFailed,
    PixxelError,
    RateLimited,
    ServerError,
    UnexpectedRedirect,
)
from pixxel_async.events import Downloaded, Failed, Outcome, Skipped
from pixxel_async.packages import JobPackage
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import Timing
from pixxel_async.settings.constants import Constants
from tests.downloads.conftest import quick_settings
from tests.support.ground_truth import GroundTruth, collect, tuned
from tests.support.tiers import quick_only

REQUEST = "jobs.request_download"
PAGE = "<html><title>Wi-Fi login</title></html>"


@define
class Calendar:
    """A wall clock that the test advances."""

    seconds: float = 1.8e9

    def now(self) -> float:
        return self.seconds


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
async def client(sandbox: Sandbox, calendar: Calendar, tuning: dict[str, Any]) -> AsyncIterator[PixxelClient]:
    async with PixxelClient(settings=quick_settings(sandbox, **tuning), timing=Timing(now=calendar.now)) as opened:
        yield opened


async def night(client: PixxelClient, folder: Path, package: JobPackage) -> Outcome:
    """Run a batch of one package and return its outcome."""
    async with DownloadManager(client, folder) as manager:
        (outcome,) = await collect(manager.fetch_all([package]))
    return outcome


OUTAGES = [
    Fault(route=REQUEST, kind="html", times=None),
    Fault(route=REQUEST, kind="redirect", location="https://login.example/", times=None),
    Fault(route=REQUEST, kind="status", status=400, body=PAGE, times=None),
    Fault(route=REQUEST, kind="status", status=403, body=PAGE, times=None),
    Fault(route=REQUEST, kind="status", status=403, body='{"message": "Forbidden"}', times=None),
    Fault(route=REQUEST, kind="status", status=404, body='{"message": "no Route matched"}', times=None),
    Fault(route=REQUEST, kind="status", status=400, body='{"error": "bad gateway"}', times=None),
    Fault(route=REQUEST, kind="status", status=400, body='{"error": {"code": 400, "message": "x"}}', times=None),
    Fault(route=REQUEST, kind="status", status=200, body='{"status": "rea', times=None),
    Fault(route="storage", kind="html", times=None),
    Fault(route="storage", kind="status", status=404, body=PAGE, times=None),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", quick_only(OUTAGES, *OUTAGES[:2]), ids=lambda fault: f"{fault.route}-{fault.kind}-{fault.status}"
)
async def test_an_outage_gives_no_package_up(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, calendar: Calendar, tmp_path: Path, fault: Fault
) -> None:
    """An outage, in which another server answers for the API, never makes a package given up."""
    sandbox.inject(fault)
    for _ in range(4):
        assert isinstance(await night(client, tmp_path, ground.packages[0]), Failed)
        calendar.seconds += 86_400
    sandbox.plan.clear()

    assert isinstance(await night(client, tmp_path, ground.packages[0]), Downloaded)


@pytest.mark.slow
async def test_a_refused_package_is_given_up_after_three_days(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, calendar: Calendar, tmp_path: Path
) -> None:
    """A package that the API refuses is given up after errors on three days, then without a request."""
    refused = ground.packages[0]
    for _ in range(2):
        sandbox.inject(Fault(route=REQUEST, kind="status", status=400, times=5))
        assert {type(await night(client, tmp_path, refused)) for _ in range(5)} == {Failed}
        calendar.seconds += 86_000  # a run that starts some minutes earlier counts
    sandbox.inject(Fault(route=REQUEST, kind="html"))
    assert isinstance(await night(client, tmp_path, refused), Failed)
    sandbox.inject(Fault(route=REQUEST, kind="status", status=400))
    assert isinstance(await night(client, tmp_path, refused), Failed)
    calls = len(sandbox.requests)

    outcome = await night(client, tmp_path, refused)

    assert isinstance(outcome, Skipped) and outcome.given_up and "given up after 3 runs" in outcome.reason
    assert len(sandbox.requests) == calls
    async with DownloadManager(client, tmp_path) as manager:
        assert (await manager.fetch(refused)).fetched  # a fetch by name still does


@tuned(constants=Constants(max_failed_runs=1))
async def test_an_outage_does_not_revive_a_given_up_package(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """A given-up package that is fetched by name during an outage stays given up."""
    refused = ground.packages[0]
    sandbox.inject(Fault(route=REQUEST, kind="status", status=400))
    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all([refused]))
        sandbox.inject(Fault(route=REQUEST, kind="html"))
        with pytest.raises(DecodeError):
            await manager.fetch(refused)
        (outcome,) = await collect(manager.fetch_all([refused]))

    assert isinstance(outcome, Skipped) and outcome.given_up


@pytest.mark.slow
@pytest.mark.parametrize("probe", [Fault(route="projects.list", kind="status", status=403), None])
async def test_a_forbidden_package_counts_only_if_the_key_is_accepted(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, calendar: Calendar, tmp_path: Path, probe: Fault | None
) -> None:
    """A 403 counts against a package only if the key is accepted elsewhere."""
    package = ground.packages[0]
    async with DownloadManager(client, tmp_path) as manager:
        await manager.fetch(ground.packages[1])  # looks up the organization
        sandbox.inject(Fault(route=REQUEST, kind="status", status=403))
        if probe is not None:
            sandbox.inject(probe)
        with pytest.raises(PixxelError):
            await manager.fetch(package)
    async with DownloadManager(client, tmp_path) as manager:
        row = await manager.record.get(str(package), tmp_path)

    assert row is not None and row.runs == (0 if probe is not None else 1)


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (PackageFailed("x"), True),
        (BadRequest("x", status=400, from_api=True), True),
        (BadRequest("x", status=400), False),
        (KeyRefused("x", status=401, from_api=True), False),
        (RateLimited("x", status=429, from_api=True), False),
        (ServerError("x", status=500, from_api=True), False),
        (UnexpectedRedirect("x", status=302, from_api=True), False),
        (NotAPackage("x"), False),
        (Corrupt("x"), False),
        (DecodeError("x"), False),
    ],
)
def test_only_the_api_itself_counts(error: PixxelError, counts: bool) -> None:
    """Errors of a storage, a gateway, or temporary ones do not count."""
    assert counts_against(error) is counts


def test_a_clock_that_was_set_back_does_not_stop_the_count() -> None:
    """A failure counts if there was none in the last day; a time in the future is ignored."""
    assert counts_today(None, 0.0) and counts_today(100.0, 99.0) and counts_today(100.0, 100.0 + DAY)
    assert not counts_today(100.0, 100.0) and not counts_today(100.0, 99.0 + DAY)
