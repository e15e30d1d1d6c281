"""What a Dask worker runs: one client and one download manager a process, in an event loop of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from attrs import field, frozen
from distributed import Semaphore, Worker, WorkerPlugin, get_worker

from ...client import PixxelClient
from ...downloads import DownloadManager
from ...downloads.disk.locations import spool_name
from ...errors import ConfigError
from ...events import Downloaded, Failed, Outcome
from ...packages import Wanted, parse_package
from ...settings import Settings
from ..objects import ObjectStore
from ..shared_folder import SharedFolder
from .done_table import Done, DoneTable

T = TypeVar("T")

Batch = Sequence[tuple[str, Mapping[str, Any]]]
"""Text forms of packages, with the fields for their names."""


@frozen(kw_only=True)
class WorkerConfig:
    """Everything that a worker needs beside the key, which it has from its own environment; travels with each task.

    Attributes:
        to: absolute path of a shared folder, or URL of an object store.
        spool: folder on the worker, below which each destination has one for part files and a record; None for the
            worker's scratch folder.
        profile: name of a profile of the settings file on the worker.
        values: settings by dotted name.
        options: fields of `DownloadSettings`.
        calls_per_second: this worker's share of the account's rate.
    """

    to: str
    spool: str | None = None
    profile: str | None = None
    values: Mapping[str, Any] = field(factory=dict, hash=False)
    options: Mapping[str, Any] = field(factory=dict, hash=False)
    calls_per_second: float | None = None

    @property
    def is_url(self) -> bool:
        """Tell whether the destination is an object store."""
        return "://" in self.to


@frozen
class BatchResult:
    """Result of one batch.

    Attributes:
        worker: address of the worker that ran it.
        done: finished packages.
        failed: text form, error class and message of the others.
        received: bytes fetched now, without what was there already.
    """

    worker: str
    done: Sequence[Done]
    failed: Sequence[tuple[str, str, str]]
    received: int


class WorkerSession:
    """The client and manager of one worker process, used by all of its task threads."""

    def __init__(self, config: WorkerConfig, scratch: Path) -> None:
        self._config = config
        self._scratch = scratch
        self._stack = AsyncExitStack()
        self._portal_context = start_blocking_portal("asyncio")
        self._portal: BlockingPortal = self._portal_context.__enter__()
        try:
            self._manager = self._portal.call(self._open)
        except BaseException:
            self._portal_context.__exit__(None, None, None)
            raise
        self._store = ObjectStore.at(config.to if config.is_url else Path(config.to).as_uri()).store

    async def _open(self) -> DownloadManager:
        values = dict(self._config.values)
        if self._config.calls_per_second is not None:
            values["http.calls_per_second"] = self._config.calls_per_second
        settings = Settings.load(profile=self._config.profile, **values)
        if not settings.api_key:
            raise ConfigError("no API key on the worker: set PIXXEL_API_KEY or PIXXEL_API_KEY_FILE in its environment")
        client = await self._stack.enter_async_context(PixxelClient(settings=settings))
        base = Path(self._config.spool) if self._config.spool else self._scratch
        spool = base / spool_name(self._config.to)
        target = self._config.to if self._config.is_url else SharedFolder(Path(self._config.to))
        return await self._stack.enter_async_context(DownloadManager(client, target, spool=spool))

    def run(self, batch: Batch) -> BatchResult:
        """Fetch a batch, and append what is done to the table beside the data before it is reported."""
        outcomes = self._portal.call(self._fetch, batch)
        done = [row for row, _ in outcomes if isinstance(row, Done)]
        DoneTable(self._store).append(done)
        failed = [row for row, _ in outcomes if isinstance(row, tuple)]
        return BatchResult(get_worker().address, done, failed, sum(received for _, received in outcomes))

    async def _fetch(self, batch: Batch) -> list[tuple[Done | tuple[str, str, str], int]]:
        wanted = [Wanted(parse_package(text), dict(fields)) for text, fields in batch]
        async with self._manager.fetch_all(wanted, **self._config.options) as outcomes:
            return [await self._row(outcome) async for outcome in outcomes]

    async def _row(self, outcome: Outcome) -> tuple[Done | tuple[str, str, str], int]:
        identity = str(outcome.package)
        if isinstance(outcome, Failed):
            return (identity, type(outcome.error).__name__, str(outcome.error)), 0
        row = await self._manager.record.get(identity, self._manager.folder)
        if row is None or row.state != "done" or row.name is None:
            return (identity, "Skipped", getattr(outcome, "reason", "not fetched")), 0
        done = Done(identity, row.name, row.size or 0, row.mtime_ns or 0, row.sha256, row.proof, row.container)
        new = isinstance(outcome, Downloaded) and outcome.fetched
        return done, done.size - outcome.resumed_from if new and isinstance(outcome, Downloaded) else 0

    def close(self) -> None:
        """Close manager, client and event loop."""
        try:
            self._portal.call(self._stack.aclose)
        finally:
            self._portal_context.__exit__(None, None, None)


_GUARD = threading.Lock()
_SESSIONS: dict[tuple[str, WorkerConfig], WorkerSession] = {}
"""The sessions of this process by worker id; one for each destination and set of options."""


class CloseSessions(WorkerPlugin):  # type: ignore[misc]  # untyped
    """Close the sessions when their worker closes, so that its process can end."""

    name = "pixxel-sessions"

    async def teardown(self, worker: Worker) -> None:
        """Close all sessions in a thread, since their event loops have to be waited for."""
        await asyncio.get_running_loop().run_in_executor(worker.executors["offload"], close_sessions, worker.id)


def run_batch(config: WorkerConfig, slots: Semaphore, batch: Batch) -> BatchResult:
    """Run one batch in a task thread of a worker.

    Args:
        slots: one lease for each share of the account's call rate.
    """
    with slots:
        return _session(config).run(batch)


def _session(config: WorkerConfig) -> WorkerSession:
    worker = get_worker()
    key = worker.id, config
    with _GUARD:
        if key not in _SESSIONS:
            _SESSIONS[key] = WorkerSession(config, Path(worker.local_directory) / "pixxel")
            if CloseSessions.name not in worker.plugins:
                worker.loop.add_callback(worker.plugin_add, CloseSessions())
        return _SESSIONS[key]


def close_sessions(worker_id: str) -> None:
    """Close a worker's sessions."""
    with _GUARD:
        for key in [key for key in _SESSIONS if key[0] == worker_id]:
            _SESSIONS.pop(key).close()
