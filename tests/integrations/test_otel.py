"""Spans and metrics of OpenTelemetry, read from in-memory exporters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request

from pixxel_async import DownloadManager, NotFound, PixxelClient, Settings, SignedLink, sync
from pixxel_async.integrations import otel
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import PollSettings, RetrySettings
from tests.support.raw_server import RawServer, answer
from tests.support.virtual_time import hurried

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

KEY = "canary-5f7c1e90aa"


class Telemetry:
    """Tracer and meter providers of their own, with the data they received."""

    def __init__(self) -> None:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])

    def instrument(self, client: PixxelClient, **how: float) -> Callable[[], None]:
        return otel.instrument(client, tracer_provider=self.tracers, meter_provider=self.meters, **how)

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """Return the finished spans in the order of their start."""
        found = sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
        return [span for span in found if not name or span.name == name]

    def metrics(self) -> dict[str, Any]:
        """Return the data points by instrument name."""
        data: Any = self.reader.get_metrics_data()
        kept = [metric for each in data.resource_metrics for scope in each.scope_metrics for metric in scope.metrics]
        return {metric.name: list(metric.data.data_points) for metric in kept}


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


async def test_a_call_and_its_attempts(telemetry: Telemetry) -> None:
    """A call is one span over its attempts, which are HTTP client spans, and the trace context is sent."""
    settings = Settings(api_key=KEY, retry=RetrySettings(initial_delay=0.001))
    scripts = (answer(503, {}), ["fin"], answer(body={"id": "j"}), answer(404, {"error": {"message": KEY}}))
    async with (
        RawServer(*scripts) as server,
        PixxelClient(settings=settings, base_url=server.url, timing=hurried()) as client,
    ):
        stop = telemetry.instrument(client)
        with telemetry.tracers.get_tracer("app").start_as_current_span("work"):
            await client.jobs.get("w", "j")
            with pytest.raises(NotFound):
                await client.with_key(KEY).jobs.get("w", "j")
        stop()
    work, call, *attempts = telemetry.spans()[:5]
    assert (call.name, parent_of(call)) == ("jobs.get", work.context.span_id)
    assert {each.name for each in attempts} == {"GET /v0/workflows/{workflow_id}/jobs/{job_id}"}
    assert {parent_of(each) for each in attempts} == {call.context.span_id}
    facts = [dict(each.attributes or {}) for each in attempts]
    assert [each.get("http.response.status_code") for each in facts] == [503, None, 200]
    assert [each.get("http.request.resend_count") for each in facts] == [None, 1, 2]
    assert [each.get("error.type") for each in facts] == ["503", "ConnectionFailed", None]
    assert facts[0]["server.address"] == "127.0.0.1"
    assert facts[0]["server.port"] == server.port
    sent = [seen.headers["traceparent"].split("-")[2] for seen in server.requests[:3]]
    assert sent == [f"{each.context.span_id:016x}" for each in attempts]
    failed = telemetry.spans("jobs.get")[1]
    assert dict(failed.attributes or {})["error.type"] == "NotFound"
    assert KEY not in "".join(span.to_json() for span in telemetry.spans())
    points = telemetry.metrics()
    assert sum(point.count for point in points["http.client.request.duration"]) == 4
    assert sum(point.value for point in points["pixxel.retries"]) == 2


@pytest.mark.slow
async def test_a_download(telemetry: Telemetry, tmp_path: Path) -> None:
    """A package is a span with its stages below it; storage requests show the host and nothing else of the link."""
    async with Sandbox(packing=0.2) as sandbox:
        workflow, jobs = next(iter(sandbox.world.runs.items()))
        settings = Settings(api_key=sandbox.api_key, base_url=sandbox.url, poll=PollSettings(initial_interval=0.05))
        async with PixxelClient(settings=settings) as client:
            telemetry.instrument(client)
            async with DownloadManager(client, tmp_path) as manager:
                done = await manager.fetch(f"job:{workflow}/{next(iter(jobs))}")
    names = {span.name for span in telemetry.spans()}
    assert {"package", "wait", "stream", "prove", "ask", "jobs.request_download", "GET"} <= names
    [package] = telemetry.spans("package")
    assert dict(package.attributes or {})["pixxel.outcome"] == "downloaded"
    for name in ("wait", "stream", "prove", "publish", "ask"):
        assert {parent_of(span) for span in telemetry.spans(name)} == {package.context.span_id}
    assert {parent_of(span) for span in telemetry.spans("GET")} == {telemetry.spans("stream")[0].context.span_id}
    storage = dict(telemetry.spans("GET")[0].attributes or {})
    assert (storage["pixxel.operation"], storage["http.response.status_code"]) == ("storage", 200)
    exported = "".join(span.to_json() for span in telemetry.spans())
    assert "X-Amz" not in exported
    assert sandbox.api_key not in exported
    points = telemetry.metrics()
    assert sum(point.value for point in points["pixxel.bytes"]) == done.size
    assert [(point.attributes["pixxel.outcome"], point.value) for point in points["pixxel.packages"]] == [
        ("downloaded", 1)
    ]
    assert points["pixxel.waiting"][0].count == 1
    assert points["pixxel.polls"][0].value >= 1


async def test_a_download_that_fails(telemetry: Telemetry, tmp_path: Path) -> None:
    """A failed package has the error's class in its span; a signed link passed by the user is in no span."""
    async with (
        RawServer(answer(404, b"")) as server,
        PixxelClient(settings=Settings(api_key=KEY, base_url=server.url)) as client,
    ):
        telemetry.instrument(client)
        async with DownloadManager(client, tmp_path) as manager:
            link = SignedLink(url=f"{server.url}/a?X-Amz-Signature=5ecre7", name="a")
            async with manager.fetch_all([link]) as outcomes:
                [failed] = [outcome async for outcome in outcomes]
    [point] = telemetry.metrics()["pixxel.packages"]
    assert point.attributes["pixxel.outcome"] == "failed"
    assert point.attributes["error.type"] == type(failed.error).__name__  # type: ignore[union-attr]
    assert "5ecre7" not in "".join(span.to_json() for span in telemetry.spans())


