"""The schedule in virtual time: `python benchmarks/schedule.py [--regimes 40] [--items 1000] [--seed N] [--json FILE]`.
`--policies pixxel` leaves out what people write instead, which is most of the work.

The decisions are those of the download manager, by its own classes; only the service, the network and the clock are
acted. Each random regime is run by every policy, and its length divided by a bound below which nobody can come.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from simulation.policies import Learning, Patient, Policy
from simulation.regime import Package, Regime, ideal, in_order, packages
from simulation.service import Course, run

Table = dict[str, dict[str, float]]

STEPS: dict[str, Callable[[int], float]] = {
    "fixed": lambda asks: 5.0,
    "backoff": lambda asks: min(30.0, 2.0 ** (asks - 1)),
    "semaphore": lambda asks: 5.0,
}
"""Seconds between two requests for one package, in the policies that learn nothing."""
NAMES = ("pixxel", *STEPS)


def policies(regime: Regime) -> dict[str, Policy]:
    """Create the manager's policy and the hand-written ones."""
    plain = {name: Patient(regime.streams, wait) for name, wait in STEPS.items() if name != "semaphore"}
    crowd = Patient(regime.streams, STEPS["semaphore"], most=4 * regime.streams)
    return {"pixxel": Learning(regime.streams, regime.asks, regime.rate), **plain, "semaphore": crowd}


def replay(regime: Regime, items: list[Package], names: Sequence[str]) -> dict[str, Course]:
    """Replay one regime by these policies, and by the manager's with less favourable services."""
    courses = {name: run(regime, items, policy) for name, policy in policies(regime).items() if name in names}
    unknown = Learning(regime.streams, asks=max(regime.asks, 8))
    courses["pixxel, rate unknown"] = run(regime, items, unknown, refusing=True)
    anew = Learning(regime.streams, regime.asks, regime.rate)
    courses["pixxel, restarts"] = run(regime, items, anew, restarts=True)
    return courses


def share(values: list[float], part: float) -> float:
    """Return the quantile of a list."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def spread(spans: list[float]) -> dict[str, float]:
    """Return median, 90th percentile and maximum."""
    return {"median": share(spans, 0.5), "p90": share(spans, 0.9), "worst": max(spans)}


def figures(courses: list[Course], bounds: list[float]) -> Table:
    """Return the figures of one policy over all regimes."""
    spans = [course.makespan / bound for course, bound in zip(courses, bounds, strict=True)]
    polls, expired = [course.polls for course in courses], [course.expired for course in courses]
    return {
        "makespan": spread(spans),
        "polls": {"median": share(polls, 0.5), "worst": max(polls)},
        "expired": {"mean": sum(expired) / len(expired), "worst": max(expired)},
    }


def measure(regimes: int, count: int, seed: int, names: Sequence[str] = NAMES) -> dict[str, object]:
    """Return all figures of one seed."""
    dice = random.Random(seed)
    runs: dict[str, list[Course]] = {}
    bounds: list[float] = []
    ordered: list[float] = []
    for _ in range(regimes):
        regime = Regime.draw(dice)
        items = packages(regime, count, dice)
        bounds.append(ideal(regime, items))
        ordered.append(max(bounds[-1], in_order(regime, items)))
        for name, course in replay(regime, items, names).items():
            runs.setdefault(name, []).append(course)
    tables = {name: figures(courses, bounds) for name, courses in runs.items()}
    return {
        "policies": {name: table for name, table in tables.items() if not name.startswith("pixxel,")},
        "rate unknown": tables["pixxel, rate unknown"],
        "restarts": tables["pixxel, restarts"],
        "in the order given": figures(runs["pixxel"], ordered),
        "in_order_bound": spread([late / bound for late, bound in zip(ordered, bounds, strict=True)]),
    }


def line(name: str, table: Table) -> str:
    """Return one row of the report."""
    spans, polls, expired = table["makespan"], table["polls"], table["expired"]
    return (
        f"{name:32} {spans['median']:7.3f} {spans['p90']:7.3f} {spans['worst']:7.3f} |"
        f" {polls['median']:6.2f} {polls['worst']:7.2f} | {expired['mean']:8.4f} {expired['worst']:8.3f}"
    )


def report(results: dict[str, object]) -> None:
    """Print all rows."""
    print(f"{'':32} {'makespan / ideal':^23} | {'polls an item':^14} | {'expired an item':^17}")
    print(f"{'':32} {'median':>7} {'p90':>7} {'worst':>7} | {'median':>6} {'worst':>7} | {'mean':>8} {'worst':>8}")
    tables: dict[str, Table] = results["policies"]  # type: ignore[assignment]
    for name, table in tables.items():
        print(line(name, table))
    for key in ("rate unknown", "restarts", "in the order given"):
        print(line(f"pixxel, {key}", results[key]))  # type: ignore[arg-type]
    bound: dict[str, float] = results["in_order_bound"]  # type: ignore[assignment]
    print("No policy without foresight can have less, since packages are asked for in the order given:", end=" ")
    print(f"median {bound['median']:.3f}, p90 {bound['p90']:.3f}, worst {bound['worst']:.3f} of ideal.")
    print("'in the order given': the same runs beside that bound.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regimes", type=int, default=40)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policies", nargs="+", choices=NAMES, default=NAMES, help="beside pixxel, which always runs")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    started = time.process_time()
    results = measure(options.regimes, options.items, options.seed, ["pixxel", *options.policies])
    report(results)
    print(f"{options.regimes} regimes x {options.items} packages, seed {options.seed}:", end=" ")
    print(f"{time.process_time() - started:.0f} s of CPU")
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
