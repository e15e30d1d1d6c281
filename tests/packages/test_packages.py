"""`client.packages`: ask, wait and link, against scripted responses and a clock that the test advances."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from pixxel_async._http.call import Call
from pixxel_async.errors import ConfigError, NotFound, PackageFailed, PackageTimedOut, ServerError
from pixxel_async.models import Job
from pixxel_async.packages import JobPackage, Packages, TaskPackage
from pixxel_async.settings import PollSettings
from pixxel_async.waiting import Broker
from tests.support.virtual_time import SteppedTime, settle

JOB = JobPackage(workflow_id="w", job_id="j")
DAY = datetime(2031, 5, 27, tzinfo=UTC)


class FakeAPI:
    """An API that answers each call with the next status; links live for `life` seconds by its own clock."""

    def __init__(self, time: SteppedTime) -> None:
        self.time = time
        self.statuses: list[str] = ["ready"]
        self.life: float | None = 600
        self.error: Exception | None = None
        self.headers: dict[str, str] = {}
        self.calls: list[tuple[str, dict[str, str]]] = []

    @property
    def now(self) -> datetime:
        return DAY + timedelta(seconds=self.time.now)

    def url(self) -> str:
        signed = f"https://storage.example/{len(self.calls)}.zip"
        return signed if self.life is None else f"{signed}?Expires={int(self.now.timestamp() + self.life)}&Signature=0"

    async def fetch_with_headers(self, call: Call, model: type[Any]) -> tuple[Any, Mapping[str, str]]:
        self.calls.append((call.operation.name, dict(call.path)))
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        url = self.url() if status in ("ready", "odd") else ""
        headers = {"date": format_datetime(self.now, usegmt=True), **self.headers}
        return model.from_dict({"status": status, "signed_url": url}), headers


@pytest.fixture
def time() -> SteppedTime:
    return SteppedTime()


@pytest.fixture
def api(time: SteppedTime) -> FakeAPI:
    return FakeAPI(time)


@pytest.fixture
async def packages(time: SteppedTime, api: FakeAPI) -> AsyncIterator[Packages]:
    broker = Broker(time.timing, PollSettings())
    yield Packages(api, broker, time.timing, None)  # type: ignore[arg-type]
    await broker.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("soon", 2.0), (None, 2.0)])
async def test_retry_after_is_passed_on(packages: Packages, api: FakeAPI, text: str | None, seconds: float) -> None:
    """Retry-After of the response is passed on; without one the settings suggest a time."""
    api.statuses, api.headers = ["pending"], {} if text is None else {"retry-after": text}
    assert (await packages.ask(JOB)).retry_after == seconds


async def test_ask_is_one_call(packages: Packages, api: FakeAPI) -> None:
    """ask() calls the operation of the package's kind once."""
    state = await packages.ask(JOB)
    assert (state.ready, state.failed, state.status, state.retry_after) == (True, False, "ready", None)
    assert state.link is not None and state.link.expires_at == api.now + timedelta(seconds=600)
    await packages.ask(TaskPackage(workflow_id="w", job_id="j", task_id="t"))
    assert api.calls == [
        ("jobs.request_download", {"workflow_id": "w", "job_id": "j"}),
        ("tasks.request_download", {"workflow_id": "w", "job_id": "j", "task_id": "t"}),
    ]


async def test_texts_and_rows_are_packages(packages: Packages, api: FakeAPI) -> None:
    """Text and rows are accepted as packages; other values are refused before anything is sent."""
    await packages.ask("job:w/j")
    await packages.ask(Job.from_dict({"workflow_id": "w", "id": "j"}))
    assert len({tuple(path.items()) for _, path in api.calls}) == 1
    with pytest.raises(ConfigError):
        await packages.ask(7)  # type: ignore[arg-type]
    assert len(api.calls) == 2


async def test_a_pending_package_has_a_retry_after(packages: Packages, api: FakeAPI) -> None:
    """A pending package has no link and a retry_after."""
    api.statuses = ["pending"]
    state = await packages.ask(JOB)
    assert (state.ready, state.failed, state.link, state.retry_after) == (False, False, None, 2.0)
    assert state.message == "still packing: status 'pending'"


@pytest.mark.fault("C-01")
async def test_wait_asks_until_it_is_ready(packages: Packages, api: FakeAPI, time: SteppedTime) -> None:
    """wait() polls at growing intervals and returns the ready state with its link."""
    api.statuses = ["pending", "pending", "ready"]
    waiting = asyncio.ensure_future(packages.wait(JOB))
    await time.advance(10)
    assert (await waiting).link is not None
    assert len(api.calls) == 3


async def test_waits_for_a_package_have_no_ceiling(packages: Packages, api: FakeAPI, time: SteppedTime) -> None:
    """As a request may restart packing, intervals have no ceiling: after an hour the next is 15 minutes away."""
    api.statuses = ["pending"]
    waiting = asyncio.ensure_future(packages.wait(JOB))
    await time.advance(3600)
    assert 700 < max(seconds for seconds in time.slept if seconds < 20_000) < 1000
    assert len(api.calls) < 40
    waiting.cancel()


async def test_waiters_of_one_package_share_the_calls(packages: Packages, api: FakeAPI, time: SteppedTime) -> None:
    """Waiters for one package share their calls."""
    api.statuses = ["pending", "ready"]
    waiting = [asyncio.ensure_future(packages.wait(JOB)) for _ in range(100)]
    await time.advance(10)
    assert {(await each).status for each in waiting} == {"ready"}
    assert len(api.calls) == 2