async def test_lateness_and_the_end(telemetry: Telemetry) -> None:
    """The event loop's lateness is measured from the first call on; after stop() nothing is recorded."""
    settings = Settings(api_key=KEY)
    async with (
        RawServer(answer(body={"id": "j"})) as server,
        PixxelClient(settings=settings, base_url=server.url) as client,
    ):
        stop = telemetry.instrument(client, tick=0.01)
        await client.jobs.get("w", "j")
        async with asyncio.timeout(100):
            for _ in iter(lambda: "pixxel.loop.lateness" in telemetry.metrics(), True):
                await asyncio.sleep(0.01)
        stop()
        stop()
        before = len(telemetry.spans())
        await client.jobs.get("w", "j")
        assert len(telemetry.spans()) == before


async def test_a_resumed_body_is_one_span(telemetry: Telemetry, tmp_path: Path) -> None:
    """A body that is cut and resumed is one stream span with several requests."""
    async with Sandbox(packing=0.01) as sandbox:
        sandbox.inject(Fault(route="storage", kind="cut", at=300_000))
        workflow, jobs = next(iter(sandbox.world.runs.items()))
        settings = Settings(
            api_key=sandbox.api_key, base_url=sandbox.url, poll=PollSettings(initial_interval=0.05),
            retry=RetrySettings(initial_delay=0.001),
        )  # fmt: skip
        async with PixxelClient(settings=settings) as client:
            telemetry.instrument(client)
            async with DownloadManager(client, tmp_path) as manager:
                await manager.fetch(f"job:{workflow}/{next(iter(jobs))}")
    assert len(telemetry.spans("stream")) == 1
    assert len(telemetry.spans("GET")) >= 2


@pytest.mark.slow
async def test_packages_side_by_side(telemetry: Telemetry, tmp_path: Path) -> None:
    """The packages of one batch are children of the caller's span, and each request is below its own package."""
    async with Sandbox(packing=0.05) as sandbox:
        workflow, jobs = next(iter(sandbox.world.runs.items()))
        settings = Settings(api_key=sandbox.api_key, base_url=sandbox.url, poll=PollSettings(initial_interval=0.05))
        async with PixxelClient(settings=settings) as client:
            telemetry.instrument(client)
            async with DownloadManager(client, tmp_path) as manager:
                with telemetry.tracers.get_tracer("app").start_as_current_span("export") as export:
                    async with manager.fetch_all([f"job:{workflow}/{job}" for job in jobs]) as outcomes:
                        assert len([outcome async for outcome in outcomes]) == len(jobs) > 3
    packages = {span.context.span_id: dict(span.attributes or {}) for span in telemetry.spans("package")}
    assert {parent_of(span) for span in telemetry.spans("package")} == {export.get_span_context().span_id}
    for ask in telemetry.spans("ask"):
        package = packages[parent_of(ask) or 0]
        assert package["pixxel.package"] == dict(ask.attributes or {})["pixxel.package"]
    streams = {span.context.span_id: parent_of(span) for span in telemetry.spans("stream")}
    assert len(set(streams.values())) == sum(each["pixxel.outcome"] == "downloaded" for each in packages.values())
    assert {parent_of(span) for span in telemetry.spans("GET")} == set(streams)


