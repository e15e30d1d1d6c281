"""Export packages with a Dask cluster; runs in the caller's process, with or without an event loop."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack

import anyio.to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal
from attrs import frozen
from distributed import Client, Future, KilledWorker, get_client

from ...downloads.disk.locations import locate
from ...errors import ConfigError, KeyRefused
from ...packages import as_entry
from ...settings import Settings
from .done_table import Done
from .finished import FinishedPackages
from .tasks import Tasks
from .worker import Batch, BatchResult, WorkerConfig

if TYPE_CHECKING:
    import pandas as pd

    from ...settings.options import DownloadOptions

T = TypeVar("T")

BATCH = 50
"""Packages of one task: large beside the scheduler's cost of about a millisecond a task, small beside what a killed
worker has to repeat."""


@frozen
class Result:
    """Outcome of one package.

    Attributes:
        package: text form.
        state: `fetched` now or found by a worker, `there` since an earlier run, or `failed`.
        location: path or URL of the file; None if failed.
        size: bytes.
        sha256: hex digest.
        error, error_kind: message and class name of the failure.
        worker: address of the worker that fetched it.
    """

    package: str
    state: Literal["fetched", "there", "failed"]
    location: str | None = None
    size: int | None = None
    sha256: str | None = None
    error: str | None = None
    error_kind: str | None = None
    worker: str | None = None


def export(
    packages: Iterable[object] | AsyncIterable[object],
    to: str | Path,
    *,
    client: Client | None = None,
    cluster: Any = None,
    per_worker: int = 8,
    batch: int = BATCH,
    spool: str | Path | None = None,
    profile: str | None = None,
    settings: Mapping[str, Any] | None = None,
    **options: Unpack[DownloadOptions],
) -> Export:
    """Export packages with the workers of a Dask cluster.

    Each worker process has an event loop, client and manager of its own, and takes the API key from its environment or
    profile: the key is never in the graph, the scheduler or its dashboard. What is done is recorded beside the data, so
    that a second run, on this or any other cluster, skips it. A batch whose worker was killed is run again by Dask.

    Args:
        packages: packages, texts or rows, plain or async; read no faster than they are exported.
        to: a folder that all workers share at the same path, or the URL of an object store.
        client: the cluster's client; None for the current one, or a new one.
        cluster: a cluster to connect to when `client` is None.
        per_worker: concurrent downloads of one worker.
        batch: packages of one task.
        spool: folder on each worker for part files, so that they outlive the worker; None for its scratch folder.
        profile: profile of the settings file on each worker.
        settings: settings by dotted name, such as `{"http.calls_per_second": 5}`, which is the rate of all workers
            together.
        options: fields of `DownloadSettings`.

    Returns:
        an iterable of `Result`, plain and async; nothing runs before it is iterated.

    Raises:
        ConfigError: a key among the settings, or options that cannot work on a cluster.

    Example:
        for result in export(rows, "/shared/exports", cluster=cluster): print(result.package, result.state)
    """
    values = dict(settings or {})
    if any(name.split(".")[0] in ("api_key", "key_source") for name in values):
        raise ConfigError(
            "a key would be visible in the task graph: set PIXXEL_API_KEY_FILE in the workers' environment"
        )
    if options.get("extract"):
        raise ConfigError("`extract` unpacks into local folders only; unpack with .map(…) on the workers")
    if options.get("name_template") is not None:
        raise ConfigError("name_template is not known on a cluster: workers cannot see each other's names")
    locate(to)
    chosen = Settings.load(profile=profile, **values)
    target = os.fspath(to) if "://" in str(to) else str(Path(to).absolute())
    return Export(
        packages,
        to=target,
        client=client or _client(cluster),
        batch=batch,
        origin=chosen.origin or chosen.base_url,
        config=WorkerConfig(
            to=target,
            spool=None if spool is None else os.fspath(spool),
            profile=profile,
            values=values,
            options={**options, "max_concurrent_downloads": per_worker},
            calls_per_second=chosen.http.calls_per_second,
            account=f"{chosen.origin or chosen.base_url} {profile or ''}",
        ),
    )


def _client(cluster: Any) -> Client:
    if cluster is not None:
        return Client(cluster)
    try:
        return get_client()
    except ValueError:
        return Client()


class Export:
    """The results of an export; iterate once.

    Attributes:
        fetched, there, failed: packages so far.
        received: bytes fetched so far.
    """

    def __init__(
        self,
        packages: Iterable[object] | AsyncIterable[object],
        *,
        to: str,
        client: Client,
        batch: int,
        origin: str,
        config: WorkerConfig,
    ) -> None:
        self.fetched = self.there = self.failed = self.received = 0
        self._packages = packages
        self._to = to
        self._client = client
        self._batch = batch
        self._origin = origin
        self._config = config
        self._results = self._run()

    def __repr__(self) -> str:
        return f"Export({self._to!r}, fetched={self.fetched}, there={self.there}, failed={self.failed})"

    def __iter__(self) -> Iterator[Result]:
        return self._results

    async def __aiter__(self) -> AsyncIterator[Result]:
        limiter = anyio.CapacityLimiter(1)
        while (result := await anyio.to_thread.run_sync(next, self._results, None, limiter=limiter)) is not None:
            yield result

    def to_frame(self) -> pd.DataFrame:
        """Run to the end and return the results as a DataFrame, one row per package; needs pandas."""
        import pandas as pd
        from attrs import asdict, fields

        columns = [each.name for each in fields(Result)]
        return pd.DataFrame([asdict(result) for result in self._results], columns=columns)

    def map(self, function: Callable[[str], T]) -> Iterator[tuple[Result, Future]]:
        """Yield each result with a future of `function(location)`, on the worker that fetched the file if it can.

        Failed packages are left out; `failed` counts them.
        """
        for result in self._results:
            if result.location is not None:
                workers = [result.worker] if result.worker else None
                yield (
                    result,
                    self._client.submit(
                        function, result.location, workers=workers, allow_other_workers=workers is not None, pure=False
                    ),
                )

    def _run(self) -> Iterator[Result]:
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal("asyncio"))
            redo_missing = self._config.options.get("on_missing") == "redo"
            finished = stack.enter_context(FinishedPackages(self._to, self._origin, portal, redo_missing=redo_missing))
            tasks = Tasks(self._client, self._config)
            stack.callback(tasks.close)
            new: dict[str, Done] = {}
            source = self._new_packages(_plain(self._packages, portal), finished)
            yield from self._drain(tasks, source, new)
            finished.record(new)

    def _new_packages(
        self, packages: Iterable[object], finished: FinishedPackages
    ) -> Iterator[tuple[str, Mapping[str, Any]] | Result]:
        """Yield packages to fetch, and results of those that are there."""
        iterator = map(as_entry, packages)
        while page := list(islice(iterator, self._batch)):
            identities = [str(item.package) for item in page]
            done_before = finished.find(identities)
            for identity, item in zip(identities, page, strict=True):
                if (done := done_before.get(identity)) is None:
                    yield identity, dict(item.fields)
                else:
                    self.there += 1
                    yield Result(identity, "there", f"{self._to}/{done.name}", done.size, done.sha256)

    def _drain(
        self, tasks: Tasks, source: Iterator[tuple[str, Mapping[str, Any]] | Result], new: dict[str, Done]
    ) -> Iterator[Result]:
        """Keep the workers busy with batches from the source, and yield results as they come."""
        at_hand: list[tuple[str, Mapping[str, Any]]] = []
        for result in source:
            if isinstance(result, Result):
                yield result
                continue
            at_hand.append(result)
            if len(at_hand) == self._batch:
                while tasks.full:
                    for batch, future in tasks.ended():
                        yield from self._results_of(batch, future, new)
                tasks.submit(at_hand)
                at_hand = []
        if at_hand:
            tasks.submit(at_hand)
        while tasks.running:
            for batch, future in tasks.ended():
                yield from self._results_of(batch, future, new)

    def _results_of(self, batch: Batch, future: Future, new: dict[str, Done]) -> Iterator[Result]:
        error = future.exception()
        if isinstance(error, ConfigError | KeyRefused):
            raise error
        if error is not None:
            kind = "WorkerLost" if isinstance(error, KilledWorker) else type(error).__name__
            self.failed += len(batch)
            for identity, _ in batch:
                yield Result(identity, "failed", error=str(error), error_kind=kind)
            return
        result: BatchResult = future.result()
        self.received += result.received
        for done in result.done:
            self.fetched += 1
            new[done.package] = done
            location = f"{self._to}/{done.name}"
            yield Result(done.package, "fetched", location, done.size, done.sha256, worker=result.worker)
        for identity, kind, message in result.failed:
            self.failed += 1
            yield Result(identity, "failed", error=message, error_kind=kind, worker=result.worker)


def _plain(packages: Iterable[object] | AsyncIterable[object], portal: BlockingPortal) -> Iterator[object]:
    """Iterate over a plain or an async source from this thread."""
    if not isinstance(packages, AsyncIterable) or isinstance(packages, Sequence):  # an awaited page is a sequence
        yield from packages
        return
    iterator = aiter(packages)

    async def page() -> list[object]:
        rows: list[object] = []
        async for each in iterator:
            rows.append(each)
            if len(rows) == BATCH:
                break
        return rows

    while rows := portal.call(page):
        yield from rows
