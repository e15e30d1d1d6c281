"""Run exports that are killed at one file operation after another.

python -m tests.downloads.programs.crash_at_step [--extract | --publish] URL KEY FOLDER PACKAGE…

The n-th export, in a folder of its own, exits at its n-th call that opens, creates, renames, truncates or removes
something there, as at a power cut: no handler runs, no buffer is flushed. With `--publish` it exits at its n-th sync,
link, removal or SQL statement after the first sync of a file. Then the same export runs undisturbed. The program ends
with the first export that completes before its n-th call, and writes a line of JSON for each.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import itertools
import json
import os
import sys
import threading
from contextlib import redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any

from tests.downloads.programs import export

# Load what an export needs once, not in every child.
for name in ("_http.edge.transport", "downloads.pipeline.extract", "resources"):
    importlib.import_module(f"pixxel_async.{name}")

CALLS = frozenset({"open", "os.mkdir", "os.link", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.chmod"})
STEPS = frozenset({"fsync", "link", "unlink", "execute"})
DIED = 99
MOST = 300


def die_at(number: int, folder: Path) -> None:
    """Exit this process at its `number`-th file operation in a folder, in any thread."""
    seen = itertools.count(1)

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event not in CALLS:
            return
        inside = isinstance(given[0], int) or os.fsdecode(given[0]).startswith(str(folder))
        if inside and next(seen) == number:
            os._exit(DIED)

    sys.addaudithook(hook)


def die_while_publishing(number: int) -> None:
    """End this process at the `number`-th call of `STEPS` after its first `fsync`, in whichever thread."""
    seen = itertools.count(1)
    syncing = threading.Event()

    def hook(frame: FrameType, event: str, called: Any) -> None:
        if event != "c_call" or called.__name__ not in STEPS:
            return
        if called.__name__ == "fsync":
            syncing.set()
        if syncing.is_set() and next(seen) == number:
            os._exit(DIED)

    threading.setprofile(hook)  # of all threads that begin from now on: those of disk and record


def run_export(folder: Path, given: list[str], mode: str, number: int | None = None) -> int:
    """Run the export in a child process and return its exit code."""
    child = os.fork()
    if child == 0:
        if number is not None and mode == "--publish":
            die_while_publishing(number)
        elif number is not None:
            die_at(number, folder)
        extract = mode == "--extract"
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            os._exit(asyncio.run(export.main(given[0], given[1], str(folder), given[2:], extract=extract)))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that a user would open, by name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def main(arguments: list[str]) -> None:
    mode = arguments[0] if arguments[0].startswith("--") else ""
    url, key, home, *packages = arguments[1:] if mode else arguments
    for number in range(1, MOST):
        folder = Path(home, str(number))
        code = run_export(folder, [url, key, *packages], mode, number)
        left = files(folder) if folder.exists() else {}
        again = run_export(folder, [url, key, *packages], mode)
        report = {"number": number, "code": code, "left": left, "again": again, "files": files(folder)}
        sys.stdout.write(json.dumps(report) + "\n")
        if code != DIED:
            break


if __name__ == "__main__":
    main(sys.argv[1:])
