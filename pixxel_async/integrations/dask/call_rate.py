"""The account's call rate on a Dask cluster: one distributed semaphore, whose leases are taken call by call."""

from __future__ import annotations

import asyncio
import hashlib
import math
from typing import TYPE_CHECKING

from distributed import Semaphore

if TYPE_CHECKING:
    from distributed import Worker

SHORTEST = 0.25
"""Least seconds between the start of a call and the return of its lease: long beside a round trip to the scheduler."""


class CallRate:
    """Rate limit shared by all workers: n leases, each held for n / rate seconds, start at most `rate` calls a second.

    A worker that joins takes part from its first call, and one that waits leaves its share to the others. The leases of
    a killed worker return after Dask's `distributed.scheduler.locks.lease-timeout`.

    Args:
        worker: the Dask worker of this process, on whose event loop the semaphore lives.
        rate: calls a second of the account.
        account: owner of the limit; exports of the same account share it.
    """

    def __init__(self, worker: Worker, rate: float, account: str) -> None:
        leases = math.ceil(rate * SHORTEST)
        self._hold = leases / rate
        self._loop: asyncio.AbstractEventLoop = worker.loop.asyncio_loop
        name = hashlib.sha256(f"{account} {rate}".encode()).hexdigest()[:16]
        self._leases = Semaphore(leases, name=f"pixxel-calls-{name}", scheduler_rpc=worker.scheduler, loop=worker.loop)
        self._held: set[asyncio.Task[None]] = set()

    async def __call__(self) -> None:
        """Wait for a lease; its return is up to the worker's event loop, also if the caller is cancelled."""
        acquired = asyncio.run_coroutine_threadsafe(self._acquire(), self._loop)
        await asyncio.shield(asyncio.wrap_future(acquired))

    async def _acquire(self) -> None:
        await self._leases.acquire()
        task = asyncio.create_task(self._release_later())
        self._held.add(task)
        task.add_done_callback(self._held.discard)

    async def _release_later(self) -> None:
        await asyncio.sleep(self._hold)
        await self._leases.release()
