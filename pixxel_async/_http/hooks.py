"""Hooks and log lines around each attempt of a call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from attrs import field, frozen

from .reply import Reply, TransportFailure

_log = logging.getLogger("pixxel_async.http")


@frozen
class Attempt:
    """One attempt of a call, as hooks see it.

    Attributes:
        operation: name of the operation, such as `jobs.list`.
        method, path: the request, as method and path template.
        number: count of attempts of this call, from 1.
        headers: additional headers to send, such as `traceparent`; hooks add to them, but cannot replace ours.
    """

    operation: str
    method: str
    path: str
    number: int
    headers: dict[str, str] = field(factory=dict, repr=False)


RequestHook = Callable[[Attempt], Any]
"""Called before an attempt; its result is ignored."""
ReplyHook = Callable[[Attempt, Reply | TransportFailure, float], Any]
"""Called after an attempt, with its outcome and its duration in seconds."""


@frozen
class Hooks:
    """Callables around each attempt; they must not block, and errors they raise are logged and ignored."""

    on_request: Sequence[RequestHook] = ()
    on_reply: Sequence[ReplyHook] = ()

    @property
    def active(self) -> bool:
        """Whether anybody sees attempts: a hook, or the log at the level of debugging."""
        return bool(self.on_request or self.on_reply) or _log.isEnabledFor(logging.DEBUG)

    def before(self, attempt: Attempt) -> None:
        """Call the hooks before an attempt is sent."""
        _log.debug("call.sent operation=%s attempt=%d", attempt.operation, attempt.number)
        for hook in self.on_request:
            _call_hook(hook, attempt)

    def after(self, attempt: Attempt, got: Reply | TransportFailure, seconds: float) -> None:
        """Call the hooks after an attempt with its outcome."""
        ended = got.stage if isinstance(got, TransportFailure) else got.status
        event = "call.broken" if isinstance(got, TransportFailure) else "call.replied"
        _log.debug(
            "%s operation=%s attempt=%d ended=%s seconds=%.3f", event, attempt.operation, attempt.number, ended, seconds
        )
        for hook in self.on_reply:
            _call_hook(hook, attempt, got, seconds)


def _call_hook(hook: Callable[..., Any], *arguments: Any) -> None:
    try:
        hook(*arguments)
    except Exception as error:
        _log.warning("hook.failed error=%s", type(error).__name__)
