"""The polling broker: few requests, correct ends, no task left. The test advances the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from time import sleep as blocking_sleep

import pytest

from pixxel_async.errors import (
    ClientClosed,
    ConfigError,
    ConnectionFailed,
    Forbidden,
    NotFound,
    RateLimited,
    ServerError,
    TimedOut,
    WaitFailed,
)
from pixxel_async.settings import PollSettings, Timing
from pixxel_async.waiting import Broker
from tests.support.virtual_time import SteppedTime, settle
from tests.waiting.polled_server import PolledServer, Row


@pytest.fixture
def time() -> SteppedTime:
    return SteppedTime()


@pytest.fixture
def world() -> PolledServer:
    return PolledServer({"j": Row("j")})


@pytest.fixture
async def broker(time: SteppedTime) -> AsyncIterator[Broker]:
    before = asyncio.all_tasks()
    made = Broker(time.timing, PollSettings())
    yield made
    await made.close()
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}


def start(work: Awaitable[Row]) -> asyncio.Task[Row]:
    return asyncio.ensure_future(work)


async def test_wait_returns_the_completed_object(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """wait() polls at once and then after 2 s, returns the completed object, and stops polling."""
    waiting = start(broker.wait(world.wait("j")))
    await settle()
    assert world.gets == ["j"]
    world.set("j", status="Completed")
    await time.advance(1.9)
    assert world.gets == ["j"]
    await time.advance(0.2)
    assert (await waiting).status == "Completed"
    await time.advance(1000)
    assert len(world.gets) == 2


@pytest.mark.fault("C-01")
async def test_intervals_grow_to_the_ceiling(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """Without estimates the intervals are 2 s times 1.25 per poll, up to 30 s."""
    waiting = start(broker.wait(world.wait("j")))
    await time.advance(600)
    pauses = [seconds for seconds in time.slept if seconds < 100]
    assert pauses[:4] == [2, 2.5, 3.125, pytest.approx(3.90625)]
    assert set(pauses[14:]) == {30}
    waiting.cancel()


async def test_a_bad_end_raises_with_the_last_value(broker: Broker, world: PolledServer) -> None:
    """WaitFailed holds the last value and names the status."""
    world.set("j", status="FAILED", progress="100%")
    with pytest.raises(WaitFailed, match="jobs j ended badly: status 'FAILED'") as caught:
        await broker.wait(world.wait("j"))
    assert caught.value.value == world.things["j"]


@pytest.mark.fault("C-04")
async def test_unknown_words_wait_until_the_deadline(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """An unknown status neither ends nor fails a wait; the deadline does, with the last status."""
    world.set("j", status="marinating", progress=40)
    waiting = start(broker.wait(world.wait("j"), 60))
    await time.advance(59)
    assert not waiting.done()
    await time.advance(2)
    with pytest.raises(TimedOut, match=r"jobs j had not ended within 60 s: status 'marinating' at 40, asked \d+ times"):
        await waiting


async def test_a_deadline_passes_while_a_request_hangs(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """The deadline ends a wait during an outstanding request."""
    world.gate = asyncio.Event()
    waiting = start(broker.wait(world.wait("j"), 10))
    await time.advance(11)
    with pytest.raises(TimedOut, match="no answer yet"):
        await waiting


@pytest.mark.fault("C-07")
@pytest.mark.slow
async def test_thousands_of_waiters_cost_one_request_a_tick(
    broker: Broker, world: PolledServer, time: SteppedTime
) -> None:
    """2,000 waiters for one workflow's jobs cost one listing per tick."""
    ids = [f"j{number}" for number in range(2000)]
    for id in ids:
        world.set(id)
    waiting = [start(broker.wait(world.wait(id))) for id in ids]
    for id in ids:
        await time.advance(0.05)
        world.set(id, status="completed")
    await time.advance(40)
    assert [(await each).id for each in waiting] == ids
    assert not world.gets
    assert world.lists <= 20


@pytest.mark.slow
async def test_two_thousand_waiters_of_one_job_share_its_get(
    broker: Broker, world: PolledServer, time: SteppedTime
) -> None:
    """Waiters for the same object share its requests."""
    waiting = [start(broker.wait(world.wait("j"))) for _ in range(2000)]
    await time.advance(1)
    world.set("j", status="completed")
    await time.advance(2)
    assert {(await each).status for each in waiting} == {"completed"}
    assert world.requests == 2


