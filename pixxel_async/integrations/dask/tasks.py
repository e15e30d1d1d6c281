"""Batches under way on a Dask cluster."""

from __future__ import annotations

import logging
import queue
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress

from distributed import Client, Future, KilledWorker

from ...errors import DownloadError
from .worker import Batch, WorkerConfig, run_batch

_log = logging.getLogger("pixxel_async.dask")

AHEAD = 4
"""Batches a worker that are under way: while the packages of one are being packed, the next one downloads."""
RETRIES = 3
"""Times that a failed batch is run again by Dask; a package's own retries are the manager's."""
PERIOD = 1.0
"""Seconds after which workers that joined are noticed."""


class Tasks:
    """The batches under way, as many as keep the workers of the moment busy.

    Three kinds of loss are mended: Dask moves the batches of a worker that goes or dies; a batch with which several
    workers have died is split, so that a package that kills its worker takes no others with it; and batches that a
    restarted scheduler does not know are submitted again.
    """

    def __init__(self, client: Client, config: WorkerConfig) -> None:
        self._client = client
        self._config = config
        self._batches: dict[Future, Batch] = {}
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._workers = 0
        self._count_after = 0.0
        if not self._count_workers():
            _log.warning("the cluster has no workers yet: batches wait until some join")

    @property
    def full(self) -> bool:
        """Whether enough batches are under way for the workers that there are now."""
        return len(self._batches) >= AHEAD * max(1, self._count_workers())

    @property
    def running(self) -> bool:
        """Whether any batch is under way."""
        return bool(self._batches)

    def _count_workers(self) -> int:
        if time.monotonic() >= self._count_after:
            with suppress(OSError):  # the scheduler is being restarted
                self._workers = len(self._client.nthreads())
            self._count_after = time.monotonic() + PERIOD
        return self._workers

    def submit(self, batch: Batch) -> None:
        """Submit one batch."""
        future = self._client.submit(
            run_batch, self._config, batch, retries=RETRIES, pure=False, key=f"pixxel-{secrets.token_hex(8)}"
        )
        self._batches[future] = batch
        future.add_done_callback(self._ended.put)

    def ended(self) -> Iterator[tuple[Batch, Future]]:
        """Wait for a batch that ends, or a second; yield those that have ended.

        Raises:
            DownloadError: the scheduler is gone for good.
        """
        if self._client.status not in ("running", "connecting", "newly-connected"):
            raise DownloadError(
                "the Dask scheduler is gone, and the client has given up waiting for it; what was done is recorded: "
                "export again with a new client, and the rest is fetched"
            )
        try:
            future = self._ended.get(timeout=PERIOD)
        except queue.Empty:
            return
        batch = self._batches.pop(future)
        if future.cancelled():
            self.submit(batch)
        elif len(batch) > 1 and isinstance(future.exception(), KilledWorker):
            for package in batch:
                self.submit([package])
        else:
            yield batch, future

    def close(self) -> None:
        """Cancel running batches; a worker's manager stays open for the next export."""
        with suppress(Exception):  # the scheduler may be gone
            self._client.cancel(list(self._batches), force=True)
