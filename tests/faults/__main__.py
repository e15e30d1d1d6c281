"""Random faults and random lives of a folder, as many as asked for, each from a seed that repeats it.

.venv/bin/python -m tests.faults --runs 500 --seed 1000   long runs: seeds 1000 to 1499, each of both kinds
.venv/bin/python -m tests.faults --tests B-04             the tests of one fault, for pytest
.venv/bin/python -m tests.faults --write                  refresh CATALOGUE.md
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from tests.faults import catalogue

RANDOM = ("test_random_faults.py", "test_random_lives.py", "test_random_kills.py")


def main() -> int:
    """Run what the arguments select and return pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=50, help="number of seeds (default: 50)")
    parser.add_argument("--seed", type=int, default=1000, help="first seed (default: 1000)")
    parser.add_argument("--tests", metavar="ID", help="print the tests of one fault")
    parser.add_argument("--write", action="store_true", help="refresh CATALOGUE.md")
    options = parser.parse_args()
    faults, tests = catalogue.read_faults(), catalogue.marked_tests()
    if options.tests:
        print(*(f"tests/{test}" for test in tests.get(options.tests, ())))
        return 0 if options.tests in tests else 1
    if options.write:
        catalogue.CATALOGUE.write_text(catalogue.render(faults, tests), encoding="utf-8", newline="\n")
        return 0
    seeds = {"PIXXEL_TESTS_SEEDS": f"{options.seed}-{options.seed + options.runs - 1}"}
    command = [sys.executable, "-m", "pytest", "-q", *(str(catalogue.HERE / name) for name in RANDOM)]
    return subprocess.run(command, env={**os.environ, **seeds}, cwd=catalogue.TESTS.parent, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
