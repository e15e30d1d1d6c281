"""Objects to wait for, and a server that counts the requests for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from attrs import define, evolve, field, frozen

from pixxel_async._http.resource import Wait


@frozen
class Row:
    """A row of a listing."""

    id: str
    status: str | None = "running"
    progress: Any = None
    estimated_duration: Any = None


@define
class Rows:
    """A paged listing with the only method of the real one that the broker uses."""

    world: PolledServer

    async def by_page(self, *, once: bool) -> AsyncIterator[list[Row]]:
        self.world.lists += 1
        await self.world.answer()
        rows = list(self.world.things.values())
        for start in range(0, len(rows), self.world.page):
            self.world.pages += 1
            yield rows[start : start + self.world.page]


@define
class PolledServer:
    """A server of polled objects: its objects, the requests received, and the errors to raise."""

    things: dict[str, Row] = field(factory=dict)
    page: int = 1_000_000
    lists: int = 0
    pages: int = 0
    gets: list[str] = field(factory=list)
    error: Exception | None = None
    gate: Any = None

    async def answer(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error

    async def get(self, id: str) -> Row:
        self.gets.append(id)
        await self.answer()
        return self.things[id]

    def set(self, id: str, **changes: Any) -> None:
        self.things[id] = evolve(self.things.get(id, Row(id)), **changes)

    def wait(self, id: str, *, group: str = "w", listed: bool = True, **facts: Any) -> Wait[Row]:
        listing: Any = (lambda: Rows(self)) if listed else None
        return Wait("jobs", (group,), id, partial(self.get, id), listing, **facts)

    @property
    def requests(self) -> int:
        return self.lists + len(self.gets)
