"""A source of packages is read in chunks, as far as there is use for it and no further."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from pixxel_async.downloads.engine.source import InPages, PackageSource
from pixxel_async.errors import ConfigError


class Rows:
    """An async source that counts the rows read from it and pauses before given rows."""

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


async def test_no_row_is_read_before_it_is_asked_for() -> None:
    """A chunk of five reads five rows, however many there are and however long nobody comes back for more."""
    rows = Rows(1000)
    source = PackageSource(rows)

    assert await source.take(5) == [0, 1, 2, 3, 4]
    await asyncio.sleep(0.01)
    assert rows.read == 5
    assert await source.take(200) == list(range(5, 205)) and rows.read == 205
    await source.aclose()


async def test_a_chunk_does_not_wait_for_a_row_that_is_not_there() -> None:
    """What has come is handed over while the source waits; the rest follows, and after the end there is nothing."""
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
    """A source that breaks off loses none of the rows that it brought; then its error is raised."""
    source = PackageSource(rows)

    assert await source.take(512) == [0, 1, 2]
    with pytest.raises(ValueError, match="torn"):
        await source.take(512)
    await source.aclose()


async def test_closing_lets_go_of_the_source() -> None:
    """A generator is closed, also in the middle of a wait, and no task stays."""
    rows = Rows(5, rests=(1,))
    source = PackageSource(rows)
    assert await source.take(2) == [0]

    await source.aclose()

    assert rows.closed and len(asyncio.all_tasks()) == 1


async def turns_while_taking(source: PackageSource) -> int:
    """How often another task has its turn while a whole chunk is taken."""
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


async def test_others_have_their_turn() -> None:
    """A source that never waits does not hold up the loop for a whole chunk."""
    assert await turns_while_taking(PackageSource(Rows(512))) >= 8


async def test_plain_sources_and_others() -> None:
    """Any iterable will do; one text is not taken for its letters."""
    source = PackageSource(iter("abc"))
    assert [await source.take(2), await source.take(2), await source.take(2)] == [["a", "b"], ["c"], []]
    await source.aclose()
    with pytest.raises(ConfigError, match="str"):
        PackageSource("job:w/j")


class Pages:
    """A listing in pages of three, each row made when it is taken; it counts both, and may break off."""

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


async def test_pages_are_turned_when_they_are_used_up() -> None:
    """No row of a page is made, and no page asked for, before there is use for it; a chunk does not wait for a page."""
    pages = Pages(7)
    source = PackageSource(InPages(pages.pages()))

    assert await source.take(2) == [0, 1] and (pages.turned, pages.made) == (1, 2)
    assert await source.take(512) == [2] and pages.turned == 1
    assert await source.take(512) == [3, 4, 5] and await source.take(512) == [6]
    assert await source.take(512) == await source.take(1) == []
    assert source.left is None
    await source.aclose()


async def test_a_page_that_breaks_off_loses_no_row() -> None:
    """What the rows of a page raise is raised after those before it, and nothing is read behind it."""
    pages = Pages(7, fails=True)
    source = PackageSource(InPages(pages.pages()))

    assert await source.take(512) == [0, 1, 2]
    for _ in range(2):
        with pytest.raises(ValueError, match="torn"):
            await source.take(512)
    await source.aclose()
    assert pages.closed and pages.turned == 1


async def test_pages_can_be_gone_through_row_by_row() -> None:
    """A source in pages is an async iterable like others."""
    assert [row async for row in InPages(Pages(7).pages())] == list(range(7))


async def test_others_have_their_turn_while_a_long_page_is_taken() -> None:
    """Rows that are made as they are taken do not hold up the loop for a whole chunk."""

    async def one() -> AsyncIterator[range]:
        yield range(512)

    assert await turns_while_taking(PackageSource(InPages(one()))) >= 7


async def test_nothing_is_read_behind_an_error() -> None:
    """An iterator that could go on after it has raised is not asked again: the error is not to be passed over."""

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
