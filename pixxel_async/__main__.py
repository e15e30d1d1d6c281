"""The entry point of `pixxel` and of `python -m pixxel_async`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from io import TextIOWrapper

from .cli.malloc import collect_seldom

NEEDED = ("click", "rich")
"""Packages of the extra `cli`."""


def main() -> None:
    """Run the command line; without the extra `cli`, print which package to install and exit with 2."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        sys.stderr.write(f"pixxel: {' and '.join(missing)} missing: pip install 'pixxel-async[cli]'\n")
        raise SystemExit(2)
    collect_seldom()
    from .cli.app import pixxel

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    pixxel()


if __name__ == "__main__":
    main()
