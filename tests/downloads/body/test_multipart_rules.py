"""Multipart decisions: when a body is split, how regions are counted, and which piece is next."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.downloads.body.rules.multipart import RateGauge, range_sizes, useful_connections
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
    dice, total, least, most = random.Random(5), 10_000_000, 40_000, 320_000
    taken: list[tuple[int, int]] = [(0, dice.randrange(total))]
    sizes = []
    while (piece := next_piece(gaps(add(taken, (0, 0)), total), 8, least=least, most=most)) is not None:
        taken.append(piece)
        sizes.append(piece[1] - piece[0])
    assert sorted(taken) == taken and [start for start, _ in taken[1:]] == [end for _, end in taken[:-1]]
    assert taken[-1][1] == total
    assert max(sizes[:-1]) <= most and min(sizes[:-1]) == least and sizes[-1] < sizes[0]


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
            kept = Kept(size=size, etag='"a"', total=1 << 40)
            assert useful_connections(kept, gauge, far=False, rtt=0.0, least=1 << 20) == 1


@pytest.mark.parametrize(
    ("kept", "gauge", "far", "expected"),
    [
        (BODY, FLAT, False, 9),
        (BODY, after((0.11, 10), (0.22, 20)), False, 9),
        (BODY, after((0.05, 5), (0.11, 10), (0.16, 15)), False, 1),
        (BODY, after((0.4, 10)), False, 1),
        (BODY, after((0.4, 5), (0.8, 20)), False, 1),
        (BODY, after((0.4, 0), (0.8, 0)), False, 1),
        (BODY, after((0.4, 200), (0.8, 400)), False, 1),
        (Kept(size=900, etag='"a"', total=1_000), FLAT, False, 1),
        (Kept(size=700, etag='"a"', total=1_000), FLAT, False, 3),
        (BODY, RateGauge(0.0, 0), False, 1),
        (BODY, RateGauge(0.0, 0), True, 9),
        (Kept(size=900, etag='"a"', total=1_000), RateGauge(0.0, 0), True, 1),
        (Kept(size=20, etag='W/"a"', total=1_000), FLAT, True, 1),
        (Kept(size=20, last_modified="a date", total=1_000), FLAT, True, 1),
        (Kept(size=20, etag='"a"', total=None), FLAT, True, 1),
    ],
)
def test_how_many_connections_a_body_has_work_for(kept: Kept, gauge: RateGauge, far: bool, expected: int) -> None:
    """Near the storage once its rate is flat and enough is left; far from it at once; if a strong ETag vouches."""
    assert useful_connections(kept, gauge, far=far, rtt=0.0, least=100) == expected


@pytest.mark.parametrize(
    ("rate", "rtt", "shortest", "longest"),
    [
        (0, 0.0, 1 << 20, 8 << 20),
        (0, 0.15, 1 << 20, 8 << 20),
        (100_000, 0.05, 1 << 20, 1 << 20),
        (20_000_000, 0.05, 4_000_000, 40_000_000),
        (7_000_000, 0.15, 4_200_000, 14_000_000),
        (1_000_000, 1.0, 4_000_000, 4_000_000),
    ],
)
def test_ranges_follow_from_rate_and_round_trip(rate: int, rtt: float, shortest: int, longest: int) -> None:
    """Two seconds of work, and at least four round trips; a mebibyte in any case."""
    sizes = range_sizes(rate, rtt, 1 << 20)
    assert (sizes.shortest, sizes.longest) == (shortest, longest)
