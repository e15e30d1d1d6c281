"""Reading of a listing page by page; the rows of a long page are decoded as they are taken."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from .._aio.steps import in_steps
from ..errors import BadRequest, DecodeError, IncompleteListing, NotFound, PixxelError
from ..settings.constants import MAX_PAGES
from .call import Call
from .codec.convert import Drift, read_list
from .codec.lazy import lazy_member
from .pages import Page
from .reply import LARGE, Reply, error_in_success, is_error_body, parse
from .rules import paging as rules
from .rules.json_rows import RowIndex, index_rows
from .rules.paging import Cursor, NextPage, PageData
from .rules.paging import first_page as first_page
from .sender import Sender

if TYPE_CHECKING:
    from .codec.model import Model

__all__ = ["LazyRows", "Listing", "first_page"]

M = TypeVar("M", bound="Model")
T = TypeVar("T")

_log = logging.getLogger("pixxel_async.http")


class Decode(Protocol):
    """Runs the decoding of a response, where it does not hold the event loop."""

    def __call__(self, call: Call, reply: Reply, decode: Callable[[], T], /) -> Awaitable[T]: ...


class Listing(Generic[M]):
    """Read the pages of one listing.

    Args:
        model: class of the rows.
        sender: sends the calls.
        drift: counts unknown members and words.
        decode: decodes a page that is not read row by row.
    """

    def __init__(self, model: type[M], sender: Sender, drift: Drift, decode: Decode) -> None:
        self._model = model
        self._sender = sender
        self._drift = drift
        self._decode = decode

    async def fetch_page(self, cursor: Cursor, once: bool) -> tuple[Page[M], Cursor | None, PixxelError | None]:
        """Read one page; return it with the cursor of the next one, and an error to raise after its rows.

        Args:
            once: whether each row is taken once and in order, so that a long page need not be held as objects.
        """
        try:
            reply = await self._sender.call(cursor.call)
        except (NotFound, BadRequest):
            if cursor.probe:  # beyond the last page, which was short: the service refuses where others send no rows
                return Page(()), None, None
            raise
        data, step, rows = await self._read_page(cursor, reply, once)
        if data.envelope:
            self._drift.note_member(f"{self._model.__name__} in {data.envelope!r}")
        if step.repeated and step.next is not None:
            return await self.fetch_page(step.next, once)
        if step.warning:
            _log.warning("listing.odd operation=%s reason=%s", cursor.call.operation.name, step.warning)
        page = Page(rows, data.total, step.next is not None or bool(step.missing))
        return page, step.next, _incomplete(cursor.call, step, cursor.seen + len(page)) if step.missing else None

    async def _read_page(self, cursor: Cursor, reply: Reply, once: bool) -> tuple[PageData, NextPage, Sequence[M]]:
        """Decode a page: a long one row by row, if it can be."""

        def read_rows(rows: list[Any]) -> list[M]:
            return read_list(self._model, rows, self._drift, cursor.call.lent)

        index: RowIndex | None = None
        if reply.size >= LARGE:
            index = await in_steps(index_rows(reply.pieces, cursor.paging.rows, lazy_member(self._model)))
        if index is not None:
            data = rules.parse_page({**index.beside, cursor.paging.rows: index}, cursor)
            step = rules.next_page(cursor, data, MAX_PAGES)
            lazy = LazyRows(index, read_rows)
            return data, step, [] if step.repeated else lazy if once else await in_steps(_decode_rows(lazy))

        def decode() -> tuple[PageData, NextPage, list[M]]:
            data = rules.parse_page(_parse_listing(reply, cursor), cursor)
            step = rules.next_page(cursor, data, MAX_PAGES)
            return data, step, [] if step.repeated else read_rows(list(data.rows))

        return await self._decode(cursor.call, reply, decode)


class LazyRows(Sequence[T]):
    """Rows decoded lazily; each iteration decodes them again, so iterate once.

    Args:
        source: the packed rows.
        read: decodes rows of parsed JSON.
    """

    def __init__(self, source: RowIndex, read: Callable[[list[Any]], list[T]]) -> None:
        self._source = source
        self._read = read

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[T]:
        for rows in self._source.blocks():
            yield from self._read(rows)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice) and index.start is index.step is None:
            return list(islice(self, *slice(index.stop).indices(len(self))))
        return list(self)[index]


def _decode_rows(rows: LazyRows[T]) -> Generator[None, None, list[T]]:
    listed: list[T] = []
    for row in rows:
        listed.append(row)
        yield
    return listed


def _parse_listing(reply: Reply, cursor: Cursor) -> dict[str, Any] | list[Any]:
    value = parse(reply)
    if isinstance(value, dict) and cursor.paging.rows not in value and is_error_body(value):
        raise error_in_success(reply, value)
    if isinstance(value, dict | list):
        return value
    raise DecodeError("expected a listing, got neither an object nor a list")


def _incomplete(call: Call, step: NextPage, received: int) -> IncompleteListing:
    announced = "" if step.announced is None else f" of {step.announced} announced"
    return IncompleteListing(
        f"{call.operation.name}: {received}{announced} rows came: {step.missing}. Try again; the listing is incomplete",
        operation=call.operation.name, announced=step.announced, received=received,
    )  # fmt: skip
