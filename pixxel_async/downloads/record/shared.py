"""Copies of a record beside the data, for a folder on a network file system, where the record itself cannot lie.

SQLite needs locks that NFS, Lustre and GPFS do not keep, so that the record of such a folder is on a local disk of each
machine. Every machine publishes a whole copy of its own below `.pixxel/records`, and takes in those of the others.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from ..._aio.threads import Threads
from ..._files import check_state_folder
from ..._publish import publish
from .merge import merge

__all__ = ["SharedCopies"]

P = ParamSpec("P")
T = TypeVar("T")

_ALL = "all"
_SEEN = "copies.json"

Stamp = list[int]
"""Modification time in nanoseconds and size of a copy."""


class SharedCopies:
    """The copies in one folder, as the machine of one record sees them.

    Args:
        folder: the shared folder, absolute.
        record: the record on this machine.
        shard: (i, n), if this is machine i of n.

    Attributes:
        folder: the folder of the copies.
    """

    def __init__(self, folder: Path, record: Path, shard: tuple[int, int] | None = None) -> None:
        self.folder = folder / ".pixxel" / "records"
        self._record = record
        self._name = _ALL if shard is None else "{}-of-{}".format(*shard)
        self._siblings = [] if shard is None else [f"{i}-of-{shard[1]}.done" for i in range(1, shard[1] + 1)]

    async def take_in(self) -> None:
        """Take the rows of copies that are new or changed into this machine's record, which is begun if missing.

        Raises:
            ConfigError: a copy is damaged, of a newer version or of another API; the text names it.
        """
        with tempfile.TemporaryDirectory(prefix="pixxel-copies-") as scratch:
            for path, stamp in await _in_thread(self._changed_copies):
                copy = Path(scratch) / path.name
                await _in_thread(shutil.copyfile, path, copy)
                if not await _in_thread(self._begin, copy):
                    await merge(self._record, [copy])
                await _in_thread(self._note, path.name, stamp)

    def _changed_copies(self) -> list[tuple[Path, Stamp]]:
        """Return the copies that this machine does not know, the largest first."""
        stamps = self._seen() if self._record.exists() else {}
        copies = [(path, _stamp(path)) for path in self.folder.glob("*.sqlite")]
        return sorted(
            ((path, stamp) for path, stamp in copies if stamps.get(path.name) != stamp),
            key=lambda each: each[1][1],
            reverse=True,
        )

    def _begin(self, copy: Path) -> bool:
        """Make a copy the record of this machine; False if there is one already."""
        self._record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._record.with_name(f".{self._record.name}.{os.getpid()}")
        try:
            shutil.copyfile(copy, fresh)
            fresh.chmod(0o600)
            publish(fresh, self._record, replace=False)  # another process of this machine may be at it
        except FileExistsError:
            return False
        finally:
            fresh.unlink(missing_ok=True)
        return True

    async def publish(self) -> None:
        """Publish a whole copy of this machine's record; nothing if there is none."""
        await _in_thread(self._publish, self._name)

    def _publish(self, name: str) -> None:
        if not self._record.exists():
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_state_folder(self.folder.parent)
        with tempfile.TemporaryDirectory(prefix="pixxel-copies-") as scratch:
            copy = Path(scratch) / f"{name}.sqlite"
            with closing(sqlite3.connect(self._record)) as read, closing(sqlite3.connect(copy)) as written:
                read.backup(written)
                with written:  # leases are of processes on this machine
                    written.execute("UPDATE items SET owner = NULL")
                    written.execute("DELETE FROM owners")
                written.execute("PRAGMA journal_mode = DELETE")
            part = self.folder / f".{name}.{platform.node()}.{os.getpid()}"
            shutil.copyfile(copy, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        final = self.folder / f"{name}.sqlite"
        publish(part, final, replace=True)
        self._note(final.name, _stamp(final))

    async def begin_shard(self) -> None:
        """Take back the mark of a complete shard, which an earlier run has left."""
        await _in_thread((self.folder / f"{self._name}.done").unlink, True)

    async def complete_shard(self) -> bool:
        """Mark the shard as complete; once all are, merge their copies to one, and return True.

        The last of the tasks merges; two that end together do so both, with the same result.
        """
        await _in_thread((self.folder / f"{self._name}.done").touch)
        if not await _in_thread(self._are_complete):
            return False
        await self.take_in()
        await _in_thread(self._publish, _ALL)
        return True

    def _are_complete(self) -> bool:
        return all((self.folder / name).exists() for name in self._siblings)

    def _seen(self) -> dict[str, Stamp]:
        with suppress(OSError, ValueError):
            stamps: dict[str, Stamp] = json.loads(self._record.with_name(_SEEN).read_bytes())
            return stamps
        return {}

    def _note(self, name: str, stamp: Stamp) -> None:
        path = self._record.with_name(_SEEN)
        part = path.with_name(f".{_SEEN}.{os.getpid()}")
        part.write_text(json.dumps(self._seen() | {name: stamp}))
        part.rename(path)


async def _in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    threads = Threads(1)
    try:
        return await threads.run(call, *args, **kwargs)
    finally:
        threads.close()


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return [status.st_mtime_ns, status.st_size]
