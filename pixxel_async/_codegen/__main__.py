"""Run the generator: `python -m pixxel_async._codegen [--check]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .output import PACKAGE, difference, render, write
from .source import BadDescription

_REFRESH = "python -m pixxel_async._codegen"


def main(arguments: Sequence[str] | None = None, package: Path = PACKAGE) -> int:
    """Write the generated files, or with --check list stale ones; return the exit code."""
    parser = argparse.ArgumentParser(prog=_REFRESH, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if anything is stale")
    options = parser.parse_args(arguments)
    try:
        files = render((package / "description" / "pixxel.yaml").read_text(encoding="utf-8"))
    except BadDescription as error:
        print(f"pixxel.yaml: {error}", file=sys.stderr)
        return 2
    stale = difference(files, package)
    if not options.check:
        write(files, package)
    elif stale:
        print(*stale, f"refresh with: {_REFRESH}", sep="\n")
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
