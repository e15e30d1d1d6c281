"""Disk threads have a lower priority than the event loop; other threads are unchanged."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from pixxel_async._aio.threads import Threads


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a niceness of its own on Linux alone")
async def test_disk_threads_are_nicer_than_the_loop() -> None:
    """Only the threads of a pool with `niceness` are nicer."""

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    nice, plain = Threads(1, niceness=3), Threads(1)
    assert await nice.run(niceness) == min(before + 3, 19)
    assert (await plain.run(niceness), niceness(), os.getpriority(os.PRIO_PROCESS, 0)) == (before, before, before)
    nice.close()
    plain.close()
