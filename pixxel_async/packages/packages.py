"""`client.packages`: one package at a time, and no folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter

from .._http.call import API, Storage, Wait
from .._http.rules.retry import asked_to_wait
from ..errors import PackageFailed, PackageTimedOut
from ..settings import DownloadSettings, RetrySettings, Timing
from ..waiting import Broker, Told
from ..waiting.broker import stand
from .link import Link
from .package import Package
from .reading import Reading
from .rules.expiry import expires_at, good_until, server_time, still_good
from .state import Answer, PackageState, state_of
from .wanted import Given, as_package

KEPT_LINKS = 4096
"""Links kept for one key; the oldest goes first."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Packages(Reading):
    """Asks for packages of every kind, waits for them, hands out fresh links, and reads what they lead to.

    Args:
        api: makes the calls, with one key.
        broker: the waits of the same client.
        timing: the client's clock.
        storage: opens signed links.
        download: bounds of what is read.
        retry: pauses between attempts to read.
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
        first_wait: float = 2.0,
        ready_words: tuple[str, ...] = (),
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        super().__init__(timing, storage, download, retry)
        self._api = api
        self._broker = broker
        self._first_wait = first_wait
        self._ready_words = ready_words
        self._now = now
        self._links: dict[Package, tuple[Link, float]] = {}

    async def ask(self, package: Given) -> PackageState:
        """How the package stands, by one call that also starts the packing if nobody has.

        Raises:
            APIError: the call was refused; `NotFound` for ids that do not exist.
        """
        wanted = as_package(package)
        answer = await wanted.ask(self._api)
        verdict = answer.verdict(self._ready_words)
        again = asked_to_wait(answer.headers, self._now().timestamp())
        state = state_of(wanted, answer, verdict, self._link(answer), self._first_wait if again is None else again)
        self._keep(wanted, state.link)
        return state

    async def wait(self, package: Given, *, deadline: float | None = None) -> PackageState:
        """The state once the package is ready; several that wait for the same one share the calls.

        Args:
            deadline: seconds; None for `WaitSettings.deadline`.

        Raises:
            PackageFailed: packing ended without a package.
            PackageTimedOut: it was not ready at the deadline; the text says how it stood.
        """
        wanted = as_package(package)
        told = await self._broker.outcome(self._poll(wanted), deadline)
        if told.value is None or told.verdict == "going":
            raise PackageTimedOut(f"{wanted} was not ready in time: {stand(told)}", package=str(wanted), stage="wait")
        return _sound(told.value)

    async def link(self, package: Given, *, min_lifetime: float = 60.0, fresh: bool = False) -> Link:
        """A signed link that is good for a while; one call at most, none while a kept link will do.

        Args:
            min_lifetime: seconds that the link must last; a link that was just signed is handed out in any case.
            fresh: ask even if a kept link would do, because the storage refused it.

        Raises:
            PackageFailed: packing ended without a package.
            PackageTimedOut: it is not ready yet; nothing waits here, that is what `wait` is for.
        """
        wanted, now = as_package(package), self._timing.clock()
        link, kept_at = self._links.get(wanted, (None, now))
        if link is not None and not fresh and still_good(link.good_for(now), now - kept_at, min_lifetime):
            return link
        told: Told[PackageState] = await self._broker.outcome(self._single(wanted))
        link = None if told.value is None else _sound(told.value).link
        if link is None:
            again = None if told.value is None else told.value.retry_after
            late = f"{wanted} has no link yet: {stand(told)}"
            raise PackageTimedOut(late, package=str(wanted), stage="ask", retry_after=again)
        return link

    def _kept(self, package: Package) -> tuple[Link, float] | None:
        return self._links.get(package)

    def _poll(self, package: Package) -> Wait[PackageState]:
        """Asking until the package has ended well or badly."""
        text, ask = str(package), partial(self.ask, package)
        return Wait("package", (text,), text, ask, judge=attrgetter("verdict"), restarts=package.restarts)

    def _single(self, package: Package) -> Wait[PackageState]:
        """Asking once, for all that want to know at the same time: any answer is the end."""
        text, ask = str(package), partial(self.ask, package)
        return Wait("link", (text,), text, ask, judge=lambda state: "good")

    def _link(self, answer: Answer) -> Link | None:
        if not answer.url:
            return None
        expiry = expires_at(answer.url)
        server_now = server_time(answer.headers.get("date")) or self._now()
        return Link(answer.url, expiry, good_until(expiry, server_now, self._timing.clock()))

    def _keep(self, package: Package, link: Link | None) -> None:
        self._links.pop(package, None)
        if link is not None:
            self._links[package] = link, self._timing.clock()
        if len(self._links) > KEPT_LINKS:
            del self._links[next(iter(self._links))]


def _sound(state: PackageState) -> PackageState:
    if state.failed:
        raise PackageFailed(f"{state.package}: {state.message}", package=str(state.package))
    return state
