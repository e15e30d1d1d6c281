"""Hooks, observers and log lines around calls, their attempts, and requests to the storage."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, Protocol

from attrs import field, frozen

from .reply import Reply, TransportFailure

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_log = logging.getLogger("pixxel_async.http")
_calls = count(1)

STORAGE = "storage"
"""Name of the operation of requests to signed URLs."""


@frozen
class Attempt:
    """One attempt of a call, or one request to the storage, as hooks see it.

    Attributes:
        operation: name of the operation, such as `jobs.list`; `storage` for requests to signed URLs.
        method, path: the request, as method and path template; of a signed URL no path is shown.
        number: count of attempts of this call, from 1.
        headers: additional headers to send, such as `traceparent`; hooks add to them, but cannot replace ours, and
            add nothing to requests to the storage.
        call: number of the call in this process, the same for all its attempts.
        host: host and port that the request goes to.
    """

    operation: str
    method: str
    path: str
    number: int
    headers: dict[str, str] = field(factory=dict, repr=False)
    call: int = 0
    host: str = ""


def next_call() -> int:
    """Return the number of the next call of this process."""
    return next(_calls)


SpanKind = Literal["call", "ask", "package"]
"""Kinds of work that an observer can surround with a span; see `Observer.span`."""


class Observer(Protocol):
    """Receives everything that a client does; `integrations.otel` is one. Its methods must not block.

    They are called in the task, and so in the context, of the work itself.
    """

    def span(self, kind: SpanKind, name: str) -> AbstractContextManager[object]:
        """Surround work.

        Args:
            kind: `call` for a call of the API with all its attempts; `ask` for a request for a package; `package` for
                each part of a download manager's work for a package: once for each request, once for the transfer.
            name: operation such as `jobs.get`, or the package's text form.
        """
        ...

    def before(self, attempt: Attempt) -> None:
        """Take note of an attempt that is about to be sent."""
        ...

    def after(self, attempt: Attempt, outcome: Reply | TransportFailure, seconds: float) -> None:
        """Take note of its outcome."""
        ...

    def event(self, event: Any) -> None:
        """Take an event of a download manager, one of `pixxel_async.events`."""
        ...


RequestHook = Callable[[Attempt], Any]
"""Called before an attempt; its result is ignored."""
ReplyHook = Callable[[Attempt, Reply | TransportFailure, float], Any]
"""Called after an attempt, with its outcome and its duration in seconds."""


@frozen
class Hooks:
    """Callables around each attempt; they must not block, and errors they raise are logged and ignored."""

    on_request: Sequence[RequestHook] = ()
    on_reply: Sequence[ReplyHook] = ()
    observers: list[Observer] = field(factory=list)

    @property
    def active(self) -> bool:
        """Whether anybody sees attempts: a hook, or the log at the level of debugging."""
        return bool(self.on_request or self.on_reply or self.observers) or _log.isEnabledFor(logging.DEBUG)

    def before(self, attempt: Attempt) -> None:
        """Call the hooks before an attempt is sent."""
        _log.debug("call.sent operation=%s attempt=%d", attempt.operation, attempt.number)
        for hook in (*self.on_request, *(observer.before for observer in self.observers)):
            _call_hook(hook, attempt)

    def after(self, attempt: Attempt, outcome: Reply | TransportFailure, seconds: float) -> None:
        """Call the hooks after an attempt with its outcome."""
        result = outcome.stage if isinstance(outcome, TransportFailure) else outcome.status
        event = "call.broken" if isinstance(outcome, TransportFailure) else "call.replied"
        _log.debug(
            "%s operation=%s attempt=%d ended=%s seconds=%.3f",
            event,
            attempt.operation,
            attempt.number,
            result,
            seconds,
        )
        for hook in (*self.on_reply, *(observer.after for observer in self.observers)):
            _call_hook(hook, attempt, outcome, seconds)

    def emit(self, event: Any) -> None:
        """Pass an event of a download manager to the observers."""
        for observer in self.observers:
            _call_hook(observer.event, event)

    def span(self, kind: SpanKind, name: str) -> AbstractContextManager[None]:
        """Surround work with the spans of all observers."""
        return self._spans(kind, name) if self.observers else _NO_SPAN

    @contextmanager
    def _spans(self, kind: SpanKind, name: str) -> Iterator[None]:
        with ExitStack() as stack:
            for observer in self.observers:
                stack.enter_context(observer.span(kind, name))
            yield


_NO_SPAN = nullcontext()


def _call_hook(hook: Callable[..., Any], *arguments: Any) -> None:
    try:
        hook(*arguments)
    except Exception as error:
        _log.warning("hook.failed error=%s", type(error).__name__)
