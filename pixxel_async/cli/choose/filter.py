"""Which jobs and tasks an export takes: decisions over plain values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from attrs import frozen

from ...packages import Package
from ...waiting import plain, verdict

PackageChoice = Literal["job", "task", "both"]
Take = Literal["now", "later", "running", "no"]

WORKFLOW_NAME = "workflow_name"
"""A field of name templates that only a listing of workflows fills."""

_ENDED = ("good", "partial")


@frozen
class Choice:
    """What to take of the jobs that a listing brings.

    Attributes:
        packages: `job`, `task` or `both`.
        status: status words that are taken; empty: whatever has ended well, or well in part.
        since: only what finished then or later; None for all.
        wait: whether jobs that are still running are waited for.
    """

    packages: PackageChoice = "job"
    status: tuple[str, ...] = ()
    since: datetime | None = None
    wait: bool = False

    def take(self, status: str | None, finished: datetime | None) -> Take:
        """Whether to take a job: `now`, `later` when it has ended, not while it is `running`, or `no`.

        A job that has no time of its end is never too old: better one package too many than one too few.
        """
        if not self._wanted(status):
            if self.status or verdict(status) != "going":
                return "no"
            return "later" if self.wait else "running"
        if self.since and finished and aware(finished) < self.since:
            return "no"
        return "now"

    def ended(self, status: str | None) -> bool:
        """Whether a chosen job need not be waited for."""
        return self._wanted(status) or verdict(status) != "going"

    def _wanted(self, status: str | None) -> bool:
        if self.status:
            return plain(status) in map(plain, self.status)
        return verdict(status) in _ENDED


def aware(when: datetime) -> datetime:
    """The time with an offset; one without is UTC."""
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def task_counts(status: str | None) -> bool:
    """Whether a task of a chosen job can have a package: it ended well, or does not say how it ended."""
    return not status or verdict(status) in _ENDED


def blank_fields(kind: type[Package], workflow_name: str) -> dict[str, str | None]:
    """The fields that a name template may use for any listed package of a kind; what a row does not tell is None."""
    return {**dict.fromkeys(kind.row_fields), WORKFLOW_NAME: workflow_name or None}
