"""`client.packages`: one package at a time, and no folder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import TypeVar

from .._aio.loop_budget import LoopBudget
from .._http.resource import API, Wait
from .._http.streaming import Storage
from .._protocol.headers import http_date, retry_after
from ..errors import ConfigError, NotFound, OutcomeUnknown, PackageFailed, PackageTimedOut
from ..settings import DownloadSettings, RetrySettings, Timing
from ..waiting import Broker, Update
from ..waiting.broker import stand
from .kinds.answer import PackageAnswer
from .kinds.package import Package
from .kinds.wanted import PackageLike, as_package
from .link import Link
from .reading.reader import PackageReader
from .rules.expiry import expires_at, good_until, still_good
from .state import PackageState, state_of

KEPT = 4096
"""Links, and ids of downloads, that are kept for one key; the oldest goes first."""
LOST = 3
"""Lost answers after each of which a package is asked for anew, where asking costs nothing."""

T = TypeVar("T")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Packages(PackageReader):
    """Asks for packages of every kind, waits for them, hands out fresh links, and reads what they lead to.

    Args:
        api: makes the calls, with one key.
        broker: the waits of the same client.
        timing: the client's clock.
        storage: opens signed links.
        download: bounds of what is read.
        retry: pauses between attempts to read.
        rounds: what all that read together may do at once.
        first_wait: seconds to suggest before asking again, where the answer does not say.
        ready_words: further status words that mean "ready".
        now: the time of day, where an answer has no Date header.
    """

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
        first_wait: float = 2.0,
        ready_words: tuple[str, ...] = (),
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        super().__init__(api, timing, storage, download, retry, rounds)
        self._broker = broker
        self._first_wait = first_wait
        self._ready_words = ready_words
        self._now = now
        self._links: dict[Package, tuple[Link, float]] = {}
        self._downloads: dict[Package, str] = {}

    async def ask(self, package: PackageLike, *, download_id: str = "") -> PackageState:
        """How the package stands, by one call that also starts the packing if nobody has.

        Args:
            download_id: of a kind that is asked for by POST, the download to look at, from an earlier state; "" looks
                at the one that this client began, if it did, and else begins one.

        Raises:
            APIError: the call was refused; `NotFound` for ids that do not exist.
            OutcomeUnknown: the answer to a POST got lost; it costs nothing, so ask again.
        """
        wanted = as_package(package)
        answer = await self._answer(wanted, download_id or self._downloads.get(wanted, ""))
        verdict = answer.verdict(self._ready_words)
        again = retry_after(answer.headers, self._now().timestamp())
        state = state_of(wanted, answer, verdict, self._link(answer), self._first_wait if again is None else again)
        _keep(self._links, wanted, None if state.link is None else (state.link, self._timing.clock()))
        _keep(self._downloads, wanted, state.download_id or None)
        return state

    async def _answer(self, wanted: Package, download_id: str) -> PackageAnswer:
        """Look at the download; one that is gone is begun anew."""
        if wanted.by_id and download_id:
            with suppress(NotFound):
                return await wanted.ask(self._api, download_id)
        return await wanted.ask(self._api)

    async def wait(self, package: PackageLike, *, deadline: float | None = None) -> PackageState:
        """The state once the package is ready; several that wait for the same one share the calls.

        Args:
            deadline: seconds; None for `PollSettings.timeout`.

        Raises:
            PackageFailed: packing ended without a package.
            PackageTimedOut: it was not ready at the deadline; the text says how it stood.
        """
        wanted = as_package(package)
        told = await self._broker.outcome(self._poll(wanted), deadline)
        if told.value is None or told.verdict == "going":
            raise PackageTimedOut(f"{wanted} was not ready in time: {stand(told)}", package=str(wanted), stage="wait")
        return _sound(told.value)

    async def link(self, package: PackageLike, *, min_lifetime: float = 60.0, fresh: bool = False) -> Link:
        """A signed link that is good for a while; one call at most, none while a kept link will do.

        Args:
            min_lifetime: seconds that the link must last; a link that was just signed is handed out in any case.
            fresh: ask even if a kept link would do, because the storage refused it.

        Raises:
            PackageFailed: packing ended without a package.
            PackageTimedOut: it is not ready yet; nothing waits here, that is what `wait` is for.
            ConfigError: its kind has no links.
        """
        wanted, now = as_package(package), self._timing.clock()
        if not wanted.linked:
            raise ConfigError(f"no link leads to {wanted}: it is an answer to the key; use `open`, or a manager")
        link, kept_at = self._links.get(wanted, (None, now))
        if link is not None and not fresh and still_good(link.good_for(now), now - kept_at, min_lifetime):
            return link
        told: Update[PackageState] = await self._broker.outcome(self._single(wanted))
        link = None if told.value is None else _sound(told.value).link
        if link is None:
            again = None if told.value is None else told.value.retry_after
            late = f"{wanted} has no link yet: {stand(told)}"
            raise PackageTimedOut(late, package=str(wanted), stage="ask", retry_after=again)
        return link

    def forget(self, package: PackageLike) -> None:
        """Drop the kept link and the id of the download, since they were of no use: the next asking begins anew."""
        wanted = as_package(package)
        self._links.pop(wanted, None)
        self._downloads.pop(wanted, None)

    def _kept(self, package: Package) -> tuple[Link, float] | None:
        return self._links.get(package)

    def _poll(self, package: Package) -> Wait[PackageState]:
        """Asking until the package has ended well or badly."""
        text, ask = str(package), self._asking_anew(package) if package.by_id else partial(self.ask, package)
        return Wait("package", (text,), text, ask, judge=attrgetter("verdict"), restarts=package.restarts)

    def _asking_anew(self, package: Package) -> Callable[[], Awaitable[PackageState]]:
        """Asks by POST; a lost answer is no end, a few times."""
        lost = 0

        async def ask() -> PackageState:
            nonlocal lost
            try:
                return await self.ask(package)
            except OutcomeUnknown:
                lost += 1
                if lost > LOST:
                    raise
            return PackageState(package, False, False, "", message="the answer got lost")

        return ask

    def _single(self, package: Package) -> Wait[PackageState]:
        """Asking once, for all that want to know at the same time: any answer is the end."""
        text, ask = str(package), partial(self.ask, package)
        return Wait("link", (text,), text, ask, judge=lambda state: "good", patient=False)

    def _link(self, answer: PackageAnswer) -> Link | None:
        if not answer.url:
            return None
        expiry = expires_at(answer.url)
        server_now = http_date(answer.headers.get("date")) or self._now()
        return Link(answer.url, expiry, good_until(expiry, server_now, self._timing.clock()))


def _keep(kept: dict[Package, T], package: Package, value: T | None) -> None:
    """Put in what is known now, as the newest."""
    kept.pop(package, None)
    if value is not None:
        kept[package] = value
    if len(kept) > KEPT:
        del kept[next(iter(kept))]


def _sound(state: PackageState) -> PackageState:
    if state.failed:
        raise PackageFailed(f"{state.package}: {state.message}", package=str(state.package))
    return state