async def test_a_package_that_failed(packages: Packages, api: FakeAPI, time: SteppedTime) -> None:
    """A failed package raises an error with package and stage."""
    api.statuses = ["pending", "failed"]
    waiting = asyncio.ensure_future(packages.wait(JOB))
    await time.advance(10)
    with pytest.raises(PackageFailed, match="job:w/j: packing failed: status 'failed'") as caught:
        await waiting
    assert (caught.value.package, caught.value.stage) == ("job:w/j", "wait")


async def test_an_unknown_word_is_waited_for_until_the_deadline(
    packages: Packages, api: FakeAPI, time: SteppedTime
) -> None:
    """An unknown status is waited for until the deadline, which names it, even with a link."""
    api.statuses = ["odd"]
    waiting = asyncio.ensure_future(packages.wait(JOB, timeout=100))
    await time.advance(101)
    with pytest.raises(PackageTimedOut, match="job:w/j was not ready in time: status 'odd', asked") as caught:
        await waiting
    assert caught.value.retryable


async def test_words_that_were_configured(api: FakeAPI, time: SteppedTime) -> None:
    """A word in ready_words means ready."""
    api.statuses = ["odd"]
    broker = Broker(time.timing, PollSettings())
    assert (await Packages(api, broker, time.timing, None, ready_words=("ODD",)).ask(JOB)).ready  # type: ignore[arg-type]


async def test_errors_of_the_call_pass(packages: Packages, api: FakeAPI) -> None:
    """Errors of the API are raised unchanged by ask, wait and link."""
    api.error = NotFound("no such job", status=404)
    for work in (packages.ask(JOB), packages.wait(JOB), packages.link(JOB)):
        with pytest.raises(NotFound):
            await work


async def test_a_link_is_cached_until_a_minute_before_its_end(
    packages: Packages, api: FakeAPI, time: SteppedTime
) -> None:
    """A link is cached until a minute before its end."""
    first = await packages.link(JOB)
    for _ in range(100):
        await time.advance(5.3)
        assert await packages.link(JOB) is first
    await time.advance(11)
    second = await packages.link(JOB)
    assert second.url != first.url
    assert second.good_for(time.now) == 600
    assert len(api.calls) == 2


async def test_min_lifetime_renews_a_link(packages: Packages, api: FakeAPI, time: SteppedTime) -> None:
    """A cached link shorter than min_lifetime is renewed; a fresh one is returned in any case."""
    await packages.link(JOB)
    await time.advance(200)
    await packages.link(JOB, min_lifetime=300)
    assert len(api.calls) == 1
    await packages.link(JOB, min_lifetime=500)
    assert len(api.calls) == 2
    await packages.link(JOB, min_lifetime=5000)
    assert len(api.calls) == 3


async def test_a_refused_link_can_be_renewed(packages: Packages, api: FakeAPI) -> None:
    """`fresh` requests a new link although the cached one looks valid, and caches it."""
    first = await packages.link(JOB)
    fresh = await packages.link(JOB, fresh=True)
    assert fresh.url != first.url
    assert await packages.link(JOB) is fresh


async def test_concurrent_requests_share_one_call(packages: Packages, api: FakeAPI) -> None:
    """Concurrent requests for a link share one call, also those for a fresh one."""
    assert len({link.url for link in await asyncio.gather(*(packages.link(JOB) for _ in range(100)))}) == 1
    await asyncio.gather(*(packages.link(JOB, fresh=True) for _ in range(100)))
    assert len(api.calls) == 2


async def test_asking_keeps_the_link_too(packages: Packages, api: FakeAPI) -> None:
    """A ready state of ask() or wait() caches the link; another state drops it."""
    await packages.ask(JOB)
    await packages.link(JOB)
    assert len(api.calls) == 1
    api.statuses = ["pending"]
    await packages.ask(JOB)
    with pytest.raises(PackageTimedOut, match="no link yet: status 'pending'"):
        await packages.link(JOB)
    assert len(api.calls) == 3


async def test_a_link_of_a_failed_package(packages: Packages, api: FakeAPI) -> None:
    """link() of a failed package raises PackageFailed."""
    api.statuses = ["failed"]
    with pytest.raises(PackageFailed):
        await packages.link(JOB)


async def test_a_link_without_an_end_is_kept_for_a_minute(packages: Packages, api: FakeAPI, time: SteppedTime) -> None:
    """A link without an expiry is requested again after a minute."""
    api.life = None
    first = await packages.link(JOB)
    await time.advance(59)
    assert await packages.link(JOB) is first
    await time.advance(2)
    assert (await packages.link(JOB)).url != first.url


async def test_errors_are_not_shared_objects(packages: Packages, api: FakeAPI) -> None:
    """Callers that share a call get the same error as separate objects."""
    api.error = ServerError("broken", status=500)
    errors = await asyncio.gather(*(packages.link(JOB) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in errors] == [ServerError] * 3
    assert len(set(map(id, errors))) == 3


async def test_a_cancelled_caller_leaves_the_others(packages: Packages, api: FakeAPI) -> None:
    """A cancelled caller does not cancel the request that others share."""
    one, other = (asyncio.ensure_future(packages.link(JOB)) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    assert (await other).url
    await settle()
    assert one.cancelled() and len(api.calls) == 1


@pytest.mark.slow
async def test_kept_links_are_bounded(packages: Packages, api: FakeAPI) -> None:
    """The cache of links is bounded and keeps the newest."""
    for number in range(4097):
        await packages.ask(JobPackage(workflow_id="w", job_id=str(number)))
    await packages.link("job:w/4096")
    assert len(api.calls) == 4097
    await packages.link("job:w/0")
    assert len(api.calls) == 4098