async def test_groups_have_requests_of_their_own(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """Objects of different workflows are polled by separate requests."""
    waiting = [start(broker.wait(world.wait("j", group=group))) for group in ("w1", "w2")]
    await settle()
    assert world.gets == ["j", "j"]
    for each in waiting:
        each.cancel()


async def test_a_listing_without_the_thing_is_followed_by_a_get(broker: Broker, world: PolledServer) -> None:
    """An object missing in a listing is polled by GET, and one that does not exist fails its own waiter only."""
    for number in range(30):
        world.set(f"j{number}", status="completed")
    lost = world.wait("gone")

    async def refuse() -> Row:
        raise NotFound("no such job", status=404)

    waiting = [start(broker.wait(world.wait(f"j{number}"))) for number in range(30)]
    missing = start(broker.wait(type(lost)("jobs", ("w",), "gone", refuse, lost.list)))
    assert {(await each).status for each in waiting} == {"completed"}
    with pytest.raises(NotFound):
        await missing
    assert (world.lists, world.gets) == (1, [])


async def test_pages_are_read_no_further_than_needed(broker: Broker, world: PolledServer) -> None:
    """No further page is requested once all awaited objects were seen."""
    world.page = 20
    for number in range(200):
        world.set(f"j{number}", status="completed")
    await asyncio.gather(*(broker.wait(world.wait(f"j{number}")) for number in range(60, 80)))
    assert (world.lists, world.pages) == (1, 5)


async def test_a_late_joiner_joins_the_running_poller(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """An object that joins a running poller is polled within two seconds."""
    early = start(broker.wait(world.wait("j")))
    await time.advance(300)
    world.set("k", status="completed")
    before = len(world.gets)
    late = start(broker.wait(world.wait("k")))
    await time.advance(2)
    assert (await late).id == "k"
    assert len(world.gets) <= before + 2
    early.cancel()


async def test_a_late_joiner_is_not_lost_in_a_crowd(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """An object that joins hundreds of others is polled within two seconds."""
    crowd = [f"j{number}" for number in range(300)]
    for id in crowd:
        world.set(id)
    waiting = [start(broker.wait(world.wait(id))) for id in crowd]
    await time.advance(300)
    world.set("k", status="completed")
    late = start(broker.wait(world.wait("k")))
    await time.advance(2)
    assert late.done()
    for each in waiting:
        each.cancel()


@pytest.mark.slow
async def test_delivering_thousands_yields_to_the_loop(broker: Broker, world: PolledServer) -> None:
    """Delivering a large listing yields to the event loop in between."""
    ids = [f"j{number}" for number in range(2000)]
    for id in ids:
        world.set(id, status="completed")
    waiting = [start(broker.wait(world.wait(id))) for id in ids]
    seen = set()
    while not waiting[-1].done():
        await asyncio.sleep(0)
        seen.add(sum(each.done() for each in waiting))
    assert len(seen) > 5


async def test_joining_a_known_thing_costs_nothing(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """A second waiter for an object waits for the next tick and costs no request."""
    first = start(broker.wait(world.wait("j")))
    await time.advance(5)
    before = world.requests
    second = start(broker.wait(world.wait("j")))
    await settle()
    assert world.requests == before
    for each in (first, second):
        each.cancel()


async def test_cancelling_one_leaves_the_others(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """Cancelling a waiter leaves the others waiting; cancelling the last one ends the poller."""
    one, other = start(broker.wait(world.wait("j"))), start(broker.wait(world.wait("j")))
    await time.advance(1)
    one.cancel()
    await time.advance(5)
    assert one.cancelled() and not other.done()
    other.cancel()
    await settle()
    asked = world.requests
    await time.advance(1000)
    assert world.requests == asked
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelling_the_last_waiter_cancels_the_request(broker: Broker, world: PolledServer) -> None:
    """Cancelling the last waiter cancels the outstanding request."""
    world.gate = asyncio.Event()
    waiting = start(broker.wait(world.wait("j")))
    await settle()
    waiting.cancel()
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_each_waiter_gets_its_own_error(broker: Broker, world: PolledServer) -> None:
    """Each waiter gets its own copy of the error: same class and attributes, no shared traceback."""
    world.error = Forbidden("no", status=403, path="/v0/workflows/{workflow_id}/jobs")
    world.set("k")
    waiting = [start(broker.wait(world.wait(id))) for id in ("j", "j", "k")]
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [(type(error), getattr(error, "status", 0)) for error in errors] == [(Forbidden, 403)] * 3
    assert len({id(error) for error in errors} | {id(world.error)}) == 4


async def test_a_failed_poller_is_replaced(broker: Broker, world: PolledServer) -> None:
    """After an error the next waiter gets a new poller."""
    world.error = Forbidden("no", status=403)
    with pytest.raises(Forbidden):
        await broker.wait(world.wait("j"))
    world.error = None
    world.set("j", status="completed")
    assert (await broker.wait(world.wait("j"))).status == "completed"


async def test_an_error_of_a_listing_reaches_everybody(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """A refused listing fails all waiters, those who joined during it by the next one."""
    world.gate, world.error = asyncio.Event(), Forbidden("no", status=403)
    waiting = [start(broker.wait(world.wait(f"j{number}"))) for number in range(30)]
    await settle()
    waiting.append(start(broker.wait(world.wait("late"))))
    await settle()
    world.gate.set()
    await time.advance(3)
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(error) for error in errors} == {Forbidden}


PASSING = [
    ServerError("broken", status=503),
    ConnectionFailed("no connection"),
    TimedOut("no headers"),
    RateLimited("slower", status=429),
]


@pytest.mark.slow
@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("crowd", [1, 30])
async def test_an_outage_is_waited_out(
    error: Exception, crowd: int, broker: Broker, world: PolledServer, time: SteppedTime
) -> None:
    """Temporary errors do not end a wait: an outage of an hour is polled at growing intervals and then survived."""
    ids = [f"j{number}" for number in range(crowd)]
    for id in ids:
        world.set(id)
    waiting = [start(broker.wait(world.wait(id))) for id in ids]
    await time.advance(10)
    world.error, before = error, world.requests
    await time.advance(3600)
    assert not any(each.done() for each in waiting)
    assert world.requests - before < 3600 / 30 + 20
    world.error = None
    for id in ids:
        world.set(id, status="completed")
    await time.advance(60)
    assert [(await each).id for each in waiting] == ids


@pytest.mark.parametrize("known", [True, False])
async def test_the_deadline_names_the_last_error(
    known: bool, broker: Broker, world: PolledServer, time: SteppedTime
) -> None:
    """A deadline after an outage raises with the last error and the last known state."""
    world.error = None if known else PASSING[0]
    waiting = start(broker.wait(world.wait("j"), 100))
    await time.advance(10)
    world.error = PASSING[0]
    await time.advance(91)
    with pytest.raises(TimedOut, match=r"the last error: 503 broken") as caught:
        await waiting
    assert ("status 'running'" in str(caught.value)) is known


@pytest.mark.parametrize("known", [True, False])
async def test_an_error_that_passed_is_forgotten(
    known: bool, broker: Broker, world: PolledServer, time: SteppedTime
) -> None:
    """A deadline long after an outage does not mention the outage."""
    world.error = None if known else PASSING[0]
    waiting = start(broker.wait(world.wait("j"), 100))
    await time.advance(3)
    world.error = PASSING[0]
    await time.advance(10)
    world.error = None
    await time.advance(70)
    waiting = [waiting, start(broker.wait(world.wait("j"), 10))]
    await time.advance(18)
    for error in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(error, TimedOut) and "503" not in str(error)


@pytest.mark.parametrize("crowd", [1, 30])
async def test_retry_after_is_honoured(crowd: int, broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """Retry-After delays the next request, whatever the interval."""
    for number in range(crowd):
        world.set(f"j{number}")
    world.error = RateLimited("slower", status=429, retry_after=500)
    waiting = [start(broker.wait(world.wait(f"j{number}"))) for number in range(crowd)]
    await time.advance(499)
    assert world.requests == 1
    await time.advance(2)
    assert world.requests == 2
    for each in waiting:
        each.cancel()


async def test_a_late_joiner_of_an_outage_waits_for_the_tick(
    broker: Broker, world: PolledServer, time: SteppedTime
) -> None:
    """A waiter that joins during an outage waits for the next tick and gets the error at its deadline."""
    world.error = RateLimited("slower", status=429, retry_after=500)
    first = start(broker.wait(world.wait("j")))
    await time.advance(50)
    second = start(broker.wait(world.wait("j"), 100))
    await time.advance(101)
    with pytest.raises(TimedOut, match="429 slower"):
        await second
    assert world.requests == 1
    first.cancel()


async def test_watch_yields_each_change_and_ends_with_the_end(
    broker: Broker, world: PolledServer, time: SteppedTime
) -> None:
    """watch() yields changes only, a bad end included."""
    seen: list[object] = []

    async def watch() -> None:
        seen.extend([(thing.status, thing.progress) async for thing in broker.watch(world.wait("j"))])

    watching = asyncio.ensure_future(watch())
    await time.advance(10)
    world.set("j", progress=50)
    await time.advance(60)
    world.set("j", status="failed")
    await time.advance(60)
    await watching
    assert seen == [("running", None), ("running", 50), ("failed", 50)]


async def test_many_watchers_share_one_poller(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """A later watcher gets the last state at once and costs no request."""

    async def read() -> list[str | None]:
        return [thing.status async for thing in broker.watch(world.wait("j"))]

    first = asyncio.ensure_future(read())
    await time.advance(3)
    later = [asyncio.ensure_future(read()) for _ in range(50)]
    await settle()
    asked = world.requests
    world.set("j", status="completed")
    await time.advance(10)
    assert await first == ["running", "completed"]
    assert [await each for each in later] == [["running", "completed"]] * 50
    assert world.requests == asked + 1


async def test_a_slow_watcher_gets_the_newest_change(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """A slow watcher gets the newest change; older ones are dropped."""
    watching = broker.watch(world.wait("j"))
    assert (await anext(watching)).progress is None
    for progress in (10, 20, 30):
        world.set("j", progress=progress)
        await time.advance(40)
    assert (await anext(watching)).progress == 30
    await watching.aclose()  # type: ignore[attr-defined]


async def test_watching_has_a_deadline(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """A watch raises at its deadline."""

    async def read() -> None:
        async for _ in broker.watch(world.wait("j"), 20):
            pass

    watching = asyncio.ensure_future(read())
    await time.advance(21)
    with pytest.raises(TimedOut, match="within 20 s"):
        await watching


@pytest.mark.fault("C-08")
async def test_a_jump_of_the_clock_brings_one_late_poll(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """After a suspend of an hour there is one request, then the usual interval."""
    waiting = start(broker.wait(world.wait("j")))
    await time.advance(20)
    asked = world.requests
    await time.jump(3600)
    assert world.requests == asked + 1
    await time.advance(1)
    assert world.requests == asked + 1
    waiting.cancel()


async def test_intervals_grow_with_the_age_of_a_package(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """If a request may restart packing, each interval is at least a quarter of the age, without a cap."""
    moments: list[float] = []

    async def ask() -> Row:
        moments.append(time.now - 1000)
        return Row("p", "pending")

    wait = type(world.wait("p"))("package", ("p",), "p", ask, restarts=True)
    waiting = start(broker.wait(wait, 20_000))
    await time.advance(19_999)
    gaps = [(late - early) / early for early, late in pairwise(moments[1:])]
    assert min(gaps[:-1]) >= 0.25
    assert 19_990 <= moments[-1] < 20_000, "one last look just before the deadline"
    assert len(moments) < 45
    waiting.cancel()


async def test_a_server_that_restarts_packing_on_each_put_gets_done(
    broker: Broker, world: PolledServer, time: SteppedTime
) -> None:
    """Packing of ten minutes that every request restarts completes nevertheless."""
    begun = -1e9

    async def ask() -> Row:
        nonlocal begun
        age, begun = time.now - begun, time.now
        return Row("p", "ready" if 600 <= age < 1e6 else "pending")

    wait = type(world.wait("p"))("package", ("p",), "p", ask, restarts=True)
    waiting = start(broker.wait(wait))
    await time.advance(4000)
    assert (await waiting).status == "ready"


@pytest.mark.fault("C-05")
async def test_a_status_that_went_backwards_doubles_the_wait(
    broker: Broker, world: PolledServer, time: SteppedTime
) -> None:
    """A status that goes backwards may mean that our request restarted packing, so the interval doubles."""
    words = ["in_progress", "pending", *["in_progress"] * 50]

    async def ask() -> Row:
        return Row("p", words.pop(0))

    wait = type(world.wait("p"))("package", ("p",), "p", ask, restarts=True)
    waiting = start(broker.wait(wait))
    await time.advance(15)
    assert [seconds for seconds in time.slept if seconds < 100] == pytest.approx([2, 5, 6.25, 7.8125])
    waiting.cancel()


async def test_progress_and_estimate_set_the_next_tick(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """An estimate shortens the interval to meet the likely end."""
    world.set("j", progress="90%", estimated_duration=200)
    waiting = start(broker.wait(world.wait("j")))
    await time.advance(1)
    assert time.slept[-1] == pytest.approx(20)
    waiting.cancel()


class Ends:
    """Followers, and what each was called with, by id."""

    def __init__(self, broker: Broker, world: PolledServer) -> None:
        self.broker, self.world = broker, world
        self.calls: dict[str, list[Exception | None]] = {}

    def follow(self, id: str, deadline: float | None = None) -> Callable[[], None]:
        """Follow an object and return the function that ends it."""
        return self.broker.follow(self.world.wait(id), self.calls.setdefault(id, []).append, deadline)


async def test_a_follower_is_called_once_with_the_end(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """A follower is called once, with the end that `wait` would return or raise."""
    ends = Ends(broker, world)
    for id, status in (("good", "completed"), ("bad", "failed"), ("slow", "running"), ("left", "completed")):
        world.set(id, status=status)
        leave = ends.follow(id, 60)
    leave()
    await time.advance(1)

    assert (ends.calls["good"], ends.calls["slow"], ends.calls["left"]) == ([None], [], [])
    assert str(ends.calls["bad"][0]).startswith("jobs bad ended badly: status 'failed'")
    await time.advance(60)
    assert "jobs slow had not ended within 60 s: status 'running'" in str(ends.calls["slow"][0])
    assert {len(calls) for calls in ends.calls.values()} == {0, 1}


@pytest.mark.fault("C-07")
@pytest.mark.slow
async def test_thousands_of_followers_cost_no_task_each(broker: Broker, world: PolledServer, time: SteppedTime) -> None:
    """2,000 followed objects, or awaited ones with deadlines, need only a few tasks in all."""
    ends, before = Ends(broker, world), len(asyncio.all_tasks())
    ids = [f"j{number}" for number in range(2000)]
    for id in ids:
        world.set(id)
        ends.follow(id, 1000 + len(ends.calls))
    await time.advance(1)
    assert len(asyncio.all_tasks()) - before <= 3
    waiting = [start(broker.wait(world.wait(id), 500)) for id in ids]
    await time.advance(1)
    assert len(asyncio.all_tasks()) - before - len(waiting) <= 3
    await time.advance(3100)
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(error) for error in errors} == {TimedOut}
    assert {type(calls[0]) for calls in ends.calls.values()} == {TimedOut} and set(map(len, ends.calls.values())) == {1}


async def test_deadlines_are_met_in_whatever_order_they_were_set(
    broker: Broker, world: PolledServer, time: SteppedTime
) -> None:
    """Deadlines are met in order of time, whatever order they were set in; a cancelled one has no effect."""
    met: list[tuple[str, float]] = []
    begun = time.now

    def follow(id: str, deadline: float) -> Callable[[], None]:
        world.set(id)
        return broker.follow(world.wait(id), lambda error: met.append((id, time.now - begun)), deadline)

    for id, deadline in (("far", 300), ("near", 20), ("middle", 100)):
        follow(id, deadline)
        await settle()  # by now a task sleeps until the nearest deadline
    follow("gone", 10)()
    await time.advance(301)

    assert met == [("near", 20), ("middle", 100), ("far", 300)]


async def test_a_closed_broker_calls_its_followers(time: SteppedTime, world: PolledServer) -> None:
    """Closing calls every follower with an error and leaves no task."""
    broker = Broker(time.timing, PollSettings())
    ends = Ends(broker, world)
    ends.follow("j")
    await settle()
    await broker.close()
    assert isinstance(ends.calls["j"][0], ClientClosed)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_closing_ends_every_wait_with_an_error(time: SteppedTime, world: PolledServer) -> None:
    """Closing ends all waits with ClientClosed, leaves no task, and may be repeated."""
    broker = Broker(time.timing, PollSettings())
    waiting = [start(broker.wait(world.wait("j"))) for _ in range(3)]
    await settle()
    await broker.close()
    await broker.close()
    for each in waiting:
        with pytest.raises(ClientClosed, match="closed"):
            await each
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("deadline", [0, -1, float("nan")])
async def test_a_deadline_is_a_time_to_come(broker: Broker, world: PolledServer, deadline: float) -> None:
    """A deadline that cannot be met raises ConfigError before any request."""
    with pytest.raises(ConfigError, match="timeout"):
        await broker.wait(world.wait("j"), deadline)
    assert world.requests == 0


async def test_real_time_works_too(world: PolledServer) -> None:
    """The broker works with the default clock and sleep."""
    broker = Broker(Timing(), PollSettings(initial_interval=0.01))
    waiting = start(broker.wait(world.wait("j"), 5))
    await asyncio.sleep(0.02)
    world.set("j", status="completed")
    assert (await waiting).status == "completed"
    await broker.close()


@pytest.mark.slow
async def test_suspended_time_does_not_count(world: PolledServer) -> None:
    """Time during which the event loop was blocked or suspended does not count towards a deadline."""
    broker = Broker(Timing(), PollSettings(initial_interval=0.1, max_interval=0.1))
    waiting = start(broker.wait(world.wait("j"), 4))
    await asyncio.sleep(0.05)
    blocking_sleep(8)  # noqa: ASYNC251 - blocking the event loop is the case
    await asyncio.sleep(0.3)
    assert not waiting.done()
    world.set("j", status="completed")
    assert (await waiting).status == "completed"
    await broker.close()
