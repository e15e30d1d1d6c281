"""The API as generated methods call it: send, decode into models, page through listings."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from .._redact import forget_locals
from ..errors import APIError, DecodeError, NotAPackage, NotFound
from .call import Call, Operation, Paging, Repeat
from .codec.convert import Drift, members_of, read, read_list
from .codec.serialize import Id, id_member, id_of, to_wire
from .pages import Pages
from .reply import ENVELOPES, LARGE, Reply, body_start, error_in_success, is_error_body, parse
from .resource import Wait, Waiter
from .rules.request import check_path
from .rules.retry import outcome_unknown
from .sender import Sender
from .streaming import StorageReply

if TYPE_CHECKING:
    import anyio

    from .codec.model import Model

M = TypeVar("M", bound="Model")
T = TypeVar("T")

_THREADS = 4
"""Threads that decode large responses at the same time; our own limit, so that the host's pool is not used up."""
_COMMON = frozenset({"status", "code", "message", "error", "errors", "detail", "details", "success", "type", "title"})
"""Members that error bodies have in common with models."""

_log = logging.getLogger("pixxel_async.http")


class RestAPI:
    """Implements `API` with the calls of one key.

    Args:
        sender: sends the calls.
        waiter: returns the client's broker.
    """

    def __init__(self, sender: Sender, waiter: Callable[[], Waiter]) -> None:
        self.sender = sender
        self.waiter = waiter
        self.drift = Drift()
        self._threads: anyio.CapacityLimiter | None = None

    async def fetch(self, call: Call, model: type[M], *, unwrap: str = "") -> M:
        """Send, and decode one object, below the member `unwrap` if present."""
        reply = await self.sender.call(call)
        return await self._read_object(call, reply, model, unwrap)

    async def fetch_with_headers(self, call: Call, model: type[M]) -> tuple[M, Mapping[str, str]]:
        """Send, and decode one object; return it with the response headers, names in lower case."""
        reply = await self.sender.call(call)
        return await self._read_object(call, reply, model, ""), reply.headers

    async def fetch_list(self, call: Call, model: type[M], *, unwrap: str = "") -> list[M]:
        """Send, and decode a list of objects, below the member `unwrap` if present."""
        reply = await self.sender.call(call)

        def decode() -> list[M]:
            value = _unwrap(parse(reply), unwrap)
            if isinstance(value, dict):
                value = self._look_through(model, value, lambda inner: isinstance(inner, list))
                if is_error_body(value):
                    raise error_in_success(reply, value)
            rows = read_list(model, value, self.drift, call.lent)
            _check_created(call, model, rows)
            return rows

        return await self._decode(call, reply, decode)

    def pages(self, call: Call, model: type[M], paging: Paging) -> Pages[M]:
        """Return a listing; nothing is sent yet."""

        from .listing import Listing, first_page  # loaded with the first listing

        listing = Listing(model, self.sender, self.drift, self._decode)
        return Pages(listing.fetch_page, lambda: first_page(call, paging))

    async def request(
        self, method: str, path: str, *, query: Mapping[str, Any], body: Any = None, repeat: Repeat | None = None
    ) -> Reply:
        """Send a call that no operation describes; see `PixxelClient.request`."""
        method = method.upper()
        safe = method in ("GET", "HEAD", "OPTIONS")
        operation = Operation(f"{method} {path}", method, check_path(path), repeat or ("safe" if safe else "once"))
        return await self.sender.call(Call(operation, query=query, body=to_wire(body)))

    async def find(self, rows: Pages[M], noun: str, id: Id) -> M:
        """Return the row of a listing with this id; raises `NotFound` without one.

        A row counts by its id, since a server that ignores the filter returns all rows. The only row of a listing
        whose rows have no id counts, too.
        """
        nameless: list[M] = []
        sought = str(id_of(id))
        async for row in rows:
            ids = [value.casefold() for name in ("id", f"{noun}_id") if (value := getattr(row, name, None))]
            if sought.casefold() in ids:
                return row
            nameless += [] if ids or len(nameless) > 1 else [row]
        if len(nameless) == 1:
            return nameless[0]
        raise NotFound(f"there is no {noun} {sought}", status=404)

    async def fetch_bytes(self, call: Call) -> bytes:
        """Send, and return the bytes of the body, which is a file; a page or JSON in its place is refused.

        Raises:
            APIError: the body is an error in JSON.
            NotAPackage: it is a page or other JSON.
        """
        reply = await self.sender.call(call)
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        start = reply.body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if start not in (b"{", b"<", b"[") and kind not in ("application/json", "text/html"):
            return reply.body
        try:
            value = parse(reply)
        except DecodeError:
            value = None
        if is_error_body(value):
            raise error_in_success(reply, value)
        raise NotAPackage(f"{call.operation.name}: the response is an HTML page or a JSON message instead of the file")

    def stream(self, call: Call) -> AbstractAsyncContextManager[StorageReply]:
        """Send, and stream the body."""
        return self.sender.open(call)

    async def fetch_text(self, call: Call) -> str:
        """Send, and return the body as text: a JSON string or plain."""
        reply = await self.sender.call(call)
        try:
            value = parse(reply)
        except DecodeError:
            value = None
        return value if isinstance(value, str) else reply.body.decode("utf-8-sig", "replace").strip()

    async def send(self, call: Call) -> None:
        """Send, and ignore the body."""
        await self.sender.call(call)

    async def wait(self, wait: Wait[M], *, timeout: float | None = None) -> M:
        """Return the value once it has ended well; raises `WaitFailed` if badly, `TimedOut` after `timeout` seconds."""
        return await self.waiter().wait(wait, timeout)

    def watch(self, wait: Wait[M], *, timeout: float | None = None) -> AsyncIterator[M]:
        """Iterate over the changes of the value, its end included."""
        return self.waiter().watch(wait, timeout)

    async def _read_object(self, call: Call, reply: Reply, model: type[M], unwrap: str) -> M:
        value = await self._decode(call, reply, lambda: self._decode_object(call, reply, model, unwrap))
        if call.operation.creates and call.repeat_class != "safe" and isinstance(id := id_of(value), str):
            self.waiter().note_created(id)
        return value

    def _decode_object(self, call: Call, reply: Reply, model: type[M], unwrap: str) -> M:
        """Decode one object: looks through an envelope, raises for an error body and for a create without an id."""
        value = _unwrap(parse(reply), unwrap)
        if isinstance(value, dict):
            members = members_of(model)
            if not _shares_members(value, members):
                value = self._look_through(
                    model, value, lambda inner: isinstance(inner, dict) and _shares_members(inner, members)
                )
                if not _shares_members(value, members) and is_error_body(value):
                    raise error_in_success(reply, value)
        instance = read(model, value, self.drift, call.lent)
        _check_created(call, model, [instance])
        return instance

    def _look_through(self, model: type[M], value: dict[str, Any], fits: Callable[[Any], bool]) -> Any:
        """Return the object inside an envelope such as `{"data": …}`, which is noted as drift; else the value."""
        if _shares_members(value, members_of(model)):
            return value
        for name in ENVELOPES:
            if fits(value.get(name)):
                self.drift.note_member(f"{model.__name__} in {name!r}")
                return value[name]
        return value

    async def _decode(self, call: Call, reply: Reply, decode: Callable[[], T]) -> T:
        """Decode a response, a large one in a thread; if that fails, the outcome of an unsafe call is unknown."""
        try:
            return decode() if reply.size < LARGE else await self._in_thread(decode)
        except APIError as error:
            forget_locals(error)  # the body, which may repeat the key
            raise
        except DecodeError as error:
            reason = error
        name = call.operation.name
        if call.repeat_class == "safe":
            raise DecodeError(
                f"{name}: {reason}", status=reply.status, operation=name, body=body_start(reply)
            ) from None
        raise outcome_unknown(call.operation, f"the response cannot be read: {reason}")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        import anyio.to_thread  # for large responses alone

        if self._threads is None:
            self._threads = anyio.CapacityLimiter(_THREADS)
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)


def _check_created(call: Call, model: type[M], created: list[M]) -> None:
    """Raise `DecodeError` if a call that creates something was answered without its id."""
    creates = call.operation.creates and call.repeat_class != "safe"
    if creates and id_member(model) and not (created and all(map(id_of, created))):
        raise DecodeError("it has no id")


def _unwrap(value: Any, member: str) -> Any:
    return value[member] if member and isinstance(value, dict) and member in value else value


def _shares_members(value: dict[str, Any], members: frozenset[str]) -> bool:
    """Return whether an object has members of a model, other than those that error bodies and envelopes have, too."""
    if any(name in members and name not in _COMMON for name in value):
        return True
    status = value.get("status")
    worded = isinstance(status, str) and not status.isdecimal() and status.lower() not in ("error", "ok", "success")
    return worded and "status" in members
