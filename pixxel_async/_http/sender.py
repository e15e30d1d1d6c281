"""Sending of calls with one API key: slot, throttle, attempt, retry decision."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from attrs import define, evolve, field, frozen

from ..errors import ConfigError, Forbidden, KeyRefused, PixxelError
from ..settings import KeySource, Secret
from .call import Call, Repeat
from .channel import Channel
from .hooks import Attempt, next_call
from .reply import Reply, TransportFailure, forwarded_headers
from .rules import retry
from .rules.auth import AuthForm, authorization, check_key, has_scheme, other_form
from .rules.request import PreparedRequest, build, with_streamed_body

if TYPE_CHECKING:
    from .edge.transport import Opened
    from .storage import LinkReply

_log = logging.getLogger("pixxel_async.http")

_RESERVED = frozenset({"authorization", "host", "content-length", "transfer-encoding", "cookie"})
"""Headers that a hook may not set."""
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_KEY_STATUSES = (401, 403)
_NO_KEY = Secret("")
_FIRST = retry.RetryState(attempt=1)


@frozen
class _Credential:
    """A key and the form in which it is sent."""

    key: Secret
    form: AuthForm
    header: Secret = field(init=False)

    @header.default
    def _authorization(self) -> Secret:
        return Secret(authorization(self.key.reveal(), self.form)) if self.key else self.key


@define
class _Progress:
    """State of one call across its attempts.

    Attributes:
        state: the retry state; None before an attempt failed.
        deadline: end of the call on the client's clock, set at the first attempt.
        refusal: response to the key's first form, while its other form is tried.
        key_reread: whether the key source was asked again after a 401.
        sent: attempts sent so far, those with another form of the key included.
        call: the call's number for hooks; 0 before they need one.
    """

    state: retry.RetryState | None = None
    deadline: float | None = None
    refusal: Reply | None = None
    key_reread: bool = False
    sent: int = 0
    call: int = 0

    def left(self, clock: float, seconds: float | None) -> float:
        """Return the seconds until the deadline."""
        if self.deadline is None:
            self.deadline = float("inf") if seconds is None else clock + seconds
        return self.deadline - clock

    def next_attempt(self, request: PreparedRequest, host: str) -> Attempt:
        """Return the description of the next attempt for hooks."""
        self.sent += 1
        self.call = self.call or next_call()
        return Attempt(request.operation, request.method, request.path, self.sent, call=self.call, host=host)


class Sender:
    """Send calls with one key over a shared channel; calls may run concurrently.

    Args:
        channel: connections and throttle, shared with other keys.
        key: the key, or an async callable that returns one.
        auth: `auto` finds out which form of the Authorization header the key needs; `raw` and `bearer` fix it.
    """

    def __init__(self, channel: Channel, key: Secret | KeySource, auth: str) -> None:
        self.channel = channel
        self.form: AuthForm | None = None if auth == "auto" else "bearer" if auth == "bearer" else "raw"
        self._key = key
        self._auto = auth == "auto"
        self._last: _Credential | None = None
        if isinstance(key, Secret) and key:
            check_key(key)

    async def call(self, call: Call, *, opened: bool = False) -> Reply:
        """Send a call, with as many attempts as its repeat class allows, and return the successful response.

        Args:
            opened: whether the body is left to be read; see `open`.

        Raises:
            ConfigError: an argument or the key cannot be sent; nothing was.
            APIError: the API answered with an error.
            ConnectionFailed, TimedOut: there was no response.
            OutcomeUnknown: the response of a call that must not be repeated was lost.
        """
        channel, repeat, progress = self.channel, call.repeat_class, _Progress()
        request = build(call, channel.user_agent)
        request = with_streamed_body(request) if opened else request
        with channel.hooks.span("call", request.operation) if channel.hooks.observers else nullcontext():
            credential = await self._choose_credential(call)
            while True:
                await channel.acquire_slot()  # concurrency limit, then the throttle
                try:
                    outcome = await self._attempt(request, credential, repeat, progress)
                finally:
                    channel.release_slot()
                if isinstance(outcome, Reply) and outcome.status < 300:
                    self._remember_form(credential)
                    return outcome
                # A 401 or 403 may be about the form of the key, or about a key that was rotated: try the other at once.
                if (other := await self._other_credential(credential, outcome, repeat, progress)) is not None:
                    credential = other
                    continue
                outcome = self._settle_key(credential, outcome, progress)
                state = self._retry_state(progress)
                decision = retry.decide(outcome, call.operation, repeat, state, channel.settings)
                if isinstance(decision, retry.Done):
                    return decision.reply
                if isinstance(decision, retry.Stop):
                    raise self._with_hint(decision.error, credential, repeat)
                progress.state = state.after_wait(decision.wait, outcome)
                channel.quota -= decision.cost
                await channel.timing.sleep(decision.wait)
                credential = await self._choose_credential(call)

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[LinkReply]:
        """Send a call and stream its body, whatever its size; a body that is cut is not retried.

        The timeout of a call bounds the time until the body starts, the read timeout each pause in it.
        """
        from .storage import LinkReply

        reply = cast("Opened", await self.call(call, opened=True))
        try:
            yield LinkReply(reply.answer, forwarded_headers(reply.headers))
        finally:
            reply.answer.close()

    async def _attempt(
        self, request: PreparedRequest, credential: _Credential, repeat: Repeat, progress: _Progress
    ) -> Reply | TransportFailure:
        """Send the request once, between the hooks, and let throttle and quota learn from the outcome."""
        channel, clock, hooks, headers = self.channel, self.channel.timing.clock, self.channel.hooks, _NO_HEADERS
        transport, attempt = channel.open(), None
        if hooks.active:
            attempt = progress.next_attempt(request, channel.host)
            hooks.before(attempt)
            headers = _added_headers(attempt)
        sent_at = clock()
        remaining = progress.left(sent_at, channel.settings.http.call_timeout)
        try:
            outcome = await transport.attempt(request, headers, credential.header, max(remaining, 0.001))
        except asyncio.CancelledError:
            if repeat != "safe":
                _log.warning("call.abandoned operation=%s outcome=unknown", request.operation)
            raise
        channel.observe(outcome, sent_at, time.time())
        if attempt is not None:
            hooks.after(attempt, outcome, clock() - sent_at)
        return outcome

    def _retry_state(self, progress: _Progress) -> retry.RetryState:
        """Return the retry state after a failed attempt."""
        timing, settings = self.channel.timing, self.channel.settings
        return evolve(
            progress.state or _FIRST,
            left=progress.left(timing.clock(), settings.http.call_timeout),
            quota=self.channel.quota,
            roll=timing.random(),
            now=time.time(),
        )

    async def _choose_credential(self, call: Call) -> _Credential:
        """Return the key in the form to try first; the same object while neither changes."""
        key, form = _NO_KEY if call.keyless else await self._read_key(), self.form or "raw"
        if self._last is None or self._last.key is not key or self._last.form != form:
            self._last = _Credential(key, form)
        return self._last

    async def _read_key(self) -> Secret:
        """Return the key; it is plain text only where it is sent, in no frame that a crash report may show."""
        if isinstance(self._key, Secret):
            return self._key or check_key(self._key)  # one that is given is checked once, when it is
        return check_key(await _ask(self._key))

    async def _other_credential(
        self, sent: _Credential, outcome: Reply | TransportFailure, repeat: Repeat, progress: _Progress
    ) -> _Credential | None:
        """Return another credential to try at once after a 401 or 403; None if the outcome stands.

        There are two cases: a safe call tries the key's other form; after a 401 the key source is asked again, and a
        new key is tried with any call, since a 401 means that nothing was done. Each happens once per call.
        """
        if not sent.key or isinstance(outcome, TransportFailure) or outcome.status not in _KEY_STATUSES:
            return None
        form = other_form(sent.key.reveal(), sent.form, self.form, self._auto)
        if form is not None and repeat == "safe" and progress.refusal is None:
            progress.refusal = outcome
            return _Credential(sent.key, form)
        if outcome.status == 401 and not isinstance(self._key, Secret) and not progress.key_reread:
            progress.key_reread = True
            if (key := await self._read_key()) != sent.key:
                progress.refusal = None
                return _Credential(key, self.form or "raw")
        return None

    def _remember_form(self, sent: _Credential) -> None:
        """Remember the form of a key that was accepted."""
        if sent.form != self.form and sent.key and self._auto and not has_scheme(sent.key.reveal()):
            self.form = sent.form

    def _settle_key(
        self, sent: _Credential, outcome: Reply | TransportFailure, progress: _Progress
    ) -> Reply | TransportFailure:
        """Remember the form that was accepted; if neither was, the outcome is the refusal of the first."""
        accepted = isinstance(outcome, Reply) and outcome.status not in _KEY_STATUSES
        if accepted:
            self._remember_form(sent)
        refusal, progress.refusal = progress.refusal, None
        return refusal if refusal is not None and not accepted else outcome

    def _with_hint(self, error: PixxelError, sent: _Credential, repeat: Repeat) -> PixxelError:
        """Say how to set the form of the key where a call must not try the other one."""
        if not isinstance(error, KeyRefused | Forbidden) or repeat == "safe" or not sent.key:
            return error
        if other := other_form(sent.key.reveal(), sent.form, self.form, self._auto):
            error.hint = (
                f"The key was sent in its {sent.form!r} form; a call that must not be repeated does not try the other. "
                f"Set auth={other!r}, or make a read-only call first, which detects the form. {error.hint}"
            ).rstrip()
        return error


async def _ask(source: KeySource) -> Secret:
    key: Any = source()  # a source of a caller without a type checker may return the key itself
    return Secret(await key if inspect.isawaitable(key) else key)


def _added_headers(attempt: Attempt) -> Mapping[str, str]:
    """Return the headers that hooks added; raises `ConfigError` for one that cannot be sent in a line of its own."""
    for name, value in attempt.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise ConfigError(
                f"the header {name!r:.60}, which a hook added, cannot be sent: a name is made of letters, digits and "
                "dashes, and a value is text of ISO 8859-1 without line ends and control characters"
            )
    return {name: value for name, value in attempt.headers.items() if name.lower() not in _RESERVED}
