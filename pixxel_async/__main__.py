"""The entry point of `pixxel` and of `python -m pixxel_async`."""

from __future__ import annotations

import errno
import os
import sys

from ._version import __version__

NEEDED = ("click", "rich")
"""Packages of the extra `cli`."""


def main() -> None:
    """Run the command line; without the extra `cli`, print which package to install and exit with 2.

    `--version` alone imports nothing further.
    """
    if sys.argv[1:] == ["--version"]:
        _print_version()
        return
    _open_closed_streams()
    _check_installed()
    from .cli.app import pixxel
    from .cli.malloc import collect_seldom

    collect_seldom()
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    try:
        pixxel()
    except SystemExit as end:
        _leave(int(end.code or 0))
        raise


def _print_version() -> None:
    """Write the version to stdout, with the exit codes of other commands: 141 for a closed pipe, 5 for a full disk."""
    try:
        os.write(1, f"pixxel {__version__}\n".encode())
    except BrokenPipeError:
        raise SystemExit(141) from None
    except OSError as error:
        if error.errno != errno.EBADF:  # a stdout that the parent closed (`>&-`) is no error
            raise SystemExit(5) from None


def _check_installed() -> None:
    """Exit with 2 and the commands that install missing packages, by pip or for one run by uvx or pipx."""
    from importlib.util import find_spec

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"pixxel: {' and '.join(missing)} missing: pip install 'pixxel-async[cli]', or without installing "
            "uvx 'pixxel-async[cli]' … or pipx run 'pixxel-async[cli]' …\n"
        )
        raise SystemExit(2)


def _open_closed_streams() -> None:
    """Open the null device in place of standard streams that the parent closed (`>&-`).

    Without it the next file to be opened would get the number of stdout, and output would be written into it.
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
    import threading

    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.daemon for thread in threading.enumerate()):
        os._exit(code)


if __name__ == "__main__":
    main()
