"""One call: build the request, attempt it, decide, wait or stop."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from attrs import define, evolve

from ..settings import KeySource, Secret
from .call import Call, Repeat
from .channel import Channel
from .hooks import Attempt
from .reply import Reply, TransportFailure, shown
from .rules import retry
from .rules.auth import AuthForm, authorization, check_key, has_scheme, other_form
from .rules.request import PreparedRequest, build, opened
from .storage import LinkReply

if TYPE_CHECKING:
    from .edge.transport import Opened

_log = logging.getLogger("pixxel_async.http")

_OURS = frozenset({"authorization", "host", "content-length", "transfer-encoding", "cookie"})
"""Headers that a hook may not set."""


@define
class _Progress:
    """Where one call stands; the state that the rules judge, and when the call has to end."""

    state: retry.RetryState
    deadline: float | None = None

    def left(self, clock: float, seconds: float | None) -> float:
        """Seconds until the deadline, which counts from the first attempt."""
        if self.deadline is None:
            self.deadline = float("inf") if seconds is None else clock + seconds
        return self.deadline - clock


class Sender:
    """What one key sends: its calls, one after the other or many at a time, all over one lane.

    Args:
        lane: connections and pace, shared with other keys.
        key: the key, or an async callable that returns one.
        auth: `auto` finds out how the key is sent, `raw` and `bearer` fix it.
    """

    def __init__(self, lane: Channel, key: Secret | KeySource, auth: str) -> None:
        self.lane = lane
        self.form: AuthForm | None = None if auth == "auto" else "bearer" if auth == "bearer" else "raw"
        self._key = key
        self._auto = auth == "auto"
        if isinstance(key, Secret) and key:
            check_key(key.reveal())

    async def call(self, call: Call) -> Reply:
        """The reply of a call that ended well, after as many attempts as its repeat class allows.

        Raises:
            ConfigError: an argument or the key cannot be sent; nothing was.
            APIError: the API answered with an error.
            ConnectionFailed, TimedOut: there was no answer.
            OutcomeUnknown: the answer of a call that must not be repeated got lost.
        """
        return await self._done(call, build(call, self.lane.user_agent))

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[LinkReply]:
        """The same, with a body that is read as it arrives, whatever its size.

        When it is cut, nothing repeats the call. `http.call_timeout` bounds the time to its start, `http.read_timeout`
        each pause in it.
        """
        reply = cast("Opened", await self._done(call, opened(build(call, self.lane.user_agent))))
        try:
            yield LinkReply(reply.answer, shown(reply.headers))
        finally:
            reply.answer.close()

    async def _done(self, call: Call, request: PreparedRequest) -> Reply:
        lane = self.lane
        repeat = call.repeat or call.operation.repeat
        progress = _Progress(retry.RetryState(attempt=1))
        while True:
            got = await self._attempt(request, call, repeat, progress)
            state = progress.state = self._judged(progress)
            step = retry.decide(got, call.operation, repeat, state, lane.settings.retry)
            if isinstance(step, retry.Done):
                return step.reply
            if isinstance(step, retry.Stop):
                raise step.error
            progress.state = evolve(
                state, attempt=state.attempt + 1, waited=state.waited + step.wait, maybe_done=_maybe_done(state, got)
            )
            lane.quota -= step.cost
            await lane.timing.sleep(step.wait)

    async def _attempt(
        self, request: PreparedRequest, call: Call, repeat: Repeat, progress: _Progress
    ) -> Reply | TransportFailure:
        """One attempt in its slot; a safe call whose key was refused goes once more in the key's other form."""
        key = Secret("") if call.keyless else await self._read_key()
        sent: AuthForm = self.form or "raw"
        got = await self._send(request, _authorized(key, sent), repeat, progress)
        if not key or isinstance(got, TransportFailure):
            return got
        refused = got.status in (401, 403)
        other = other_form(key.reveal(), sent, self.form, self._auto) if refused and repeat == "safe" else None
        if other is not None:
            again = await self._send(request, _authorized(key, other), repeat, progress)
            if isinstance(again, TransportFailure) or again.status in (401, 403):
                return got
            got, sent, refused = again, other, False
        if not refused and self._auto and not has_scheme(key.reveal()):
            self.form = sent
        return got

    async def _send(
        self, request: PreparedRequest, authorized: Secret, repeat: Repeat, progress: _Progress
    ) -> Reply | TransportFailure:
        lane, clock = self.lane, self.lane.timing.clock
        attempt = Attempt(request.operation, request.method, request.path, progress.state.attempt)
        transport = lane.open()
        async with lane.slot():
            lane.hooks.before(attempt)
            sent_at = clock()
            left = progress.left(sent_at, lane.settings.http.call_timeout)
            try:
                got = await transport.attempt(request, _headers(attempt, authorized), max(left, 0.001))
            except asyncio.CancelledError:
                if repeat != "safe":
                    _log.warning("call.abandoned operation=%s outcome=unknown", request.operation)
                raise
        if isinstance(got, Reply):
            got = evolve(got, hidden=_hidden(authorized))
        lane.learn(got, sent_at, time.time())
        lane.hooks.after(attempt, got, clock() - sent_at)
        return got

    async def _read_key(self) -> Secret:
        """The key; it is a text in no frame of ours that a crash report may show, but where it is sent."""
        if isinstance(self._key, Secret):
            check_key(self._key.reveal())
            return self._key
        key = self._key()
        return Secret(check_key(await key if inspect.isawaitable(key) else key))

    def _judged(self, progress: _Progress) -> retry.RetryState:
        timing, settings = self.lane.timing, self.lane.settings
        return evolve(
            progress.state,
            left=progress.left(timing.clock(), settings.http.call_timeout),
            quota=self.lane.quota,
            roll=timing.random(),
            now=time.time(),
        )


def _authorized(key: Secret, form: AuthForm) -> Secret:
    return Secret(authorization(key.reveal(), form)) if key else key


def _headers(attempt: Attempt, authorized: Secret) -> Mapping[str, str]:
    added = {name: value for name, value in attempt.headers.items() if name.lower() not in _OURS}
    return {**added, "Authorization": authorized.reveal()} if authorized else added


def _hidden(authorized: Secret) -> tuple[Secret, ...]:
    """The texts that must reach no error: the header's value, and its part after a scheme word."""
    text = authorized.reveal()
    return tuple(Secret(part) for part in {text, text.rpartition(" ")[2]} if part)


def _maybe_done(state: retry.RetryState, got: Reply | TransportFailure) -> bool:
    """Whether an attempt that is repeated may have done its work all the same."""
    done = got.stage != "connect" if isinstance(got, TransportFailure) else got.status >= 500
    return state.maybe_done or done
