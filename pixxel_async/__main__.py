"""The entry point of `pixxel` and of `python -m pixxel_async`."""

from __future__ import annotations

import os
import sys
import threading
from importlib.util import find_spec
from io import TextIOWrapper

from .cli.malloc import collect_seldom

NEEDED = ("click", "rich")
"""Packages of the extra `cli`."""


def main() -> None:
    """Run the command line; without the extra `cli`, print which package to install and exit with 2."""
    _open_closed_streams()
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        sys.stderr.write(f"pixxel: {' and '.join(missing)} missing: pip install 'pixxel-async[cli]'\n")
        raise SystemExit(2)
    collect_seldom()
    from .cli.app import pixxel

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        pixxel()
    except SystemExit as end:
        _leave(int(end.code or 0))
        raise


def _open_closed_streams() -> None:
    """Open the null device in place of standard streams that the parent closed (`>&-`).

    Without it the next file to be opened would get the number of stdout, and what is printed would be written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            while os.open(os.devnull, os.O_RDWR) < number:
                pass
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115 - lives as long


def _leave(code: int) -> None:
    """End the process without waiting for a daemon thread that is blocked in a read or write."""
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.daemon for thread in threading.enumerate()):
        os._exit(code)


if __name__ == "__main__":
    main()
