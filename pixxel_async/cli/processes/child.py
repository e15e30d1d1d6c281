"""One worker process, as its pool sees it."""

from __future__ import annotations

import asyncio

from attrs import define, field

from ...downloads import Snapshot
from ...packages import PackageEntry
from .frames import WorkerEnd


@define(eq=False)
class Child:
    """One worker.

    Attributes:
        unended: packages that it has and that have not ended, by their text form.
        snapshot: its last counts.
        over: its last message, once that came.
    """

    process: asyncio.subprocess.Process
    unended: dict[str, PackageEntry] = field(factory=dict)
    snapshot: Snapshot | None = None
    over: WorkerEnd | None = None

    @property
    def stdin(self) -> asyncio.StreamWriter:
        assert self.process.stdin is not None  # noqa: S101 - it was started with a pipe
        return self.process.stdin

    @property
    def stdout(self) -> asyncio.StreamReader:
        assert self.process.stdout is not None  # noqa: S101 - it was started with a pipe
        return self.process.stdout
