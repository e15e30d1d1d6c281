"""What generated methods call: send, read, and give back models."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.to_thread

from ..errors import DecodeError, NotAPackage, NotFound, OutcomeUnknown
from ..settings.constants import MAX_PAGES
from .call import Call, Operation, Repeat
from .codec.convert import Drift, read, read_list
from .codec.serialize import to_wire
from .lazy_rows import LazyRows
from .pages import Page, Pages
from .reply import Reply, beginning, parse
from .resource import Wait, Waiter
from .rules import paging as rules
from .rules.json_rows import scroll
from .rules.paging import Paging
from .rules.request import given_path
from .rules.retry import unknown
from .sender import Sender
from .streaming import StorageReply

if TYPE_CHECKING:
    from .codec.model import Model

M = TypeVar("M", bound="Model")
T = TypeVar("T")

LARGE = 256 * 1024
"""Bytes of an answer from which it is parsed in a thread, so that the event loop is not held up."""

_log = logging.getLogger("pixxel_async.http")


class RestAPI:
    """Implements `API` over the calls of one key.

    Args:
        calls: sends.
        waiter: the client's broker.
    """

    def __init__(self, calls: Sender, waiter: Waiter) -> None:
        self.calls = calls
        self.waiter = waiter
        self.drift = Drift()

    async def one(self, call: Call, model: type[M], *, unwrap: str = "") -> M:
        """Send, and read one object, below the member `unwrap` if it is there."""
        return (await self._one(call, model, unwrap))[0]

    async def one_and_headers(self, call: Call, model: type[M]) -> tuple[M, Mapping[str, str]]:
        """Send, and read one object; with it the answer's headers, names in lower case."""
        return await self._one(call, model, "")

    async def many(self, call: Call, model: type[M], *, unwrap: str = "") -> list[M]:
        """Send, and read a list of objects, below the member `unwrap` if it is there."""
        reply = await self.calls.call(call)
        return await self._decoded(
            call, reply, lambda: read_list(model, _below(parse(reply), unwrap), self.drift, call.lent)
        )

    def pages(self, call: Call, model: type[M], paging: Paging) -> Pages[M]:
        """A listing; nothing is sent yet."""
        settings = self.calls.lane.settings.http

        async def fetch(cursor: rules.Cursor, once: bool) -> tuple[Page[M], rules.Cursor | None]:
            return await self._page(cursor, model, MAX_PAGES, once)

        return Pages(fetch, lambda: rules.begin(call, paging, settings.page_size))

    async def request(
        self, method: str, path: str, *, query: Mapping[str, Any], body: Any = None, repeat: Repeat | None = None
    ) -> Reply:
        """Send a call that no operation describes; see `PixxelClient.request`."""
        method = method.upper()
        safe = method in ("GET", "HEAD", "OPTIONS")
        operation = Operation(f"{method} {path}", method, given_path(path), repeat or ("safe" if safe else "once"))
        return await self.calls.call(Call(operation, query=query, body=to_wire(body)))

    async def first(self, rows: Pages[M], what: str, id: str) -> M:
        """The row of a listing by id; raises `NotFound` when there is none.

        The row that bears the id counts, since a server that ignores the filter gives them all; so does the only one
        of a listing whose rows bear none.
        """
        nameless: list[M] = []
        async for row in rows:
            borne = [value.casefold() for name in ("id", f"{what}_id") if (value := getattr(row, name, None))]
            if id.casefold() in borne:
                return row
            nameless += [] if borne or len(nameless) > 1 else [row]
        if len(nameless) == 1:
            return nameless[0]
        raise NotFound(f"there is no {what} {id}", status=404)

    async def content(self, call: Call) -> bytes:
        """Send, and return the bytes of the body."""
        body = (await self.calls.call(call)).body
        if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"{", b"["):  # what CSV and PNG never start with
            raise NotAPackage(f"{call.operation.name}: the answer is a page or a JSON message instead of the file")
        return body

    def open(self, call: Call) -> AbstractAsyncContextManager[StorageReply]:
        """Send, and have the body to be read as it arrives."""
        return self.calls.open(call)

    async def text(self, call: Call) -> str:
        """Send, and return the body as text, JSON string or plain."""
        reply = await self.calls.call(call)
        try:
            value = parse(reply)
        except DecodeError:
            value = None
        return value if isinstance(value, str) else reply.body.decode("utf-8-sig", "replace").strip()

    async def nothing(self, call: Call) -> None:
        """Send, and look at no body."""
        await self.calls.call(call)

    async def wait(self, wait: Wait[M], *, deadline: float | None = None) -> M:
        """The thing once it has ended well; raises `WaitFailed` if badly, `TimedOut` after `deadline` seconds."""
        return await self.waiter.wait(wait, deadline)

    def watch(self, wait: Wait[M], *, deadline: float | None = None) -> AsyncIterator[M]:
        """Each change of the thing, its end included."""
        return self.waiter.watch(wait, deadline)

    async def _one(self, call: Call, model: type[M], unwrap: str) -> tuple[M, Mapping[str, str]]:
        reply = await self.calls.call(call)
        value = await self._decoded(
            call, reply, lambda: read(model, _below(parse(reply), unwrap), self.drift, call.lent)
        )
        return value, reply.headers

    async def _page(
        self, cursor: rules.Cursor, model: type[M], max_pages: int, once: bool
    ) -> tuple[Page[M], rules.Cursor | None]:
        call = cursor.call
        reply = await self.calls.call(call)

        def work() -> tuple[Page[M], rules.NextPage]:
            if once and (unrolled := self._unrolled(cursor, reply, model)) is not None:
                return Page(unrolled), rules.NextPage(None)
            sheet = rules.sheet(_listing(parse(reply)), cursor.paging)
            step = rules.step(cursor, sheet, max_pages)
            rows = [] if step.again else read_list(model, sheet.rows, self.drift, call.lent)
            more = step.next is not None or (sheet.total or 0) > cursor.start + cursor.seen + len(sheet.rows)
            return Page(rows, sheet.total, more), step

        page, step = await self._decoded(call, reply, work)
        if step.again and step.next is not None:
            return await self._page(step.next, model, max_pages, once)
        if step.warning:
            _log.warning("listing.odd operation=%s reason=%s", call.operation.name, step.warning)
        return page, step.next

    def _unrolled(self, cursor: rules.Cursor, reply: Reply, model: type[M]) -> LazyRows[M] | None:
        """The rows of a long listing that comes whole and says nothing else, to be made as they are taken."""
        if cursor.paging.style != "whole" or len(reply.body) < LARGE:
            return None
        found = scroll(reply.body, cursor.paging.rows)
        if found is None:
            return None
        return LazyRows(found, lambda rows: read_list(model, rows, self.drift, cursor.call.lent))

    async def _decoded(self, call: Call, reply: Reply, work: Callable[[], T]) -> T:
        """What `work` makes of the reply; that of a call which must not be repeated may be unreadable but done."""
        try:
            return await _aside(len(reply.body), work)
        except DecodeError as error:
            found = error
        name, repeat = call.operation.name, call.repeat or call.operation.repeat
        if repeat == "safe":
            raise DecodeError(f"{name}: {found}", status=reply.status, operation=name, body=beginning(reply)) from None
        raise _unreadable(call, found)


def _unreadable(call: Call, error: DecodeError) -> OutcomeUnknown:
    return unknown(call.operation, f"the answer cannot be read: {error}")


def _below(value: Any, member: str) -> Any:
    return value[member] if member and isinstance(value, dict) and member in value else value


def _listing(value: Any) -> dict[str, Any] | list[Any]:
    if isinstance(value, dict | list):
        return value
    raise DecodeError("expected a listing, got neither an object nor a list")


async def _aside(size: int, work: Callable[[], T]) -> T:
    """Do small work at once, large work in a thread with the garbage collector at rest."""
    if size < LARGE:
        return work()

    def resting() -> T:
        with _pause:
            return work()

    return await anyio.to_thread.run_sync(resting, abandon_on_cancel=True)


class _Pause:
    """Keeps the garbage collector off while any large answer is being read: its passes hold up every thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._was_on = False

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._was_on:
                gc.enable()


_pause = _Pause()
