"""Batches under way on a Dask cluster, and the share of the call rate that each worker has."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve
from distributed import Client, Future, Semaphore, as_completed

from ...errors import ConfigError
from .worker import Batch, WorkerConfig, run_batch

AHEAD = 2
"""Tasks a worker that are submitted at the same time: one runs, one waits."""
RETRIES = 3
"""Times that a failed batch is run again by Dask; a package's own retries are the manager's."""


class Tasks:
    """The batches under way. Each worker has one slot, and with it an equal share of the account's call rate."""

    def __init__(self, client: Client, config: WorkerConfig, rate: float | None) -> None:
        workers = len(client.nthreads())
        if not workers:
            raise ConfigError("the cluster has no workers; wait for some with client.wait_for_workers(1)")
        self._client = client
        self._config = evolve(config, calls_per_second=None if rate is None else rate / workers)
        self._slots = Semaphore(max_leases=workers, name=f"pixxel-{secrets.token_hex(8)}")
        self._most = AHEAD * workers
        self._batches: dict[Future, Batch] = {}
        self._completed = as_completed()

    @property
    def full(self) -> bool:
        """Tell whether enough batches are under way."""
        return len(self._batches) >= self._most

    @property
    def running(self) -> bool:
        """Tell whether any batch is under way."""
        return bool(self._batches)

    def submit(self, batch: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Submit one batch."""
        future = self._client.submit(
            run_batch,
            self._config,
            self._slots,
            batch,
            retries=RETRIES,
            pure=False,
            key=f"pixxel-{secrets.token_hex(8)}",
        )
        self._batches[future] = batch
        self._completed.add(future)

    def next(self) -> tuple[Batch, Future]:
        """Wait for the next batch that ends."""
        future = next(self._completed)
        return self._batches.pop(future), future

    def close(self) -> None:
        """Cancel what is under way; the workers' managers stay open for the next export, until their worker closes."""
        self._client.cancel(list(self._batches), force=True)
