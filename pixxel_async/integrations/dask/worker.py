"""Runtime of a Dask worker: one client and one download manager per process, in their own event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from attrs import field, frozen
from distributed import Reschedule, Worker, WorkerPlugin, get_worker, secede

from ...client import PixxelClient
from ...downloads import DownloadManager
from ...downloads.disk.store_urls import spool_name
from ...errors import ConfigError
from ...events import Downloaded, Failed, Outcome
from ...packages import PackageEntry, parse_package
from ...settings import Settings
from ..objects import ObjectStore
from ..shared_folder import SharedFolder
from .call_rate import CallRate
from .done_table import Done, DoneTable

CHECK_INTERVAL = 1.0
"""Seconds between two looks at how busy a batch keeps its worker."""

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
        calls_per_second: the account's rate, for all workers together.
        account: owner of the rate: API and profile.
    """

    to: str
    spool: str | None = None
    profile: str | None = None
    values: Mapping[str, Any] = field(factory=dict, hash=False)
    options: Mapping[str, Any] = field(factory=dict, hash=False)
    calls_per_second: float | None = None
    account: str = ""

    @property
    def is_url(self) -> bool:
        """Whether the destination is an object store."""
        return "://" in self.to


@frozen
class BatchResult:
    """Result of one batch.

    Attributes:
        worker: address of the worker that ran it.
        done: finished packages.
        failed: text form, error class and message of the others.
        received: bytes fetched now, without existing files.
    """

    worker: str
    done: Sequence[Done]
    failed: Sequence[tuple[str, str, str]]
    received: int


class WorkerSession:
    """The client and manager of one worker process, used by all of its task threads.

    Attributes:
        batches: batches under way.
    """

    def __init__(self, config: WorkerConfig, worker: Worker) -> None:
        self.batches = 0
        self._closing = False
        self._config = config
        self._worker = worker
        self._table = DoneTable(ObjectStore.at(config.to if config.is_url else Path(config.to).as_uri()).store)
        self._stack = AsyncExitStack()
        self._portal_context = start_blocking_portal("asyncio")
        self._portal: BlockingPortal = self._portal_context.__enter__()
        try:
            self._manager = self._portal.call(self._open)
        except BaseException:
            self.close()
            raise

    async def _open(self) -> DownloadManager:
        config = self._config
        rate = {} if config.calls_per_second is None else {"http.calls_per_second": config.calls_per_second}
        settings = Settings.load(profile=config.profile, **{**config.values, **rate})
        if not settings.api_key:
            raise ConfigError("no API key on the worker: set PIXXEL_API_KEY or PIXXEL_API_KEY_FILE in its environment")
        client = await self._stack.enter_async_context(PixxelClient(settings=settings))
        if config.calls_per_second is not None:
            client._channel.permit = CallRate(self._worker, config.calls_per_second, config.account)
        base = Path(config.spool) if config.spool else Path(self._worker.local_directory) / "pixxel"
        target = config.to if config.is_url else SharedFolder(Path(config.to))
        spool = base / spool_name(config.to)
        manager = DownloadManager(client, target, spool=spool)
        self._stack.push_async_callback(manager.aclose, drain=0)
        return await manager.open()

    def run(self, batch: Batch) -> BatchResult:
        """Fetch a batch, and append fetched packages to the table beside the data before reporting them.

        The thread is given back to the worker once the batch leaves download slots free, as when its last packages are
        still being packed: the next batch then takes these.

        Raises:
            Reschedule: the worker closes; another one has to run the batch.
        """
        running = self._portal.start_task_soon(self._fetch, batch)
        while not wait([running], timeout=CHECK_INTERVAL).done:
            if self._portal.call(self._manager.snapshot).streaming < self._config.options["max_concurrent_downloads"]:
                secede()
                break
        if self._closing:
            raise Reschedule
        outcomes = running.result()
        done = [row for row, _ in outcomes if isinstance(row, Done)]
        self._table.append(done)
        failed = [row for row, _ in outcomes if isinstance(row, tuple)]
        return BatchResult(self._worker.address, done, failed, sum(received for _, received in outcomes))

    async def _fetch(self, batch: Batch) -> list[tuple[Done | tuple[str, str, str], int]]:
        packages = [PackageEntry(parse_package(text), dict(fields)) for text, fields in batch]
        async with self._manager.fetch_all(packages, **self._config.options) as outcomes:
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
        """Close manager, client and event loop; running batches stop and resume when run again."""
        self._closing = True
        try:
            self._portal.call(self._stack.aclose)
        finally:
            self._portal_context.__exit__(None, None, None)


_GUARD = threading.Lock()
_SESSIONS: dict[tuple[str, WorkerConfig], WorkerSession] = {}
"""The sessions of this process by worker id and configuration."""
_WATCHED: set[str] = set()
"""Ids of the workers that close their sessions with themselves."""


class CloseSessions(WorkerPlugin):  # type: ignore[misc]  # untyped
    """Close the sessions when their worker closes, so that its process can end."""

    name = "pixxel-sessions"

    async def teardown(self, worker: Worker) -> None:
        """Close all sessions in a thread, since their event loops have to be waited for."""
        await asyncio.get_running_loop().run_in_executor(worker.executors["offload"], close_sessions, worker.id)


def run_batch(config: WorkerConfig, batch: Batch) -> BatchResult:
    """Run one batch in a task thread of a worker."""
    with _session(config) as session:
        return session.run(batch)


@contextmanager
def _session(config: WorkerConfig) -> Iterator[WorkerSession]:
    """Open the worker's session at its first batch; the sessions of exports that have ended are closed then."""
    worker = get_worker()
    key = worker.id, config
    with _GUARD:
        if key not in _SESSIONS:
            if worker.id not in _WATCHED:
                _WATCHED.add(worker.id)
                worker.loop.add_callback(worker.plugin_add, CloseSessions())
            _close([each for each, session in _SESSIONS.items() if each[0] == worker.id and not session.batches])
            _SESSIONS[key] = WorkerSession(config, worker)
        session = _SESSIONS[key]
        session.batches += 1
    try:
        yield session
    finally:
        with _GUARD:
            session.batches -= 1


def close_sessions(worker_id: str) -> None:
    """Close a worker's sessions."""
    with _GUARD:
        _WATCHED.discard(worker_id)
        _close([key for key in _SESSIONS if key[0] == worker_id])


def _close(keys: Sequence[tuple[str, WorkerConfig]]) -> None:
    for key in keys:
        _SESSIONS.pop(key).close()
