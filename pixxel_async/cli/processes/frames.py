"""Messages between an export and its worker processes: pickled values, each with its length in four bytes before it.

Both ends are this program, started by the same user, and nobody else has the pipe. No message holds the API key.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from collections.abc import Callable, Mapping
from io import RawIOBase
from pathlib import Path
from typing import Any, TypeAlias

from attrs import frozen

from ...downloads import Snapshot
from ...downloads.disk.locations import LocationSpec
from ...errors import PixxelError
from ...events import Event, Outcome
from ...packages import Package, PackageEntry

_LENGTH = struct.Struct(">I")


@frozen
class WorkerJob:
    """Job of a worker; the key is passed in its environment.

    Attributes:
        settings: dotted settings of the client.
        profile: profile of the settings file; None with `alone`.
        alone: whether `settings` is all, as for the sandbox, whatever files and environment say.
        to, record, name: as of the export.
        options: keywords of `fetch_all`.
        events: whether the export shows events.
    """

    settings: Mapping[str, Any]
    profile: str | None
    alone: bool
    to: LocationSpec
    record: Path | None
    name: str | None
    shard: tuple[int, int] | None
    wait: bool
    options: Mapping[str, Any]
    events: bool


Row: TypeAlias = "tuple[Package, dict[str, Any], bool | None, str | None]"
"""A `PackageEntry` as plain values."""


@frozen
class Share:
    """Packages for a worker; without any it is to end once the earlier ones have."""

    rows: tuple[Row, ...]


@frozen
class EndedPackages:
    """Outcomes of packages."""

    outcomes: tuple[Outcome, ...]


@frozen
class WorkerState:
    """Counts of a worker, and its events since the last state."""

    snapshot: Snapshot
    events: tuple[Event, ...]


@frozen
class WorkerEnd:
    """The last message of a worker; with an error if that ended the batch."""

    error: PixxelError | None


@frozen
class DividedLimit:
    """The n-th part of a bandwidth limit that changes with time.

    Attributes:
        limit: the limit of all processes together, in bytes a second; None for no limit.
    """

    limit: Callable[[], float | None]
    n: int

    def __call__(self) -> float | None:
        """Return the limit of one process."""
        limit = self.limit()
        return None if limit is None else limit / self.n


def to_row(entry: PackageEntry) -> Row:
    """Convert a package to plain values."""
    return entry.package, dict(entry.fields), entry.ended, entry.name


def from_row(row: Row) -> PackageEntry:
    """Convert plain values back."""
    return PackageEntry(*row)


def encode(message: object) -> bytes:
    """Return the frame of a message."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def read_frame(pipe: RawIOBase) -> Any:
    """Read one message, blocking; raises `EOFError` at the end."""
    return pickle.loads(_read_exactly(pipe, _LENGTH.unpack(_read_exactly(pipe, _LENGTH.size))[0]))  # noqa: S301


async def receive(pipe: asyncio.StreamReader) -> Any:
    """Read one message; raises `EOFError` at the end, also within a message."""
    head = await pipe.readexactly(_LENGTH.size)
    return pickle.loads(await pipe.readexactly(_LENGTH.unpack(head)[0]))  # noqa: S301


def write_frame(pipe: RawIOBase, frame: bytes) -> None:
    """Write the frame of a message, blocking."""
    rest = memoryview(frame)
    while rest:
        rest = rest[pipe.write(rest) or 0 :]


def _read_exactly(pipe: RawIOBase, count: int) -> bytes:
    data = b""
    while len(data) < count:
        block = pipe.read(count - len(data))
        if not block:
            raise EOFError
        data += block
    return data