async def test_a_cancelled_package(telemetry: Telemetry, tmp_path: Path) -> None:
    """A package that nobody waits for any more ends its span, and is counted as dropped."""
    async with Sandbox(packing=3600) as sandbox:
        workflow, jobs = next(iter(sandbox.world.runs.items()))
        async with PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
            telemetry.instrument(client)
            async with DownloadManager(client, tmp_path) as manager:
                transfer = await manager.submit(f"job:{workflow}/{next(iter(jobs))}")
                await sandbox.wait_for_requests("jobs.request_download")
                transfer.cancel()
    [package] = telemetry.spans("package")
    assert dict(package.attributes or {})["pixxel.outcome"] == "dropped"
    [point] = telemetry.metrics()["pixxel.packages"]
    assert point.attributes == {"pixxel.kind": "job", "pixxel.outcome": "dropped"}


class Traced:
    """ASGI middleware with a span for each request, as instrumentations of frameworks make."""

    def __init__(self, app: Any, tracer: Any) -> None:
        self.app, self.tracer = app, tracer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with self.tracer.start_as_current_span(scope["path"]):
            await self.app(scope, receive, send)


@pytest.mark.slow
async def test_under_fastapi(telemetry: Telemetry, tmp_path: Path) -> None:
    """Endpoints of both kinds: calls and packages are below the span of their request, with a client of a lifespan."""
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        async with (
            PixxelClient(sandbox.api_key, base_url=sandbox.url) as client,
            DownloadManager(client, tmp_path / "async") as manager,
        ):
            # `with` is plain code, which must not hold up the event loop of the application
            plain = await asyncio.to_thread(sync.PixxelClient, sandbox.api_key, base_url=sandbox.url)
            plain_manager = await asyncio.to_thread(sync.DownloadManager(plain, tmp_path / "plain").open)
            stops = [telemetry.instrument(client), telemetry.instrument(plain)]
            yield {"manager": manager, "plain": plain_manager}
            for stop in stops:
                stop()
            await asyncio.to_thread(plain_manager.close)
            await asyncio.to_thread(plain.close)

    app = FastAPI(lifespan=lifespan)

    @app.get("/async/{workflow}/{job}")
    async def fetch(request: Request, workflow: str, job: str) -> int:
        done = await request.state.manager.fetch(f"job:{workflow}/{job}")
        return int(done.size)

    @app.get("/plain/{workflow}/{job}")
    def fetch_plainly(request: Request, workflow: str, job: str) -> int:
        return int(request.state.plain.fetch(f"job:{workflow}/{job}").size)

    app.add_middleware(Traced, tracer=telemetry.tracers.get_tracer("app"))
    async with Sandbox(packing=0.05) as sandbox:
        workflow, jobs = next(iter(sandbox.world.runs.items()))
        paths = [f"/{kind}/{workflow}/{job}" for kind in ("async", "plain") for job in list(jobs)[:2]]
        with TestClient(app) as browser:
            answers = await asyncio.gather(*(asyncio.to_thread(browser.get, path) for path in paths))
        assert [answer.status_code for answer in answers] == [200] * 4
    for path in paths:
        [request] = telemetry.spans(path)
        [package] = [span for span in telemetry.spans("package") if parent_of(span) == request.context.span_id]
        assert dict(package.attributes or {})["pixxel.package"] == f"job:{workflow}/{path.rpartition('/')[2]}"
        below = {span.name for span in telemetry.spans() if parent_of(span) == package.context.span_id}
        assert {"ask", "wait", "stream", "prove", "publish"} <= below
