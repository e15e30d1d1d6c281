"""Decide which jobs and tasks an export takes; pure functions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from attrs import frozen

from ...models import JobStatus
from ...packages import Package
from ...waiting import plain, verdict
from ..text import did_you_mean, printable

PackageChoice = Literal["job", "task", "both"]
Take = Literal["now", "later", "running", "no"]

WORKFLOW_NAME = "workflow_name"
"""Field of name templates that only a listing of workflows fills."""

KNOWN_STATUSES = tuple(str(word) for word in JobStatus.words())
"""The documented status words of jobs."""
_ENDED = ("good", "partial")


@frozen
class Choice:
    """Filter for the jobs of a listing.

    Attributes:
        packages: `job`, `task` or `both`.
        status: accepted status words; empty: jobs that succeeded, wholly or in part.
        since: accept only jobs that finished then or later; None for all.
        until: accept only jobs that finished before; None for all.
        wait: wait for jobs that are still running.
    """

    packages: PackageChoice = "job"
    status: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    wait: bool = False

    def decide(self, status: str | None, finished: datetime | None) -> Take:
        """Decide on a job: `now`, `later` (once it has ended), `running` (skip, and count), or `no`.

        A job without a finish time passes `since` and `until`: a package too many is better than one too few.
        """
        if not self._matches(status):
            if self.status or verdict(status) != "going":
                return "no"
            return "later" if self.wait else "running"
        if self.since and finished and make_aware(finished) < self.since:
            return "no"
        if self.until and finished and make_aware(finished) >= self.until:
            return "no"
        return "now"

    def has_ended(self, status: str | None) -> bool:
        """Return whether an accepted job has ended, so that there is no need to wait for it."""
        return self._matches(status) or verdict(status) != "going"

    def _matches(self, status: str | None) -> bool:
        if self.status:
            return plain(status) in map(plain, self.status)
        return verdict(status) in _ENDED


def unknown_status_warning(word: str) -> str:
    """Return a warning about a status word that is neither documented nor understood; empty for a known one."""
    if verdict(word) != "going" or plain(word) in map(plain, KNOWN_STATUSES):
        return ""
    similar = did_you_mean(word, KNOWN_STATUSES)
    return f"unknown status {printable(word)}; known are {', '.join(KNOWN_STATUSES)}{similar}"


def make_aware(when: datetime) -> datetime:
    """Return the time with an offset; UTC if it has none."""
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def may_have_package(status: str | None) -> bool:
    """Return whether a task of an accepted job can have a package: it succeeded, or has no status."""
    return not status or verdict(status) in _ENDED


def blank_fields(kind: type[Package], workflow_name: str) -> dict[str, str | None]:
    """Return the template fields of a package kind, all None except the workflow's name."""
    return {**dict.fromkeys(kind.row_fields), WORKFLOW_NAME: workflow_name or None}
