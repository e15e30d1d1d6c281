"""PackageSource reads a source in chunks, and no further than needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from pixxel_async.downloads.engine.source import InPages, PackageSource
from pixxel_async.errors import ConfigError


class Rows:
    """An async source that counts the rows read and pauses before given rows."""

    def __init__(self, count: int, *, rests: tuple[int, ...] = (), fails: bool = False) -> None:
        self.count, self.rests, self.fails = count, rests, fails
        self.read = 0
        self.closed = False
        self.gate = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[int]:
        try:
            for number in range(self.count):
                if number in self.rests:
                    await self.gate.wait()
                self.read += 1
                yield number
            if self.fails:
                raise ValueError("torn")
        finally:
            self.closed = True


async def test_only_the_rows_of_a_chunk_are_read() -> None:
    """A chunk of five reads exactly five rows."""
    rows = Rows(1000)
    source = PackageSource(rows)

    assert await source.take(5) == [0, 1, 2, 3, 4]
    await asyncio.sleep(0.01)
    assert rows.read == 5
    assert await source.take(200) == list(range(5, 205)) and rows.read == 205
    await source.aclose()


async def test_a_chunk_does_not_wait_for_further_rows() -> None:
    """A chunk returns the rows available while the source waits; after the end chunks are empty."""
    rows = Rows(5, rests=(3,))
    source = PackageSource(rows)

    assert await source.take(512) == [0, 1, 2]
    rows.gate.set()
    assert await source.take(512) == [3, 4]
    assert await source.take(512) == await source.take(1) == []
    await source.aclose()


def torn(count: int) -> Iterator[int]:
    yield from range(count)
    raise ValueError("torn")


@pytest.mark.parametrize("rows", [Rows(3, fails=True), torn(3)], ids=["async", "plain"])
async def test_the_rows_before_an_error_are_kept(rows: Rows | Iterator[int]) -> None:
    """Rows before an error are returned, then the error is raised."""
    source = PackageSource(rows)

    assert await source.take(512) == [0, 1, 2]
    with pytest.raises(ValueError, match="torn"):
        await source.take(512)
    await source.aclose()


async def test_closing_closes_the_source() -> None:
    """Closing closes the generator, also while it waits, and leaves no task."""
    rows = Rows(5, rests=(1,))
    source = PackageSource(rows)
    assert await source.take(2) == [0]

    await source.aclose()

    assert rows.closed and len(asyncio.all_tasks()) == 1


async def turns_while_taking(source: PackageSource) -> int:
    """Return how often another task runs while a chunk is taken."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    assert len(await source.take(512)) == 512
    counting.cancel()
    await source.aclose()
    return turns


async def test_taking_yields_to_the_loop() -> None:
    """A source that never waits still yields to the loop within a chunk."""
    assert await turns_while_taking(PackageSource(Rows(512))) >= 8


async def test_plain_sources_and_others() -> None:
    """Any iterable is a source, except a single text."""
    source = PackageSource(iter("abc"))
    assert [await source.take(2), await source.take(2), await source.take(2)] == [["a", "b"], ["c"], []]
    await source.aclose()
    with pytest.raises(ConfigError, match="str"):
        PackageSource("job:w/j")


class Pages:
    """A listing in pages of three that counts pages and rows, and may fail."""

    def __init__(self, count: int, *, fails: bool = False) -> None:
        self.count, self.fails = count, fails
        self.turned = self.made = 0
        self.closed = False

    async def pages(self) -> AsyncIterator[Iterator[int]]:
        try:
            for start in range(0, self.count, 3):
                self.turned += 1
                yield self.rows(start)
        finally:
            self.closed = True

    def rows(self, start: int) -> Iterator[int]:
        for number in range(start, min(start + 3, self.count)):
            self.made += 1
            yield number
        if self.fails:
            raise ValueError("torn")


async def test_pages_are_requested_when_needed() -> None:
    """A page is requested and a row decoded only when needed, and a chunk does not wait for a page."""
    pages = Pages(7)
    source = PackageSource(InPages(pages.pages()))

    assert await source.take(2) == [0, 1] and (pages.turned, pages.made) == (1, 2)
    assert await source.take(512) == [2] and pages.turned == 1
    assert await source.take(512) == [3, 4, 5] and await source.take(512) == [6]
    assert await source.take(512) == await source.take(1) == []
    assert source.left is None
    await source.aclose()


async def test_a_failing_page_loses_no_row() -> None:
    """An error within a page is raised after the rows before it, and nothing further is read."""
    pages = Pages(7, fails=True)
    source = PackageSource(InPages(pages.pages()))

    assert await source.take(512) == [0, 1, 2]
    for _ in range(2):
        with pytest.raises(ValueError, match="torn"):
            await source.take(512)
    await source.aclose()
    assert pages.closed and pages.turned == 1


async def test_pages_can_be_iterated_by_row() -> None:
    """A paged source is also an async iterable of rows."""
    assert [row async for row in InPages(Pages(7).pages())] == list(range(7))


async def test_taking_a_long_page_yields_to_the_loop() -> None:
    """Decoding the rows of a long page yields to the loop."""

    async def one() -> AsyncIterator[range]:
        yield range(512)

    assert await turns_while_taking(PackageSource(InPages(one()))) >= 7


async def test_nothing_is_read_after_an_error() -> None:
    """An iterator that raised is not called again; its error is raised again."""

    class Odd(Iterator[int]):
        given = 0

        def __next__(self) -> int:
            self.given += 1
            if self.given == 3:
                raise ValueError("torn")
            return self.given

    source = PackageSource(Odd())

    assert await source.take(512) == [1, 2]
    for _ in range(2):
        with pytest.raises(ValueError, match="torn"):
            await source.take(512)
