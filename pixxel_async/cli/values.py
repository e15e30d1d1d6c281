"""Parse the values of options: durations, sizes, times and bandwidth limits; pure functions."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal

from attrs import field, frozen

MIN_RATE = 1024
"""Bytes per second."""
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt]?)(i?)b?)?")
_PARTS = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
_SECONDS = (86400.0, 3600.0, 60.0, 1.0)
"""Seconds of the units of a duration: days, hours, minutes, seconds."""
_CHANGE = re.compile(r"([01]\d|2[0-3]):([0-5]\d),(\S+)")
"""A change of the bandwidth limit: time of day, comma, limit."""


def parse_duration(text: str) -> float:
    """Parse `90s`, `30m`, `1h30m`, `2d` or `90` to seconds; raises `ValueError`."""
    match = _PARTS.fullmatch(text.strip().lower())
    total = sum(float(part or 0) * unit for part, unit in zip(match.groups(), _SECONDS, strict=True)) if match else 0
    if total <= 0:
        raise ValueError(text)
    return total


def parse_size(text: str) -> int:
    """Parse `500MB`, `2GiB`, `1.5G` or `4096` to bytes; raises `ValueError`."""
    match = _AMOUNT.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(text)
    number, unit, binary = match.groups()
    power = " kmgt".index(unit or " ")
    return round(float(number) * float(1024 if binary else 1000) ** power)


def parse_time(text: str) -> datetime:
    """Parse an ISO 8601 time; UTC if it has no offset, as in the API. Raises `ValueError`."""
    when = datetime.fromisoformat(text.strip())
    return when if when.tzinfo else when.replace(tzinfo=UTC)


@frozen
class BandwidthSchedule:
    """Bandwidth limits by local time of day; call it for the limit that applies now.

    Attributes:
        changes: minute of the day, counted from midnight, and the limit from then on in bytes per second, None for no
            limit; in ascending order. Before the first change the last one of the day before applies.
        now: clock of the local time.
    """

    changes: tuple[tuple[int, int | None], ...]
    now: Callable[[], datetime] = field(default=datetime.now, eq=False)

    def __call__(self) -> int | None:
        """Return the current limit in bytes per second; None for no limit."""
        now = self.now()
        after = bisect_right(self.changes, now.hour * 60 + now.minute, key=lambda change: change[0])
        return self.changes[after - 1][1]


def parse_limit(text: str) -> int | BandwidthSchedule | Literal["off"]:
    """Parse a bandwidth limit: `10MB`, `off`, or by local time of day `08:00,1MB 19:00,off`.

    Returns:
        Bytes per second, the schedule, or `off`.

    Raises:
        ValueError: it is none of these, a time comes twice, or a rate is below `MIN_RATE`; the message says which.
    """
    if ":" not in text:
        return _parse_rate(text.strip()) or "off"
    changes: dict[int, int | None] = {}
    for entry in text.split():
        match = _CHANGE.fullmatch(entry)
        if match is None:
            raise ValueError(f"{entry!r} is not a time and a limit; write it as 08:00,1MB or 19:00,off")
        minute = int(match[1]) * 60 + int(match[2])
        if minute in changes:
            raise ValueError(f"{match[1]}:{match[2]} comes twice")
        changes[minute] = _parse_rate(match[3])
    return BandwidthSchedule(tuple(sorted(changes.items(), key=lambda change: change[0])))


def _parse_rate(text: str) -> int | None:
    if text.lower() == "off":
        return None
    try:
        rate = parse_size(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a rate; write it as 500KB, 2MiB or off") from None
    if rate < MIN_RATE:
        raise ValueError(f"{text!r} is below the minimum of 1KiB per second")
    return rate


def array_shard(environ: Mapping[str, str], count: str = "") -> tuple[int, int]:
    """Return the shard (i, n), i from 1, of this task of a job array.

    Args:
        environ: variables that the scheduler sets: SLURM_ARRAY_TASK_ID with _COUNT, _MIN and _STEP,
            AWS_BATCH_JOB_ARRAY_INDEX with AWS_BATCH_JOB_ARRAY_SIZE, or JOB_COMPLETION_INDEX of a Kubernetes Job.
        count: number of shards; empty for the size of the array. Kubernetes does not set it. With it, Slurm's ids
            count from 1, so that single tasks of an array can be submitted again.

    Raises:
        ValueError: this is no task of an array, or its position is unknown; the text says what to pass.
    """
    if count and not (count.isdecimal() and int(count) > 0):
        raise ValueError(f"auto/{count} is not a shard; write auto, or auto/10 for ten machines")
    if "SLURM_ARRAY_TASK_ID" in environ:
        task = int(environ["SLURM_ARRAY_TASK_ID"])
        first, step = int(environ.get("SLURM_ARRAY_TASK_MIN", 1)), int(environ.get("SLURM_ARRAY_TASK_STEP", 1))
        position = task if count else (task - first) // step + 1
        size = count or environ.get("SLURM_ARRAY_TASK_COUNT", "")
    elif "AWS_BATCH_JOB_ARRAY_INDEX" in environ:
        position = int(environ["AWS_BATCH_JOB_ARRAY_INDEX"]) + 1
        size = count or environ.get("AWS_BATCH_JOB_ARRAY_SIZE", "")
    elif "JOB_COMPLETION_INDEX" in environ:
        position, size = int(environ["JOB_COMPLETION_INDEX"]) + 1, count
    else:
        raise ValueError("auto needs a job array (Slurm, AWS Batch, or an indexed Kubernetes Job); write I/N here")
    if not size:
        raise ValueError("the number of machines is not in the environment; write auto/N")
    if not 1 <= position <= int(size):
        raise ValueError(f"task {position} is outside of {size} shards; number the array 1-N and write auto/N")
    return position, int(size)
