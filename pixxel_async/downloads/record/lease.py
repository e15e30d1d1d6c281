"""Owners of leases, and whether they are alive: by process, boot and heartbeat."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

from attrs import field, frozen

from ...errors import DownloadError

__all__ = ["LeaseLost", "Owner", "is_alive", "is_certainly_dead"]

_LIVING: set[str] = set()
"""Owners of this process whose records are open."""

SILENCE = 120.0
"""Seconds without a heartbeat after which an owner counts as dead where its process cannot be inspected; chosen."""


class LeaseLost(DownloadError):
    """Internal: the lease of a package was taken over while this process was frozen."""


@frozen
class Owner:
    """One open record of one process.

    Attributes:
        host: the machine and the process numbering in which `pid` means something.
        boot: the machine's start.
        pid, started: the process and its start, which distinguishes a reused number.
        nonce: random digits that distinguish two records of one process.
        clock: seconds since 1970.
    """

    host: str
    boot: str
    pid: int
    started: str
    nonce: str
    clock: Callable[[], float] = field(default=time.time, eq=False, repr=False)

    @classmethod
    def of_this_process(cls, clock: Callable[[], float] = time.time) -> Owner:
        """Return a new owner for a record about to be opened."""
        pid = os.getpid()
        return cls(_host(), _boot(), pid, _started(pid), secrets.token_hex(8), clock)

    def begin(self) -> None:
        """Count as alive from now on."""
        _LIVING.add(self.nonce)

    def end(self) -> None:
        """Count as dead from now on."""
        _LIVING.discard(self.nonce)


def is_alive(holder: Owner, me: Owner, beat_at: float) -> bool:
    """Return whether the holder of a lease is alive.

    Args:
        beat_at: its last heartbeat, by the clock of `me`.
    """
    if holder.boot and holder.boot == me.boot and holder.host == me.host and holder.started:
        if holder.pid == me.pid and holder.started == me.started:
            return holder.nonce in _LIVING
        return _started(holder.pid) == holder.started
    if holder.host == me.host and holder.boot != me.boot and holder.boot and me.boot:
        return False
    return abs(me.clock() - beat_at) < SILENCE


def is_certainly_dead(holder: Owner, me: Owner) -> bool:
    """Return whether a holder can write no more: its process is gone, or its machine was restarted.

    A holder that was silent for too long may be frozen, and continue to write when it thaws.
    """
    if not (holder.boot and me.boot and holder.host == me.host):
        return False
    if holder.boot != me.boot:
        return True
    return bool(holder.started) and not is_alive(holder, me, me.clock())


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def _host() -> str:
    try:
        numbering = os.readlink("/proc/self/ns/pid")
    except OSError:
        numbering = ""
    return f"{socket.gethostname()} {numbering}".strip()


def _boot() -> str:
    return _read("/proc/sys/kernel/random/boot_id")


def _started(pid: int) -> str:
    """Return the start of a process in the kernel's ticks; empty if there is no such process, or no /proc."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else ""
