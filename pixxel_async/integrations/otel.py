"""OpenTelemetry: spans and metrics of a client, and of the downloads that managers make with it.

    stop = instrument(client)

Spans: each call of the API over all its attempts (`jobs.get`); each attempt and each request to a storage, as an HTTP
client span by the semantic conventions; each request for a package (`ask`); for each package of a download manager a
span `package`, a child of the span in which it was asked for, and below it its requests and its stages `wait`,
`stream`, `prove`, `publish` (the rename, or the upload to a store) and `unpack`. Metrics: see `Metrics`. No key and no
signed URL is in any of them: of a storage request only its host is recorded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..client import Attempt, PixxelClient
from ..errors import ConfigError, PixxelError
from ..events import (
    Asked,
    Downloaded,
    Dropped,
    Event,
    Failed,
    Moved,
    Outcome,
    Proving,
    Publishing,
    Started,
    Unpacking,
    Waiting,
)

try:
    from opentelemetry import metrics, propagate, trace
    from opentelemetry.trace import Span, SpanKind, StatusCode
except ImportError:
    raise ConfigError("OpenTelemetry needs an extra: pip install 'pixxel-async[otel]'") from None

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["instrument"]

_STAGES: dict[type[Any], str] = {
    Asked: "wait",
    Waiting: "wait",
    Started: "stream",
    Proving: "prove",
    Publishing: "publish",
    Unpacking: "unpack",
}
"""The stage that a package is in after an event."""


def instrument(
    client: PixxelClient,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    tick: float = 1.0,
) -> Callable[[], None]:
    """Record spans and metrics of a client, of its light clients, and of every manager that uses them.

    Args:
        tracer_provider, meter_provider: None for those that the application has set.
        tick: seconds between two measurements of the event loop's lateness.

    Returns:
        a function that ends it.
    """
    tracer = trace.get_tracer("pixxel_async", tracer_provider=tracer_provider)
    meter = metrics.get_meter("pixxel_async", meter_provider=meter_provider)
    recorder = _Recorder(tracer, Metrics(meter), tick)
    end = client.observe(recorder)

    def stop() -> None:
        end()
        recorder.stop()

    return stop


class Metrics:
    """The instruments.

    `http.client.request.duration` (s), by the semantic conventions; `pixxel.retries`, attempts after the first of a
    call; `pixxel.polls`, requests for packages; `pixxel.bytes` (By), received; `pixxel.packages` by outcome
    (`downloaded`, `skipped`, `failed`, `dropped`); `pixxel.waiting` (s), from the request for a package to its first
    byte; `pixxel.loop.lateness` (s), how much later than it was due a timer runs, once a tick.
    """

    def __init__(self, meter: metrics.Meter) -> None:
        self.duration = meter.create_histogram("http.client.request.duration", "s", "Duration of HTTP requests")
        self.retries = meter.create_counter("pixxel.retries", "{attempt}", "Attempts after the first of a call")
        self.polls = meter.create_counter("pixxel.polls", "{request}", "Requests for packages")
        self.bytes = meter.create_counter("pixxel.bytes", "By", "Bytes of packages received")
        self.packages = meter.create_counter("pixxel.packages", "{package}", "Packages by outcome")
        self.waiting = meter.create_histogram("pixxel.waiting", "s", "Time until a package's first byte")
        self.lateness = meter.create_histogram("pixxel.loop.lateness", "s", "Lateness of timers of the event loop")


@define
class _PackageSpans:
    """Spans of one package that is under way.

    Attributes:
        package: its span, from the first request for it to its outcome.
        since: when that began, in seconds of the monotonic clock.
        streamed: whether a byte of it has arrived.
        stage: name of the stage that it is in; "" between two of them.
        span: the stage's span.
    """

    package: Span
    since: float
    streamed: bool = False
    stage: str = ""
    span: Span | None = None

    def enter(self, stage: str, tracer: trace.Tracer) -> None:
        """End the span of the stage before, and start that of this stage, unless the package is in it."""
        if stage != self.stage:
            self.end_stage()
            self.stage, self.span = stage, tracer.start_span(stage, trace.set_span_in_context(self.package))

    def end_stage(self) -> None:
        if self.span is not None:
            self.span.end()
        self.stage, self.span = "", None


_package: ContextVar[_PackageSpans | None] = ContextVar("pixxel_package", default=None)
"""The package that the running task works for, if it belongs to a download manager."""


@define
class _Recorder:
    """The observer; implements `Observer`."""

    tracer: trace.Tracer
    metrics: Metrics
    tick: float
    attempts: dict[int, Span] = field(factory=dict)
    packages: dict[str, _PackageSpans] = field(factory=dict)
    loop: asyncio.AbstractEventLoop | None = None
    timer: asyncio.TimerHandle | None = None

    @contextmanager
    def span(self, kind: str, name: str) -> Iterator[None]:
        """Surround a call, a request for a package, or a manager's work for a package."""
        self._measure_loop()
        if kind == "package":
            with self._working_for(name):
                yield
            return
        title, facts = (name, {}) if kind == "call" else (kind, {"pixxel.package": name})
        with self.tracer.start_as_current_span(
            title, attributes=facts, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except PixxelError as error:
                _mark(span, error)
                raise

    @contextmanager
    def _working_for(self, name: str) -> Iterator[None]:
        """Make the package's span the parent of the work in the block; the first such work starts it."""
        spans = self.packages.get(name)
        if spans is None:
            root = self.tracer.start_span("package", attributes={"pixxel.package": name})
            spans = self.packages[name] = _PackageSpans(root, time.monotonic())
        token = _package.set(spans)
        try:
            with trace.use_span(spans.package, record_exception=False, set_status_on_exception=False):
                yield
        finally:
            _package.reset(token)

    def before(self, attempt: Attempt) -> None:
        """Start an HTTP client span, and add the header with its context to requests to the API."""
        facts = _request_facts(attempt)
        if attempt.path:
            facts["url.template"] = attempt.path
        if attempt.number > 1:
            facts["http.request.resend_count"] = attempt.number - 1
            self.metrics.retries.add(1, {"pixxel.operation": attempt.operation})
        parent = None
        if attempt.operation == "storage" and (spans := _package.get()) is not None and spans.package.is_recording():
            spans.enter("stream", self.tracer)
            parent = trace.set_span_in_context(spans.span or spans.package)
        title = f"{attempt.method} {attempt.path}".rstrip()
        span = self.tracer.start_span(title, parent, kind=SpanKind.CLIENT, attributes=facts)
        self.attempts[id(attempt)] = span
        if attempt.path:
            propagate.inject(attempt.headers, trace.set_span_in_context(span))

    def after(self, attempt: Attempt, result: Any, seconds: float) -> None:
        """End the span of an attempt with its outcome."""
        span, facts = self.attempts.pop(id(attempt), None), _request_facts(attempt)
        status, error = getattr(result, "status", None), getattr(result, "error", None)
        if status is not None:
            facts["http.response.status_code"] = status
        if error is not None or (status or 0) >= 400:
            facts["error.type"] = str(status) if error is None else type(error).__name__
        self.metrics.duration.record(seconds, facts)
        if span is not None:
            span.set_attributes(facts)
            if "error.type" in facts:
                span.set_status(StatusCode.ERROR)
            span.end()

    def event(self, event: Event) -> None:
        """Record an event of a download manager."""
        if isinstance(event, Outcome | Dropped):
            self._end(event)
            return
        if isinstance(event, Asked):
            self.metrics.polls.add(1, {"pixxel.kind": event.item.partition(":")[0]})
        if isinstance(event, Moved):
            self.metrics.bytes.add(event.gained)
        spans = self.packages.get(event.item)
        if spans is None:
            return
        if isinstance(event, Started) and not spans.streamed:
            spans.streamed = True
            self.metrics.waiting.record(time.monotonic() - spans.since)
        if (stage := _STAGES.get(type(event))) is not None:
            spans.enter(stage, self.tracer)

    def _end(self, event: Outcome | Dropped) -> None:
        name = event.item if isinstance(event, Dropped) else str(event.package)
        facts: dict[str, Any] = {
            "pixxel.kind": name.partition(":")[0],
            "pixxel.outcome": type(event).__name__.lower(),
        }
        error = event.error if isinstance(event, Failed) else None
        if error is not None:
            facts["error.type"] = type(error).__name__
        self.metrics.packages.add(1, facts)
        if (spans := self.packages.pop(name, None)) is None:
            return
        spans.end_stage()
        spans.package.set_attributes(facts)
        if isinstance(event, Downloaded):
            spans.package.set_attribute("pixxel.bytes", event.size)
        if error is not None:
            _mark(spans.package, error)
        spans.package.end()

    def _measure_loop(self) -> None:
        """Start the timer that measures the lateness of the running event loop, at the first work in it."""
        loop = asyncio.get_running_loop()
        if loop is not self.loop:
            self._stop_timer()
            self.loop = loop
            self.timer = loop.call_later(self.tick, self._tick, loop, loop.time() + self.tick)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self.metrics.lateness.record(max(loop.time() - due, 0.0))
        if loop is self.loop:
            self.timer = loop.call_later(self.tick, self._tick, loop, loop.time() + self.tick)

    def _stop_timer(self) -> None:
        """End the timer; from another thread, as that of plain code, or after its loop's end."""
        if self.loop is not None and self.timer is not None:
            with suppress(RuntimeError):  # the loop is closed
                self.loop.call_soon_threadsafe(self.timer.cancel)
        self.loop = self.timer = None

    def stop(self) -> None:
        """End the timer and the spans of packages that are under way."""
        self._stop_timer()
        while self.packages:
            _, spans = self.packages.popitem()
            spans.end_stage()
            spans.package.end()


def _request_facts(attempt: Attempt) -> dict[str, Any]:
    """Return the attributes of the semantic conventions that spans and metrics share."""
    host, _, port = attempt.host.rpartition(":") if attempt.host[-1:].isdigit() else (attempt.host, "", "")
    facts: dict[str, Any] = {
        "http.request.method": attempt.method,
        "pixxel.operation": attempt.operation,
        "server.address": (host or attempt.host).strip("[]"),
    }
    return {**facts, "server.port": int(port)} if host and port.isdecimal() else facts


def _mark(span: Span, error: BaseException) -> None:
    """Set the error status; messages of our errors hold no key and no link."""
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(StatusCode.ERROR, str(error)[:300])
