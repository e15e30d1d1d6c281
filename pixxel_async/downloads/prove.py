"""Proof of a complete file: its size, the digests that the storage stated, its archive structure and checksums.

Runs in a thread, in bounded memory, and ends soon after its stop event is set.
"""

from __future__ import annotations

import errno
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import BinaryIO, Literal, Protocol

from attrs import field, frozen

from .._formats.detect import HEAD, Container, recognise
from .._formats.other_files import check_format
from .._formats.zip_stream import StreamSummary
from .._formats.zip_structure import Entry
from .._formats.zip_walk import ReadableFile, list_entries, walk
from .._redact import excerpt
from ..errors import Corrupt, DiskError, DownloadError, NotAPackage
from ..events import ProofKind

__all__ = ["InMemory", "Proof", "Stopped", "members", "prove"]

Verify = Literal["full", "structure", "size"]

_CHUNK = 1 << 20


class Stopped(Exception):
    """The stop event was set before the proof was complete; internal to downloads."""


@frozen
class Proof:
    """Result of a proof.

    Attributes:
        container: container format by its first bytes.
        proof: strongest check that it passed.
        size: its bytes.
        members: number of files in a ZIP; None for anything else.
        note: the unchecked parts with the reason; empty if everything was checked.
    """

    container: Container
    proof: ProofKind
    size: int
    members: int | None = None
    note: str = ""


@frozen
class InMemory:
    """Bytes in memory with the interface of a file path."""

    path: Path
    data: bytes = field(repr=False)

    def open(self, mode: str, /) -> BinaryIO:
        """Open the bytes as a file."""
        return BytesIO(self.data)

    def __str__(self) -> str:
        return str(self.path)


def prove(
    source: ReadableFile,
    *,
    verify: Verify = "full",
    expected_size: int | None = None,
    digests: Iterable[tuple[str, bytes]] = (),
    computed: Iterable[tuple[str, bytes]] = (),
    streamed: StreamSummary | None = None,
    package: str = "",
    promised: Container | None = None,
    stop: Event | None = None,
) -> Proof:
    """Prove a complete part file.

    Args:
        source: its path, or its bytes if they are still in memory.
        verify: strictness: every byte of every member, the archive's structure, or only the length. Stated digests
            are compared, and error pages refused, in each case.
        expected_size: bytes that the storage announced; None when it did not.
        digests: digests stated by the storage, as (algorithm, digest); unknown algorithms are ignored.
        computed: digests computed while the bytes arrived, so that the file is not read again for them.
        streamed: the members that were unpacked while the bytes arrived, so that they are not unpacked again.
        package: the package's text form, for the errors.
        promised: the container that it must be; None for any.
        stop: when set, the work ends.

    Raises:
        Corrupt: the bytes fail their proof.
        NotAPackage: they are an error page or a message.
        Stopped: `stop` was set.
        DownloadError: the file could not be read.
    """
    tick = _ticking(stop)
    try:
        size, container = _check_head(source, expected_size, promised)
        stated = _check_digests(source, list(digests), dict(computed), tick)
        return _prove_contents(source, container, size, verify, stated=stated, streamed=streamed, tick=tick)
    except DownloadError as error:
        error.package = package
        raise
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        kind = DiskError if error.errno == errno.EIO else DownloadError
        raise kind(f"could not read {source} ({name})", package=package, stage="prove") from None


def members(source: ReadableFile) -> Iterator[Entry]:
    """Yield the files in a proved ZIP, in the order of its directory."""
    return list_entries(source)


def _ticking(stop: Event | None) -> Callable[[], None]:
    def tick() -> None:
        if stop is not None and stop.is_set():
            raise Stopped

    return tick


def _check_head(source: ReadableFile, expected_size: int | None, promised: Container | None) -> tuple[int, Container]:
    """Return size and container; an error page is reported before a wrong length, which it explains."""
    with source.open("rb") as file:
        head = file.read(HEAD)
        size = file.seek(0, 2)
    container = recognise(head, promised)
    if container == "page":
        detail = f": {excerpt(head)}" if promised is None else f", which should be {promised}"  # may show the key
        raise NotAPackage(f"the body is a web page, not a package{detail}")
    if expected_size is not None and size != expected_size:
        raise Corrupt(f"{size} bytes arrived and {expected_size} were announced")
    if not size:
        raise Corrupt("the body is empty")
    if promised not in (None, container):
        raise NotAPackage(f"what came is no {promised}, as it should be, but {container}")
    return size, container


def _prove_contents(
    source: ReadableFile,
    container: Container,
    size: int,
    verify: Verify,
    *,
    stated: bool,
    streamed: StreamSummary | None,
    tick: Callable[[], None],
) -> Proof:
    weakest: ProofKind = "digest" if stated else "size"
    if verify == "size":
        return Proof(container, weakest, size)

    if container == "zip":
        walked = walk(source, unpack=verify == "full", tick=tick, streamed=streamed)
        proof: ProofKind = "crc" if verify == "full" and not walked.note else "structure"
        return Proof(container, _stronger(proof, weakest), size, walked.members, walked.note)
    strength = check_format(source, container, full=verify == "full", tick=tick)
    notes = {
        "crc": "",
        "structure": f"a file of the kind {container} holds no checksum of its contents",
        "size": f"the contents of a file of the kind {container} are not checked",
    }
    note = notes[strength]
    return Proof(container, _stronger(strength, weakest), size, note=note)


def _stronger(first: ProofKind, second: ProofKind) -> ProofKind:
    order: tuple[ProofKind, ...] = ("crc", "digest", "structure", "size")
    return min(first, second, key=order.index)


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _CRC32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_ALGORITHMS: dict[str, Callable[[], _Digest]] = {
    "crc32": _CRC32,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}


def _check_digests(
    source: ReadableFile, stated: list[tuple[str, bytes]], computed: dict[str, bytes], tick: Callable[[], None]
) -> bool:
    """Compare stated digests; False when there was none to compare."""
    expected = [(_plain(name), digest) for name, digest in stated if _is_available(_plain(name))]
    actual = {_plain(name): digest for name, digest in computed.items()}
    actual |= _read_digests(source, [name for name, _ in expected if name not in actual], tick)
    for name, digest in expected:
        if actual[name] != digest:
            raise Corrupt(f"the {name} digest of what arrived differs from the one that the storage stated")
    return bool(expected)


def _is_available(algorithm: str) -> bool:
    """Return whether a digest can be computed here; FIPS hosts refuse MD5, and may refuse SHA-1."""
    try:
        return algorithm in _ALGORITHMS and _ALGORITHMS[algorithm]() is not None
    except ValueError:
        return False


def _plain(algorithm: str) -> str:
    return algorithm.lower().replace("-", "").replace("_", "")


def _read_digests(source: ReadableFile, names: list[str], tick: Callable[[], None]) -> dict[str, bytes]:
    """Compute digests of a whole file, all in one pass."""
    if not names:
        return {}
    digests = {name: _ALGORITHMS[name]() for name in names}
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            tick()
            for digest in digests.values():
                digest.update(chunk)
    return {name: digest.digest() for name, digest in digests.items()}
