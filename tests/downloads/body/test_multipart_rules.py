"""Multipart decisions: when a body is split, how regions are counted, and which piece is next."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.downloads.body.rules.multipart import RateGauge, connections_for
from pixxel_async.downloads.body.rules.resume import Kept
from pixxel_async.downloads.rules.byte_ranges import add, clip, from_text, gaps, next_piece, size_of, to_text

REGIONS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair))), max_size=8)


@pytest.mark.slow
@given(REGIONS)
def test_regions_are_sets_of_bytes(given_regions: list[tuple[int, int]]) -> None:
    """Regions are sorted and joined, and with their gaps cover every byte once."""
    regions: tuple[tuple[int, int], ...] = ()
    for region in given_regions:
        regions = add(regions, region)
    there = {byte for start, end in given_regions for byte in range(start, end)}
    assert {byte for start, end in regions for byte in range(start, end)} == there
    assert not regions or regions[0][0] == 0
    assert all(end < start for (_, end), (start, _) in pairwise(regions))
    missing = {byte for start, end in gaps(regions, 90) for byte in range(start, end)}
    assert missing == set(range(90)) - there
    assert size_of(regions) + size_of(gaps(regions, 90)) == 90
    assert not regions or from_text(to_text(regions)) == regions


@pytest.mark.fault("K-06")
@pytest.mark.slow
@given(REGIONS, st.integers(0, 80))
def test_a_file_that_is_shorter_holds_less(given_regions: list[tuple[int, int]], size: int) -> None:
    """Regions beyond the end of a shorter file are dropped."""
    regions = add(given_regions, (0, 0))
    there = {byte for start, end in regions for byte in range(start, end) if byte < size}
    assert {byte for start, end in clip(regions, size) for byte in range(start, end)} == there


@pytest.mark.parametrize(
    "text", ["", "null", "{}", "[]", "[[1,2]]", "[[0,5],[4,9]]", "[[0,5],[9,8]]", "[[0]]", '[["a",1]]', "[" * 100_000]
)
def test_invalid_texts_are_no_regions(text: str) -> None:
    """Text that is not a list of regions is None."""
    assert from_text(text) is None


def test_pieces_cover_everything_once_and_get_smaller() -> None:
    """Pieces cover every missing byte once, earliest first, and shrink towards the end down to a minimum."""
    dice, total, most = random.Random(5), 10_000_000, 320_000
    taken: list[tuple[int, int]] = [(0, dice.randrange(total))]
    sizes = []
    while (piece := next_piece(gaps(add(taken, (0, 0)), total), 8, most)) is not None:
        taken.append(piece)
        sizes.append(piece[1] - piece[0])
    assert sorted(taken) == taken and [start for start, _ in taken[1:]] == [end for _, end in taken[:-1]]
    assert taken[-1][1] == total
    assert max(sizes[:-1]) <= most and min(sizes[:-1]) == most // 8 and sizes[-1] < sizes[0]


def after(*arrived: tuple[float, int]) -> RateGauge:
    gauge = RateGauge(0.0, 0)
    for now, size in arrived:
        gauge.record_bytes(now, size)
    return gauge


BODY = Kept(size=20, etag='"a"', total=1_000)
FLAT = after((0.4, 10), (0.8, 20))


def test_slow_start_is_no_flat_rate() -> None:
    """A rate that still doubles per round trip is not taken as the limit of a connection."""
    for way in (0.02, 0.1, 0.3, 0.6):
        gauge, now, size, burst = RateGauge(0.0, 0), 0.0, 0, 15_000
        while burst < 1 << 24:
            now, size, burst = now + way, size + burst, burst * 2
            gauge.record_bytes(now, size)
            assert (
                connections_for(Kept(size=size, etag='"a"', total=1 << 40), gauge, allowed=8, spare=7, piece=1 << 20)
                == 1
            )


@pytest.mark.parametrize(
    ("kept", "gauge", "allowed", "spare", "expected"),
    [
        (BODY, FLAT, 8, 7, 8),
        (BODY, FLAT, 8, 2, 3),
        (BODY, FLAT, 8, 0, 1),
        (BODY, FLAT, 8, -3, 1),
        (BODY, FLAT, 1, 7, 1),
        (BODY, after((0.11, 10), (0.22, 20)), 8, 7, 8),
        (BODY, after((0.05, 5), (0.11, 10), (0.16, 15)), 8, 7, 1),
        (BODY, after((0.4, 10)), 8, 7, 1),
        (BODY, after((0.4, 5), (0.8, 20)), 8, 7, 1),
        (BODY, after((0.4, 0), (0.8, 0)), 8, 7, 1),
        (BODY, after((0.4, 200), (0.8, 400)), 8, 7, 1),
        (Kept(size=900, etag='"a"', total=1_000), FLAT, 8, 7, 1),
        (Kept(size=700, etag='"a"', total=1_000), FLAT, 8, 7, 3),
        (Kept(size=20, etag='W/"a"', total=1_000), FLAT, 8, 7, 1),
        (Kept(size=20, last_modified="a date", total=1_000), FLAT, 8, 7, 1),
        (Kept(size=20, etag='"a"', total=None), FLAT, 8, 7, 1),
    ],
)
def test_when_a_body_is_split(kept: Kept, gauge: RateGauge, allowed: int, spare: int, expected: int) -> None:
    """A body is split if its rate is flat, enough of it is left, streams are free and its ETag is strong."""
    assert connections_for(kept, gauge, allowed=allowed, spare=spare, piece=100) == expected
