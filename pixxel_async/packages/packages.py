"""`client.packages`: request, wait for, link to and read single packages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import Literal, TypeVar

from .._aio.loop_budget import LoopBudget
from .._aio.threads import Threads
from .._hints import Hinting
from .._http.resource import API, Wait
from .._http.streaming import Storage
from .._protocol.headers import http_date, retry_after
from ..errors import ConfigError, DecodeError, NotFound, OutcomeUnknown, PackageFailed, PackageTimedOut
from ..settings import DownloadSettings, RetrySettings, Timing
from ..waiting import Broker, Update
from ..waiting.broker import describe
from ..waiting.poller import BLANK_ANSWERS
from .kinds.answer import PackageAnswer
from .kinds.package import Package
from .kinds.package_like import PackageLike, as_package
from .link import Link
from .reading.reader import PackageReader
from .rules.expiry import expires_at, good_until, is_reusable
from .state import PackageState, state_of

CACHE_SIZE = 4096
"""Entries of the caches of links and of download ids, for each API key; the oldest entry is evicted first."""

T = TypeVar("T")


def _no_span(kind: Literal["ask"], name: str) -> AbstractContextManager[None]:
    return nullcontext()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Packages(Hinting, PackageReader):
    """Request packages of every kind, wait until they are packed, cache their signed links, and read their bytes.

    Args:
        api: sends the calls, with one API key.
        broker: shares polls between all waits of the client.
        timing: the client's clock, sleep and random numbers.
        storage: opens signed links.
        download: size limits and deadlines of reading.
        retry: backoff between attempts to read.
        rounds: limits the work of concurrent readers in one turn of the event loop.
        threads: pool for blocking work, shared by all keys of a client.
        first_wait: `retry_after` in seconds for answers that have no such header.
        ready_words: further status words that mean "ready".
        span: surrounds each request for a package, for observers.
        now: wall clock, used if an answer has no Date header.
    """

    _instead = dict.fromkeys(
        ("download", "export", "fetch", "get", "save"),
        "`DownloadManager(client, folder).fetch(package)` downloads, `open` streams, `link` returns a signed link",
    )

    def __init__(
        self,
        api: API,
        broker: Broker,
        timing: Timing,
        storage: Storage,
        *,
        download: DownloadSettings | None = None,
        retry: RetrySettings | None = None,
        rounds: LoopBudget | None = None,
        threads: Threads | None = None,
        first_wait: float = 2.0,
        ready_words: tuple[str, ...] = (),
        span: Callable[[Literal["ask"], str], AbstractContextManager[None]] = _no_span,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        super().__init__(api, timing, storage, download, retry, rounds, threads)
        self._broker = broker
        self._first_wait = first_wait
        self._ready_words = ready_words
        self._now = now
        self._span = span
        self._links: dict[Package, tuple[Link, float]] = {}
        self._downloads: dict[Package, str] = {}

    async def ask(self, package: PackageLike, *, download_id: str = "") -> PackageState:
        """Request the package's state by one call; the call also starts packing if it has not started.

        Args:
            download_id: for kinds that are requested by POST, the download to look up, from an earlier state; ""
                looks up the download that this client started, or starts one.

        Raises:
            APIError: the call was refused; `NotFound` for unknown ids.
            OutcomeUnknown: the answer to a POST was lost. The request is free and may be repeated.
        """
        subject = as_package(package)
        with self._span("ask", str(subject)):
            answer = await self._request(subject, download_id or self._downloads.get(subject, ""))
        verdict = answer.verdict(self._ready_words)
        delay = retry_after(answer.headers, self._now().timestamp())
        state = state_of(subject, answer, verdict, self._link_of(answer), self._first_wait if delay is None else delay)
        _remember(self._links, subject, None if state.link is None else (state.link, self._timing.clock()))
        _remember(self._downloads, subject, state.download_id or None)
        return state

    async def _request(self, package: Package, download_id: str) -> PackageAnswer:
        """Look up the download, or start one if there is none or the API has forgotten it (404)."""
        if package.by_id and download_id:
            with suppress(NotFound):
                return await package.ask(self._api, download_id)
        return await package.ask(self._api)

    async def wait(self, package: PackageLike, *, timeout: float | None = None) -> PackageState:
        """Poll until the package is ready and return its state; concurrent waits for one package share their polls.

        Args:
            timeout: seconds; None for `PollSettings.timeout`.

        Raises:
            PackageFailed: packing ended without a package.
            PackageTimedOut: the package was not ready in time; the message holds its last state.
        """
        subject = as_package(package)
        last = await self._broker.outcome(self._poll_until_ready(subject), timeout)
        if last.value is None or last.verdict == "going":
            raise PackageTimedOut(
                f"{subject} was not ready in time: {describe(last)}", package=str(subject), stage="wait"
            )
        return _raise_if_failed(last.value)

    async def link(self, package: PackageLike, *, min_lifetime: float = 60.0, fresh: bool = False) -> Link:
        """Return a signed link from the cache, or request one by a single call.

        Args:
            min_lifetime: minimum remaining lifetime of a cached link in seconds; a new link is returned in any case.
            fresh: skip the cache, because the storage refused the cached link.

        Raises:
            PackageFailed: packing ended without a package.
            PackageTimedOut: the package is not ready yet; use `wait` to poll for it.
            ConfigError: packages of this kind have no links.
        """
        subject, now = as_package(package), self._timing.clock()
        if not subject.linked:
            raise ConfigError(f"{subject} has no signed link: the API itself returns it; use `open` or a manager")
        link, cached_at = self._links.get(subject, (None, now))
        if link is not None and not fresh and is_reusable(link.good_for(now), now - cached_at, min_lifetime):
            return link
        last: Update[PackageState] = await self._broker.outcome(self._poll_once(subject))
        link = None if last.value is None else _raise_if_failed(last.value).link
        if link is None:
            delay = None if last.value is None else last.value.retry_after
            message = f"{subject} has no link yet: {describe(last)}"
            raise PackageTimedOut(message, package=str(subject), stage="ask", retry_after=delay)
        return link

    def forget(self, package: PackageLike) -> None:
        """Evict the package's link and download id from the caches, so that the next request starts from nothing."""
        subject = as_package(package)
        self._links.pop(subject, None)
        self._downloads.pop(subject, None)

    def _cached_link(self, package: Package) -> tuple[Link, float] | None:
        return self._links.get(package)

    def _poll_until_ready(self, package: Package) -> Wait[PackageState]:
        """Describe a poll that ends when the package is ready or has failed."""
        text, lost_answers, blank = str(package), 0, 0

        async def ask() -> PackageState:
            nonlocal lost_answers, blank
            try:
                state = await self.ask(package)
            except OutcomeUnknown:
                lost_answers += 1
                if lost_answers > package.max_lost_answers:
                    raise
                return PackageState(package, False, False, "", message="the response was lost")
            blank = 0 if state.ready or state.status or state.download_id else blank + 1
            if blank >= BLANK_ANSWERS:
                raise DecodeError(f"{blank} answers about {text} held no status: is this the API?")
            return state

        return Wait("package", (text,), text, ask, judge=attrgetter("verdict"), restarts=package.restarts)

    def _poll_once(self, package: Package) -> Wait[PackageState]:
        """Describe a poll that ends with the first answer; concurrent callers share it."""
        text, ask = str(package), partial(self.ask, package)
        return Wait("link", (text,), text, ask, judge=lambda state: "good", patient=False)

    def _link_of(self, answer: PackageAnswer) -> Link | None:
        if not answer.url:
            return None
        expiry = expires_at(answer.url)
        if expiry is None:
            return Link(answer.url)
        server_now = http_date(answer.headers.get("date")) or self._now()
        return Link(answer.url, expiry, good_until(expiry, server_now, self._timing.clock()))


def _remember(cache: dict[Package, T], package: Package, value: T | None) -> None:
    """Replace the package's entry by `value` as the newest one; None removes it."""
    cache.pop(package, None)
    if value is not None:
        cache[package] = value
    if len(cache) > CACHE_SIZE:
        del cache[next(iter(cache))]


def _raise_if_failed(state: PackageState) -> PackageState:
    if state.failed:
        raise PackageFailed(f"{state.package}: {state.message}", package=str(state.package))
    return state
