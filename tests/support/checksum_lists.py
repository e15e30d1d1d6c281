"""Lists of SHA-256 sums, checked like `sha256sum -c` does, and by that program if it is installed."""

from __future__ import annotations

import re
import subprocess
from hashlib import sha256
from pathlib import Path

from tests.support.tools import find

_LINE = re.compile(r"([0-9a-f]{64})  (.+)\n")


def check_sums(sums: Path) -> list[str]:
    """Return the names in a list after checking that each file beside it has its sum."""
    with sums.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        lines = [_LINE.fullmatch(line) for line in file]
    assert lines and None not in lines, "the program refuses an empty list, and one with a line of another form"
    wanted = {line[2]: line[1] for line in lines if line}
    assert {name: sha256((sums.parent / name).read_bytes()).hexdigest() for name in wanted} == wanted
    if program := find("sha256sum"):
        command = [program, "-c", sums.name]
        checked = subprocess.run(command, cwd=sums.parent, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert len(checked.stdout.splitlines()) == len(wanted)
    return list(wanted)
