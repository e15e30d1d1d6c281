"""Stand-ins for the asynchronous objects: the same names, called from plain code."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, NoReturn, Self

from .._http.pages import Page, Pages
from .._http.resource import Resource
from ..downloads import Outcomes as AsyncOutcomes
from ..downloads import Transfer as AsyncTransfer
from ..packages import MemberStream as AsyncMemberStream
from ..packages import Packages
from ..packages import PackageStream as AsyncPackageStream
from .portal import Portal

__all__ = ["Listing", "Outcomes", "Proxy", "Stream", "Transfer"]

_END = object()


class Proxy:
    """An object whose methods run in the event loop of a portal; their results come back as plain values.

    Args:
        portal: runs the calls.
        target: the asynchronous object.
    """

    def __init__(self, portal: Portal, target: Any) -> None:
        self._portal = portal
        self._target = target

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        attribute = getattr(self._target, name)
        return self._method(attribute) if inspect.ismethod(attribute) else _wrap(self._portal, attribute)

    def _method(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(method, *args, **kwargs)

        return call

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function in the loop, await its result if it is a coroutine, and wrap it."""

        async def work() -> Any:
            arguments = {name: _unwrap(value) for name, value in kwargs.items()}
            value = function(*map(_unwrap, args), **arguments)
            return await value if inspect.iscoroutine(value) else value

        return _wrap(self._portal, self._portal.call(work))

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._target) if not name.startswith("_")]

    def __repr__(self) -> str:
        return repr(self._target)


class Listing(Proxy):
    """A listing: `for row in listing` reads all rows, `listing[0]` and `listing[:n]` the first ones.

    `listing.page()` is the first page, with its totals, and `listing.take(n)` a listing that ends after n rows. Nothing
    is sent before, and each loop and each index starts from the first page. A listing has no length before it is read:
    `len(list(listing))`.
    """

    _target: Pages[Any]

    def __iter__(self) -> Iterator[Any]:
        for page in self.by_page():
            yield from page

    def __getitem__(self, index: int | slice) -> Any:
        """Return a row or a list of rows; no page beyond them is read.

        Raises:
            IndexError: the listing has fewer rows.
            TypeError: the index counts from the end, which is not known before the listing is read.
        """
        bounds = (index.start, index.stop, index.step) if isinstance(index, slice) else (index,)
        if any(bound is not None and (not isinstance(bound, int) or bound < 0) for bound in bounds):
            raise TypeError(f"a listing is read from its beginning: for [{index!r}] write list(listing)[{index!r}]")
        if isinstance(index, slice):
            return list(self if index.stop is None else self.take(index.stop))[index]
        for row in itertools.islice(self.take(index + 1), index, None):
            return row
        raise IndexError(f"the listing has no row {index}")

    def __len__(self) -> NoReturn:
        raise TypeError("a listing has no length yet: write len(list(listing)), or listing.page().total")

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        if name in ("rows", "total", "has_more", "first"):
            raise AttributeError(f"a listing that is not read yet has no {name!r}: write listing.page().{name}")
        return super().__getattr__(name)

    def by_page(self) -> Iterator[Page[Any]]:
        """Iterate over the pages of the listing."""
        yield from _each(self, self._target.by_page(once=True))

    def page(self) -> Page[Any]:
        """Return the first page."""

        async def first() -> Page[Any]:
            return await self._target

        page: Page[Any] = self._portal.call(first)
        return page

    def __repr__(self) -> str:
        return "Listing(not read yet: `for row in …` reads all rows, `[0]` and `[:9]` the first, `.page()` a page)"


class Outcomes(Proxy):
    """The outcomes of a batch: `for outcome in manager.fetch_all(…)`.

    Leaving the loop stops the rest of the batch; `with` makes that certain where the iterator is kept.
    """

    _target: AsyncOutcomes
    _entered = False

    def __enter__(self) -> Self:
        self._call(self._target.__aenter__)
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.call(self._target.__aexit__, kind, error, trace)

    def __iter__(self) -> Iterator[Any]:
        if self._entered:
            yield from _each(self, self._target)
            return
        with self:
            yield from _each(self, self._target)

    def __repr__(self) -> str:
        return "Outcomes(`for outcome in …`)"


class Transfer(Proxy):
    """A package on its way: `result()` waits for it."""

    _target: AsyncTransfer

    def result(self) -> Any:
        """Wait for the package and return its `Downloaded`; raise the error if it failed."""

        async def wait() -> Any:
            return await self._target

        return self._portal.call(wait)


class Stream(Proxy):
    """The bytes of a package or of a member: `with client.packages.open(…) as stream: for chunk in stream: …`."""

    _target: AsyncPackageStream | AsyncMemberStream

    def __enter__(self) -> Self:
        self._portal.call(self._target.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.call(self._target.__aexit__, kind, error, trace)

    def __iter__(self) -> Iterator[bytes]:
        yield from _each(self, self._target)

    def close(self) -> None:
        """Let go of the connection; harmless if that is done."""
        self._portal.call(self._target.aclose)


class Namespace(Proxy):
    """A resource of the client, such as `client.jobs`, or its packages."""

    def __repr__(self) -> str:
        return f"<client.{type(self._target).__name__.lower()}>"


_PROXIES: dict[type[Any], type[Proxy]] = {
    Pages: Listing,
    AsyncOutcomes: Outcomes,
    AsyncTransfer: Transfer,
    AsyncPackageStream: Stream,
    AsyncMemberStream: Stream,
    Resource: Namespace,
    Packages: Namespace,
}


def _wrap(portal: Portal, value: Any) -> Any:
    for kind, proxy in _PROXIES.items():
        if isinstance(value, kind):
            return proxy(portal, value)
    if isinstance(value, AsyncIterator):
        return _each(Proxy(portal, value), value)
    return value


def _unwrap(value: Any) -> Any:
    return value._target if isinstance(value, Proxy) else value


def _each(proxy: Proxy, source: AsyncIterator[Any]) -> Iterator[Any]:
    """Yield the elements of an asynchronous iterator; it is closed when the loop is left."""

    async def following() -> Any:
        return await anext(source, _END)

    try:
        while (element := proxy._portal.call(following)) is not _END:
            yield element
    finally:
        if (close := getattr(source, "aclose", None)) is not None and not isinstance(source, tuple(_PROXIES)):
            proxy._portal.call(close)
