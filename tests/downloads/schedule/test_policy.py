"""The poll policy: which package is requested next, in virtual time."""

from __future__ import annotations

import math
import random

import pytest
from attrs import define
from simulation.network import Network
from simulation.policies import Learning, Work
from simulation.regime import Package, Regime, ideal, in_order, packages
from simulation.service import Course, run

from pixxel_async.downloads.schedule.rules.bottleneck import Bottleneck, CallRate
from pixxel_async.downloads.schedule.rules.packing_time import PackingTimeModel
from pixxel_async.downloads.schedule.rules.policy import PROBES, PollPolicy
from pixxel_async.downloads.schedule.rules.poll_times import next_scout, poll_age
from pixxel_async.downloads.schedule.rules.restart_test import RestartTest
from pixxel_async.downloads.schedule.rules.throughput import Throughput


@define(eq=False)
class Row:
    """A package as the policy sees it."""

    asked_at: float = 0.0
    sent_at: float = 0.0
    pending_at: float = 0.0
    gap: float = 0.0
    asks: int = 0
    restarts: bool = True
    until: float = math.inf


def taught(*delays: float) -> PackingTimeModel:
    """Return a model that has observed these packing times closely."""
    known = PackingTimeModel()
    for delay in delays:
        known.update(0.0, delay * 0.98, False)
        known.update(delay * 0.98, delay, True)
    return known


def asked_once(count: int, policy: PollPolicy[Row], now: float = 0.0) -> list[Row]:
    """Return packages that were requested once and were pending."""
    rows = [Row() for _ in range(count)]
    for row in rows:
        policy.start(row, now)
        row.asks = 1
        policy.end_request(row)
        policy.record_pending(row)
    return rows


@pytest.mark.parametrize(("median", "spread"), [(3.0, 1.2), (20.0, 0.8), (200.0, 0.4)])
def test_packing_times_are_learned_from_all_observations(median: float, spread: float) -> None:
    """PackingTimeModel learns median and spread from early, late and unsuccessful observations."""
    dice, known = random.Random(5), PackingTimeModel()
    for _ in range(200):
        delay, seen, age = dice.lognormvariate(math.log(median), spread), 0.0, 2.0
        while age < delay:
            known.update(seen, age, False)
            seen, age = age, age * 1.5
        known.update(seen, age, True)

    assert known.quantile(0.5) == pytest.approx(median, rel=0.15)
    assert known.quantile(0.99) == pytest.approx(median * math.exp(2.33 * spread), rel=0.35)


def test_late_observations_hardly_move_the_estimate() -> None:
    """Late observations carry little information and hardly move the estimate."""
    known = taught(*(20.0 * 1.5 ** (step / 10) for step in range(-20, 20)))
    before = known.estimate
    for _ in range(1000):
        known.update(0.0, 500.0, True)

    assert known.distance(before) < 0.1


def test_pending_packages_raise_the_estimate() -> None:
    """Packages still pending raise the estimate, which the early ones would bias downwards."""
    known = taught(10.0)
    before = known.quantile(0.5)
    for _ in range(5):
        known.update(0.0, 40.0, False)

    assert known.quantile(0.5) > 1.5 * before


@pytest.mark.slow
def test_tail_length() -> None:
    """tail_length() is the time until the expected number still packing falls below a limit."""
    known, dice = taught(*(20.0,) * 30), random.Random(3)
    lasts = known.tail_length(10.0, 0.7)
    median, spread = math.log(known.quantile(0.5)), known.estimate[1]
    rounds = [dice.lognormvariate(median, math.exp(spread)) for _ in range(100_000)]
    out = sum(10.0 * max(delay - lasts, 0.0) for delay in rounds) / len(rounds)

    assert out == pytest.approx(0.7, rel=0.1)
    assert known.tail_length(20.0, 0.7) > lasts


def test_ready_probability_is_conditional() -> None:
    """The probability that a package is ready is conditioned on its last pending observation."""
    known = taught(*(10.0,) * 20)

    assert known.ready_probability(0.0, 10.0) > known.ready_probability(9.5, 10.0)
    assert known.ready_probability(12.0, 12.0) == 0.0
    assert known.quantile(0.8, pending_at=12.0) > 12.0


def test_a_faster_service_is_learned() -> None:
    """A change of the service's speed is learned, and memory is bounded."""
    assert taught(*(100.0,) * 300, *(1.0,) * 300).quantile(0.5) == pytest.approx(1.0, rel=0.2)


