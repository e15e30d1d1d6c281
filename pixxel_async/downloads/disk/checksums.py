"""`SHA256SUMS`: written for `sha256sum -c`, and read in the forms that `sha256sum` writes."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path

from ..._files import open_regular, read_regular
from ..._formats.text_encoding import PEEK_BYTES, detect_encoding
from ..._publish import write_atomically
from ...errors import ConfigError

__all__ = ["SUMS", "line", "read_sums", "write_list"]

SUMS = "SHA256SUMS"
MANY = 16
"""Files in one folder from which on it is scanned as a whole."""
LARGEST_LIST = 1 << 30
"""Bytes of a list that is read at most."""
_LINE = re.compile(r"(?P<escaped>\\)?(?P<digest>[0-9a-fA-F]{64}) [ *](?P<name>.+)")
_TAGGED = re.compile(r"(?P<escaped>\\)?SHA256 \((?P<name>.+)\) = (?P<digest>[0-9a-fA-F]{64})")
_ESCAPE = re.compile(r"\\([nr\\])")


def write_list(folder: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Write the list of a local folder from digests and names, unless it is there already; runs in a thread."""
    final = folder / SUMS
    is_file = _file_test(folder, map(itemgetter(1), rows))
    present = [row for row in sorted(rows, key=itemgetter(1)) if is_file(row[1])]
    if not present:
        final.unlink(missing_ok=True)
        return
    if _is_written(final, present):
        return
    write_atomically(final, (line(digest, os.fsencode(name)) for digest, name in present))


def _file_test(folder: Path, names: Iterable[str]) -> Callable[[str], bool]:
    """Return a test of which names are files. A folder with many of them is scanned once instead of one lstat each."""
    counts = Counter(name.rpartition("/")[0] for name in names)
    listings = {place: _scan(folder / place) for place, count in counts.items() if count >= MANY}

    def is_file(name: str) -> bool:
        place, _, last = name.rpartition("/")
        return last in listings.get(place, ()) or os.path.isfile(os.path.join(folder, name))

    return is_file


def _scan(folder: Path) -> set[str]:
    """Return the names of the files that a scan shows; others may exist, spelled otherwise or hidden."""
    with suppress(OSError), os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_file()}
    return set()


def _is_written(sums: Path, rows: Sequence[tuple[str, str]]) -> bool:
    """Return whether the list is up to date."""
    with suppress(OSError), open(open_regular(sums), "rb") as file:
        return all(text == (row and line(row[0], os.fsencode(row[1]))) for text, row in zip_longest(file, rows))
    return False


def line(digest: str, name: bytes) -> bytes:
    """Return one line of the list; a file's name is written in the bytes that it has on the disk."""
    return b"%b  %b\n" % (digest.encode(), name)


def read_sums(sums: Path) -> list[tuple[str, str]]:
    """Read digests and names; blank lines, comments, `--tag` lines, CRLF and a BOM are taken; runs in a thread.

    Raises:
        ConfigError: it is not a readable regular file, lists nothing, or has a line of another form.
    """
    try:
        data = read_regular(sums, LARGEST_LIST)
    except OSError as error:
        raise ConfigError(f"{sums} cannot be read: {error.strerror}") from None
    codec = detect_encoding(data[:PEEK_BYTES])
    bytes_of_names = codec.startswith("utf-8")
    text = data.decode(codec, "surrogateescape" if bytes_of_names else "replace")
    entries = []
    for number, each in enumerate(text.split("\n"), 1):
        listed = each.removesuffix("\r")
        if not listed.strip() or listed.startswith("#"):
            continue
        match = _LINE.fullmatch(listed) or _TAGGED.fullmatch(listed)
        if match is None:
            form = "line {} of {} is neither `<64 hex digits>  <name>` nor `SHA256 (<name>) = <64 hex digits>`: {!r}"
            raise ConfigError(form.format(number, sums, listed[:80]))
        name = match["name"] if match["escaped"] is None else _unescape(match["name"])
        if bytes_of_names and not name.isascii():
            name = os.fsdecode(name.encode("utf-8", "surrogateescape"))
        entries.append((match["digest"].lower(), name))
    if not entries:
        raise ConfigError(f"{sums} lists no file")
    return entries


def _unescape(name: str) -> str:
    """Undo the escapes of a line that `sha256sum` began with a backslash."""
    return _ESCAPE.sub(lambda match: {"n": "\n", "r": "\r", "\\": "\\"}[match[1]], name)
