"""The streaming ZIP check finds the members that a walk through the file finds."""

from __future__ import annotations

import io
import itertools
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async._formats.zip_stream import MOST_AT_ONCE, StreamSummary, ZipStreamChecker, directory_agrees
from pixxel_async._formats.zip_structure import TAIL, find_end, parse_entries
from tests.support.archives import DAMAGES, directory_of, flipped, make_zip

members = st.lists(
    st.tuples(st.text("abcö/", min_size=1, max_size=9), st.binary(max_size=900)), max_size=5, unique_by=lambda m: m[0]
)


def passed(data: bytes, cuts: list[int]) -> StreamSummary | None:
    """Return the members seen in an archive that arrived in pieces."""
    passage = ZipStreamChecker()
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, stop in itertools.pairwise(places):
        passage.update(data[start:stop])
    return passage.seen


def agreed(seen: StreamSummary | None, data: bytes) -> bool:
    """Return whether the directory agrees with the members seen."""
    end = find_end(data[-TAIL:], len(data))
    directory = data[end.directory : end.directory + end.directory_size]
    return seen is not None and directory_agrees(seen, end, parse_entries([directory], end))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    members,
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(0)),
)
def test_any_pieces_make_the_same(
    members: list[tuple[str, bytes]], method: int, streamed: bool, zip64: bool, cuts: list[int]
) -> None:
    """All members are seen for any cut into pieces, except stored ones with data descriptors."""
    data = make_zip(members, method=method, streamed=streamed, zip64=zip64)
    followed = method == zipfile.ZIP_DEFLATED or not streamed or not any(content for _, content in members)

    assert agreed(passed(data, cuts), data) is followed


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.integers(0), st.integers(0, 7), st.lists(st.integers(0), max_size=3))
def test_a_flipped_bit_never_agrees(at: int, bit: int, cuts: list[int]) -> None:
    """An archive with a flipped bit is not accepted by the streaming check."""
    data = make_zip((("a", b"first" * 20), ("b", b"second" * 20)), method=zipfile.ZIP_STORED)
    place = at % directory_of(data)
    harmless = {base + byte for base in (0, data.index(b"PK\x03\x04", 1)) for byte in (4, 5, 6, 7, 10, 11, 12, 13)}
    damaged = flipped(data, place, bit)

    if place not in harmless:
        assert not agreed(passed(damaged, cuts), damaged)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_archives_are_not_accepted(damage: str) -> None:
    """L-01, L-02: a damaged archive is either not followed or disagrees with its directory."""
    data = DAMAGES[damage]()
    seen = passed(data, [7, 99])
    try:
        vouched = agreed(seen, data)
    except Exception:
        vouched = False

    assert not vouched


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(0), max_size=4))
def test_arbitrary_bytes_raise_nothing(tail: bytes, cuts: list[int]) -> None:
    """Arbitrary bytes after a member's signature raise nothing; the file's proof finds them."""
    passed(b"PK\x03\x04" + tail, cuts)


@pytest.mark.slow
def test_a_bomb_is_left_alone() -> None:
    """A member that inflates to very much at once is left to a walk that can be stopped."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as member:
        for _ in range(MOST_AT_ONCE // (1 << 23) + 1):
            member.write(bytes(1 << 23))

    assert passed(sink.getvalue(), []) is None


def test_other_containers_are_left_alone() -> None:
    """Bytes that are not a ZIP are not kept in memory."""
    passage = ZipStreamChecker()
    for _ in range(64):
        passage.update(b"II*\x00" * (1 << 14))

    assert passage.seen is None


def test_a_buffer_may_be_used_again() -> None:
    """Data taken from a buffer is unchanged when the buffer is reused, even half a header."""
    data = make_zip()
    passage, buffer = ZipStreamChecker(), bytearray(7)
    for start in range(0, len(data), len(buffer)):
        piece = data[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        passage.update(memoryview(buffer)[: len(piece)])
    assert agreed(passage.seen, data)
