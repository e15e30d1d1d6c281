"""Features of operating systems that not all have, and the open descriptors of this process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only: fork, FIFOs, signals, modes of files, or scripts")

RUN_MODULE = (sys.executable, "-W", "error", "-m")
"""Command that runs a module as a process with warnings as errors: append the module's name and its arguments."""

_LISTS = [path for path in ("/proc/self/fd", "/dev/fd") if os.path.isdir(path)]
"""Folders with one entry for each open descriptor; in the first, Linux', an entry is a link to what is open."""


def descriptors() -> list[str]:
    """Return this process' open descriptors; skip the test where the system does not list them."""
    return os.listdir(_LISTS[0]) if _LISTS else pytest.skip("this system does not list open descriptors")


def open_in(folder: Path) -> list[str]:
    """Return the open paths of this process below a folder; empty where the system does not list them."""
    links = [Path(_LISTS[0], number) for number in descriptors()] if _LISTS else []
    targets = [os.readlink(link) for link in links if link.is_symlink()]
    return [target for target in targets if target.startswith(str(folder))]


def make_fifo(path: Path) -> None:
    """Make a named pipe; skip the test where there are none."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no FIFOs")
    os.mkfifo(path)
