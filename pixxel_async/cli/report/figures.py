"""Aggregate the rows of a record for the HTML report: memory is a few numbers for each package."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from attrs import define, field, frozen

from ...downloads import Row

BINS = 240
"""Points of the timeline, and of the rate."""
PAUSE = 3600.0
"""Seconds without any activity that separate two runs."""
_MOST_FAILURES = 25
"""Missing packages that are listed."""
SIZES = tuple(digit * 10**power for power in range(3, 14) for digit in (1, 2, 5))
"""Bytes that separate the classes of sizes."""
_STATES = {"done": "done", "waiting": "waiting", "failed": "failed", "given_up": "given up"}
"""Names of the states; a row in any other is unfinished."""


@frozen
class Life:
    """Times of a fetched package's request, stream and end, in seconds since 1970, and its bytes."""

    asked_at: float
    started_at: float
    finished_at: float
    size: int


@frozen
class Missing:
    """A package that is not done, with the error of its last attempt."""

    package: str
    state: str
    error: str


@frozen
class Timeline:
    """A run in bins of equal length.

    Attributes:
        begin, end: seconds since 1970.
        waiting, streaming: packages that were asked for and packed, and that were streaming, at the middle of each bin.
        rates: bytes per second that arrived in each bin; a package's bytes count evenly over its streaming.
    """

    begin: float
    end: float
    waiting: Sequence[int]
    streaming: Sequence[int]
    rates: Sequence[float]


@define
class Figures:
    """Counts of a folder's packages.

    Attributes:
        states: packages by state.
        size: bytes of the fetched packages.
        lives: times of the fetched packages that have them.
        reasons: missing packages by kind of error.
        missing: some of the missing packages.
        days: packages fetched, by day in UTC: whole days since 1970.
        sizes: packages by size: those of class i are smaller than `SIZES[i]`, and not smaller than the one before.
        still_packed: archives that could not be unpacked.
    """

    states: Counter[str] = field(factory=Counter)
    size: int = 0
    lives: list[Life] = field(factory=list)
    reasons: Counter[str] = field(factory=Counter)
    missing: list[Missing] = field(factory=list)
    days: Counter[int] = field(factory=Counter)
    sizes: Counter[int] = field(factory=Counter)
    still_packed: int = 0

    def count(self, row: Row) -> None:
        """Count one package."""
        state = _STATES.get(row.state, "unfinished")
        self.states[state] += 1
        if row.state == "done":
            self._count_fetched(row)
            return
        if row.error_kind:
            self.reasons[row.error_kind] += 1
        if row.state in ("failed", "given_up") and len(self.missing) < _MOST_FAILURES:
            self.missing.append(Missing(row.identity, state, row.error or ""))

    def _count_fetched(self, row: Row) -> None:
        size = row.size or 0
        self.size += size
        self.sizes[min(bisect_right(SIZES, size), len(SIZES) - 1)] += 1
        self.still_packed += row.error is not None
        self.days[int((row.finished_at or row.updated_at) // 86_400)] += 1
        if row.asked_at is not None and row.started_at is not None and row.finished_at is not None:
            started = min(row.started_at, row.finished_at)
            self.lives.append(Life(min(row.asked_at, started), started, row.finished_at, size))


def last_run_lives(lives: Iterable[Life]) -> list[Life]:
    """Return the packages of the last run: those after the last `PAUSE` in which nothing was under way."""
    ordered = sorted(lives, key=lambda life: life.asked_at)
    first, until = 0, -math.inf
    for at, life in enumerate(ordered):
        if life.asked_at - until > PAUSE:
            first = at
        until = max(until, life.finished_at)
    return ordered[first:]


def make_timeline(lives: Sequence[Life], bins: int = BINS) -> Timeline | None:
    """Put the packages of a run into bins of equal length; None if there are none."""
    if not lives:
        return None
    begin, end = min(life.asked_at for life in lives), max(life.finished_at for life in lives)
    end = max(end, begin + 1.0)
    width = (end - begin) / bins
    requested, started, finished = (
        sorted(getattr(life, name) for life in lives) for name in ("asked_at", "started_at", "finished_at")
    )
    middles = [begin + (at + 0.5) * width for at in range(bins)]
    counts = [[bisect_right(times, middle) for middle in middles] for times in (requested, started, finished)]
    waiting = [earlier - later for earlier, later in zip(counts[0], counts[1], strict=True)]
    streaming = [earlier - later for earlier, later in zip(counts[1], counts[2], strict=True)]
    return Timeline(begin, end, waiting, streaming, _spread_rates(lives, begin, width, bins))


def _spread_rates(lives: Sequence[Life], begin: float, width: float, bins: int) -> list[float]:
    """Spread each package's bytes evenly over its streaming: differences at both ends of it, summed up at the end."""
    inner, part = [0.0] * (bins + 1), [0.0] * (bins + 1)
    for life in lives:
        first, last = (life.started_at - begin) / width, (life.finished_at - begin) / width
        last = max(last, first + 1e-6)
        rate = life.size / (last - first)  # bytes per bin
        for at, sign in ((first, 1.0), (last, -1.0)):
            index = min(int(at), bins - 1)
            part[index] += sign * rate * (index + 1 - at)
            inner[index + 1] += sign * rate
    return [max(0.0, full + partial) / width for full, partial in zip(accumulate(inner[:bins]), part, strict=False)]


def package_rate(lives: Sequence[Life]) -> float | None:
    """Return the median of the packages' bytes per second while streaming; None if there are none."""
    rates = sorted(life.size / max(life.finished_at - life.started_at, 0.001) for life in lives)
    return rates[len(rates) // 2] if rates else None