def test_first_requests_precede_polls_while_packing_is_the_bottleneck() -> None:
    """While packing is the bottleneck, four of five calls are first requests and one is a poll."""
    policy: PollPolicy[Row] = PollPolicy(first=2.0, limit=10.0)
    asked_once(20, policy)
    policy.packing_time, policy.restarts.steady = taught(*(500.0,) * 20), True
    policy.throughput.end(1.0, policy.throughput.start(0.9), 1_000_000)
    chosen: list[str | None] = []
    for _ in range(10):
        chosen.append(policy.choose(900.0, fresh=True, to_come=1000, ready=0))
        row = policy.pop(900.0) if chosen[-1] == "poll" else Row()
        if chosen[-1] == "fresh":
            policy.start(row, 900.0)
        policy.end_request(row)

    assert chosen == ["poll", *["fresh"] * 4] * 2


def test_polls_precede_first_requests_while_streaming_is_the_bottleneck() -> None:
    """While streaming is the bottleneck, polls precede first requests."""
    policy: PollPolicy[Row] = PollPolicy(first=2.0, limit=10.0)
    asked_once(20, policy)
    policy.packing_time = taught(*(50.0,) * 20)
    policy.throughput.end(60.0, policy.throughput.start(50.0), 1_000_000)

    assert policy.choose(100.0, fresh=True, to_come=1000, ready=0) == "poll"


def test_no_poll_without_demand() -> None:
    """Without demand for a ready package no poll is sent."""
    policy: PollPolicy[Row] = PollPolicy(first=2.0)
    asked_once(20, policy)
    policy.packing_time, policy.restarts.steady = taught(*(5.0,) * 20), True

    assert policy.choose(1000.0, fresh=False, to_come=0, ready=1) is None
    assert policy.choose(1000.0, fresh=False, to_come=0, ready=0) == "poll"


def test_no_poll_too_early() -> None:
    """A poll also needs a sufficient probability that the package is ready."""
    policy: PollPolicy[Row] = PollPolicy(first=30.0)
    asked_once(20, policy)
    policy.packing_time = taught(*(50.0,) * 20)
    policy.restarts.steady = True

    assert policy.choose(20.0, fresh=False, to_come=0, ready=0) is None
    assert policy.choose(90.0, fresh=False, to_come=0, ready=0) == "poll"


def test_probes_are_sent_at_growing_ages() -> None:
    """Probes are sent at growing ages until a package is ready."""
    policy: PollPolicy[Row] = PollPolicy(first=2.0)
    rest = asked_once(1000, policy)[PROBES:]
    looks: list[float] = []
    now = 0.0
    while now < 60.0:
        due = policy.due(now, ready=0)
        assert due is not None
        now = max(due, now)
        if policy.choose(now, fresh=False, to_come=0, ready=0) == "poll":
            row = policy.pop(now)
            looks += [now] if row in rest and row.asks == 1 else []
            row.asks += 1
            policy.end_request(row)
            policy.record_pending(row)

    assert looks == pytest.approx([2.0 * 1.05**step for step in range(len(looks))])
    assert len(looks) == 70


def test_probes_do_not_delay_first_requests() -> None:
    """While first requests are left and nothing is known, one call in seventeen is a probe."""
    policy: PollPolicy[Row] = PollPolicy(first=2.0)
    asked_once(PROBES + 100, policy)
    for row in [policy.pop(4.0) for _ in range(PROBES)]:
        policy.end_request(row)
    chosen = []
    for now in range(100, 134):
        chosen.append(policy.choose(now, fresh=True, to_come=1000, ready=0))
        row = policy.pop(now) if chosen[-1] == "poll" else Row()
        if chosen[-1] == "fresh":
            policy.start(row, now)

    assert chosen == [*["fresh"] * 16, "poll"] * 2


@pytest.mark.parametrize(("vain", "steady", "chosen"), [(2, False, "poll"), (26, False, None), (26, True, "poll")])
def test_early_polls_are_bounded_while_they_may_restart_packing(vain: int, steady: bool, chosen: str | None) -> None:
    """Early unsuccessful polls are bounded to a fifth of the packages until restarts are ruled out."""
    policy: PollPolicy[Row] = PollPolicy(first=2.0, limit=1000.0)
    asked_once(100, policy)
    policy.packing_time = taught(*(10.0,) * 20)
    for _ in range(vain):
        row = policy.pop(9.0)
        row.asks += 1
        policy.end_request(row)
        policy.record_pending(row)
    policy.packing_time, policy.restarts.steady = taught(*(10.0,) * 20), steady

    assert policy.choose(policy.packing_time.quantile(0.7), fresh=False, to_come=0, ready=0) == chosen


def test_probes_are_rare_for_few_packages() -> None:
    """The fewer packages there are, the rarer the probes."""
    assert next_scout(10.0, 1000) == pytest.approx(10.5)
    assert next_scout(10.0, 100) == pytest.approx(15.0)
    assert next_scout(10.0, 10) == pytest.approx(60.0)
    assert next_scout(10.0, 100_000) == pytest.approx(10.3)


