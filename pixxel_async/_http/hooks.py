"""Who is told of each attempt: the caller's hooks, and the log."""

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
        number: which attempt of its call, from 1.
        headers: further headers to send, such as `traceparent`: a hook adds to them; ours are not replaced.
    """

    operation: str
    method: str
    path: str
    number: int
    headers: dict[str, str] = field(factory=dict, repr=False)


RequestHook = Callable[[Attempt], Any]
"""Called before an attempt; its result is not looked at."""
ReplyHook = Callable[[Attempt, Reply | TransportFailure, float], Any]
"""Called after an attempt, with its outcome and its seconds."""


@frozen
class Hooks:
    """Callables around each attempt; they may not block, and one that raises is passed over."""

    on_request: Sequence[RequestHook] = ()
    on_reply: Sequence[ReplyHook] = ()

    def before(self, attempt: Attempt) -> None:
        """An attempt is about to be sent."""
        _log.debug("call.sent operation=%s attempt=%d", attempt.operation, attempt.number)
        for hook in self.on_request:
            _passed_over(hook, attempt)

    def after(self, attempt: Attempt, got: Reply | TransportFailure, seconds: float) -> None:
        """An attempt has brought this."""
        ended = got.stage if isinstance(got, TransportFailure) else got.status
        event = "call.broken" if isinstance(got, TransportFailure) else "call.replied"
        _log.debug(
            "%s operation=%s attempt=%d ended=%s seconds=%.3f", event, attempt.operation, attempt.number, ended, seconds
        )
        for hook in self.on_reply:
            _passed_over(hook, attempt, got, seconds)


def _passed_over(hook: Callable[..., Any], *told: Any) -> None:
    try:
        hook(*told)
    except Exception as error:
        _log.warning("hook.failed error=%s", type(error).__name__)
