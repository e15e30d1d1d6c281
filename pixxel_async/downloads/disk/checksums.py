"""`SHA256SUMS`: what `sha256sum -c` needs to look after a folder without us."""

from __future__ import annotations

import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError

if TYPE_CHECKING:
    pass

__all__ = ["SUMS", "line", "read_sums", "write_list"]

SUMS = "SHA256SUMS"
MANY = 16
"""Files in one folder from which on it is read as a whole."""
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def write_list(folder: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Write the list of a local folder from digests and names, unless it stands there already; runs in a thread."""
    final, part = folder / SUMS, folder / f".{SUMS}.{secrets.token_hex(4)}.part"
    is_file = _looking(folder, map(itemgetter(1), rows))
    there = [row for row in sorted(rows, key=itemgetter(1)) if is_file(row[1])]
    if not there:
        final.unlink(missing_ok=True)
        return
    if _stands(final, there):
        return
    try:
        with part.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            file.writelines(line(*row) for row in there)
            file.flush()
            os.fsync(file.fileno())
        part.replace(final)
    finally:
        part.unlink(missing_ok=True)


def _looking(folder: Path, names: Iterable[str]) -> Callable[[str], bool]:
    """Tells which of these are files. A folder with many of them is read as a whole, which is quicker than to ask."""
    counts = Counter(name.rpartition("/")[0] for name in names)
    seen = {place: _seen(folder / place) for place, count in counts.items() if count >= MANY}

    def is_file(name: str) -> bool:
        place, _, last = name.rpartition("/")
        return last in seen.get(place, ()) or os.path.isfile(os.path.join(folder, name))

    return is_file


def _seen(folder: Path) -> set[str]:
    """The files that reading a folder shows; there may be others, which it spells otherwise or does not show."""
    with suppress(OSError), os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_file()}
    return set()


def _stands(sums: Path, rows: Sequence[tuple[str, str]]) -> bool:
    """Whether a list says this already."""
    with suppress(OSError), sums.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        return all(said == (row and line(*row)) for said, row in zip_longest(file, rows))
    return False


def line(digest: str, name: str) -> str:
    """One line of the list."""
    return f"{digest}  {name}\n"


def read_sums(sums: Path) -> list[tuple[str, str]]:
    """The digests and names that a list of sums has; runs in a thread.

    Raises:
        ConfigError: it cannot be read, lists nothing, or has a line of another form.
    """
    try:
        lines = sums.read_text(encoding="utf-8", errors="surrogateescape").removesuffix("\n").split("\n")
    except OSError as error:
        raise ConfigError(f"{sums} cannot be read: {error.strerror}") from None
    found = [_LINE.fullmatch(line) for line in lines] if lines != [""] else []
    for number, match in enumerate(found, 1):
        if match is None:
            raise ConfigError(f"line {number} of {sums} is no SHA-256 with a file's name")
    if not found:
        raise ConfigError(f"{sums} lists no file")
    return [(match[1].lower(), match[2]) for match in found if match is not None]