def test_packages_ready_at_once_are_requested_on_demand() -> None:
    """Packages that are ready at once are requested only on demand, since their links would age."""
    policy: PollPolicy[Row] = PollPolicy(first=2.0)
    for _ in range(20):
        policy.record_ready(Row(asks=1), 600.0)

    assert policy.choose(0.0, fresh=True, to_come=9, ready=1) is None
    assert policy.choose(0.0, fresh=True, to_come=9, ready=0) == "fresh"


@pytest.mark.fault("E-10")
def test_the_backlog_is_bounded_by_the_life_of_links() -> None:
    """The backlog of ready packages is bounded by a quarter of a link's lifetime."""
    policy: PollPolicy[Row] = PollPolicy(first=2.0)
    policy.throughput.end(1.0, policy.throughput.start(0.0), 100)
    policy.record_ready(Row(asks=1), 3600.0)
    assert policy.demand(0) == 1 + 4
    policy.record_ready(Row(asks=1), 8.0)
    assert policy.demand(0) == 1 + 2
    policy.record_ready(Row(asks=1), 2.0)
    assert policy.demand(0) == 1


def test_intervals_grow_until_restarts_are_ruled_out() -> None:
    """A package that is ready after a shorter interval proves that polling does not restart packing."""
    policy: PollPolicy[Row] = PollPolicy(first=2.0)
    row, now = Row(asked_at=0.0, asks=3), 30.0
    row.pending_at, row.gap, row.sent_at = 20.0, 12.0, now
    policy.record_ready(row, 600.0)
    assert policy.restarts.steady

    policy = PollPolicy(first=2.0)
    row.gap = 5.0
    policy.record_ready(row, 600.0)
    assert not policy.restarts.steady


def waits(*, restarts: bool, looks: int) -> list[float]:
    """Return the intervals between unsuccessful polls of one package, while others take long."""
    row = Row(restarts=restarts, asks=1, pending_at=45.0, gap=45.0)
    intervals: list[float] = []
    for _ in range(looks):
        row.asks += 1
        age = poll_age(row, taught(*(50.0,) * 20), RestartTest(), first=2.0, remaining=1)
        intervals.append(age - (row.pending_at - row.asked_at))
        row.pending_at, row.gap = row.asked_at + age, max(row.gap, intervals[-1])
    return intervals


@pytest.mark.slow
def test_intervals_grow_only_if_polls_may_restart_packing() -> None:
    """Intervals grow only for packages whose polls may restart packing."""
    assert max(waits(restarts=True, looks=8)[1:]) > 1.5 * 45.0
    assert max(waits(restarts=False, looks=8)[1:]) < 10.0


def test_retry_after_is_kept() -> None:
    """A Retry-After is kept for its package alone, whatever was learned."""
    policy: PollPolicy[Row] = PollPolicy(first=1.0)
    policy.packing_time, policy.restarts.steady, policy.streams = taught(*(5.0,) * 20), True, 2
    patient, other = Row(asks=1), Row(asks=1)
    for row, seconds in ((patient, 500.0), (other, None)):
        policy.start(row, 0.0)
        policy.end_request(row)
        policy.record_pending(row, seconds)

    assert policy.choose(100.0, fresh=False, to_come=0, ready=0) == "poll"
    assert policy.pop(100.0) is other
    assert policy.choose(499.0, fresh=False, to_come=0, ready=0) is None
    assert policy.choose(501.0, fresh=False, to_come=0, ready=0) == "poll"
    assert policy.pop(501.0) is patient


def test_the_pace_is_measured_at_the_best_number_of_streams() -> None:
    """The pace of bodies is measured at the best number of streams."""
    pipe = Throughput()
    alone = pipe.start(0.0)
    pipe.end(10.0, alone, 100)
    starts = [pipe.start(10.0) for _ in range(4)]
    for since in starts:
        pipe.end(20.0, since, 100)

    assert pipe.seconds_per_body() == pytest.approx(2.5)


def test_shared_streams_are_counted_in_total() -> None:
    """Streams that share a line are counted by what arrives in total."""
    pipe = Throughput()
    first = pipe.start(0.0)
    second = pipe.start(9.0)
    pipe.end(11.0, first, 100)
    pipe.end(20.0, second, 100)

    assert pipe.seconds_per_body() == pytest.approx(10.0)


def test_the_bottleneck_is_what_takes_longest() -> None:
    """The bottleneck is what takes longest: streaming, packing or requesting."""
    assert Bottleneck(streaming=30.0, packing=20.0, asking=10.0).streams_are_last
    assert not Bottleneck(streaming=30.0, packing=31.0, asking=10.0).streams_are_last
    assert not Bottleneck(streaming=30.0, packing=20.0, asking=31.0).streams_are_last
    assert Bottleneck(streaming=0.0, packing=9.0, asking=9.0).streams_are_last


def test_the_rate_of_calls_is_learned_while_there_is_something_to_send() -> None:
    """CallRate learns the rate from busy periods only, up to a known limit."""
    rate = CallRate(math.inf)
    for burst in range(20):
        for call in range(10):
            rate.record_sent(100.0 * burst + 0.25 * call)
        rate.record_idle()

    assert rate.now == pytest.approx(4.0, rel=0.01)
    assert CallRate(3.0).now == 3.0


def test_a_service_that_restarts_is_suspected_by_its_answers() -> None:
    """Answers that would be unlikely without restarts raise the suspicion, and a single proof settles it."""
    doubt = RestartTest()

    def stand() -> tuple[bool, bool, bool]:
        return doubt.open, doubt.likely, doubt.steady

    assert stand() == (True, False, False)
    for _ in range(5):
        doubt.update(False, if_restarting=0.0, if_steady=0.99)
    assert stand() == (False, True, False)
    for _ in range(5):
        doubt.update(True, if_restarting=0.1, if_steady=0.9)
    assert stand() == (True, False, False)
    doubt.update(True, if_restarting=0.0, if_steady=0.5)
    assert stand() == (False, False, True)


def test_intervals_grow_at_a_service_that_restarts() -> None:
    """At a service that restarts packing, intervals grow by a third to threefold."""
    row, doubt = Row(asks=3), RestartTest(suspicion=20.0)
    row.pending_at = row.gap = 40.0
    close, wide = taught(*(10.0,) * 20), taught(*(10.0 * 2.0**step for step in range(-6, 7)))

    assert poll_age(row, close, doubt, first=2.0, remaining=1) - 40.0 == pytest.approx(1.3 * 40.0)
    assert 1.3 * 40.0 < poll_age(row, wide, doubt, first=2.0, remaining=1) - 40.0 <= 3.0 * 40.0


def course(*, restarts: bool = False, **facts: float | int) -> tuple[Course, float]:
    """Simulate one regime with the manager's policy; return the result and the lower bound."""
    defaults = {
        "rate": 15, "bandwidth": 150, "streams": 8, "size": 100, "link_life": 60, "packing": 20.0,
        "packing_spread": 0.8, "size_spread": 0.3, "cap": 100, "latency": 0.2,
    }  # fmt: skip
    regime = Regime(**(defaults | facts))  # type: ignore[arg-type]
    items = packages(regime, 300, random.Random(7))
    found = run(regime, items, Learning(regime.streams, regime.asks, regime.rate), restarts=restarts)
    return found, max(ideal(regime, items), in_order(regime, items))


@pytest.mark.slow
@pytest.mark.parametrize(
    "facts",
    [{}, {"rate": 8, "size": 30, "streams": 32, "packing": 3.0}, {"packing": 200.0}, {"size": 1500, "bandwidth": 50}],
    ids=["the net is scarce", "calls are", "packing takes long", "links are short"],
)
def test_an_export_is_near_the_bound(facts: dict[str, float]) -> None:
    """In virtual time an export takes at most 1.3 times the bound, with few polls and expired links."""
    found, bound = course(**facts)

    assert found.makespan <= 1.3 * bound
    assert found.polls <= 1.9
    assert found.expired <= 0.05


def test_a_large_body_gets_the_connections_that_are_free() -> None:
    """In the simulation a large body gets the free connections once its rate is known."""
    facts = {"rate": 15, "bandwidth": 1000, "streams": 4, "size": 1, "link_life": 60, "packing": 1.0}
    regime = Regime(**facts, packing_spread=0.4, size_spread=0.3, cap=100, latency=0.2)  # type: ignore[arg-type]
    network = Network(regime, Learning(4, 4), settling=1.0)
    network.begin(Work(Package(1.0, 1100.0)), 0.0)
    network.pass_by(1.0)
    network.split(1.0)
    assert network.next_event(1.0) == pytest.approx(1.0 + 1000 / 400)

    network.begin(Work(Package(1.0, 50.0)), 1.0)
    assert network.next_event(1.0) == pytest.approx(1.0 + 50 / 100)
    network.pass_by(0.5)
    assert [work.package.size for work in network.ended()] == [50.0]
    assert network.next_event(1.5) == pytest.approx(1.5 + (1000 - 150) / 300)


def test_a_service_that_restarts_gets_done_in_virtual_time() -> None:
    """At a service that restarts packing an export takes at most three times the bound."""
    found, bound = course(restarts=True)

    assert found.makespan <= 3.0 * bound


def test_an_empty_policy_has_nothing_to_do() -> None:
    """An empty policy has nothing to do."""
    assert PollPolicy[Row](first=2.0).choose(0.0, fresh=False, to_come=0, ready=0) is None
