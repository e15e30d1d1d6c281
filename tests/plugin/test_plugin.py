"""The pytest plugin in a pytest process of its own, as users run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pixxel_async import PixxelClient
from pixxel_async.errors import NotFound
from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox.http.mocked_responses import MockedResponses
from tests.support.virtual_time import hurried

SUITE = """
import pytest

{mark}
async def test_export(pixxel_sandbox, pixxel_client):
    job = pixxel_sandbox.add_job(tasks=2, seconds=900)
    async with pixxel_client as client:
        done = await client.jobs.wait(job.workflow_id, job.id)
    assert done.status == "completed"
    assert pixxel_sandbox.count("jobs.get") > 2
"""

HEAVY = ("xdist", "hypothesispytest", "schemathesis")
"""Plugins that take long to load and have no part in this."""


def run_pytest(folder: Path, text: str, *arguments: str) -> str:
    """Run pytest on this one test file and return its output."""
    (folder / "test_mine.py").write_text(text, encoding="utf-8")
    without = [part for name in ("cacheprovider", *HEAVY) for part in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-q", "--assert=plain", *without, "-W", "error", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("mark", "arguments"), [
    ("@pytest.mark.asyncio", ("-p", "no:anyio", "-o", "asyncio_default_fixture_loop_scope=function")),
    ('@pytest.mark.anyio\n@pytest.mark.parametrize("anyio_backend", ["asyncio"])', ("-p", "no:asyncio")),
])  # fmt: skip
def test_the_fixtures_serve_both_plugins_for_async_tests(mark: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """A job of 15 minutes is waited for without delay, under pytest-asyncio and under anyio's plugin."""
    assert "1 passed" in run_pytest(tmp_path, SUITE.format(mark=mark), *arguments)


@pytest.mark.slow
def test_a_run_that_uses_no_fixture_imports_nothing_of_ours(tmp_path: Path) -> None:
    """A run that uses no fixture imports neither aiohttp nor attrs nor the client."""
    text = """
import sys

def test_nothing(request):
    assert request.config.pluginmanager.hasplugin("pixxel_async")
    assert sorted(name for name in sys.modules if name.startswith("pixxel_async")) == [
        "pixxel_async", "pixxel_async._lazy", "pixxel_async._version", "pixxel_async.pytest_plugin"
    ]
    assert not {"aiohttp", "attrs", "cattrs"} & set(sys.modules)
"""
    only = ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:aiointercept")  # these import aiohttp or attrs
    assert "1 passed" in run_pytest(tmp_path, text, *only)


async def test_each_test_has_a_sandbox_of_its_own(pixxel_sandbox: Sandbox, pixxel_client: PixxelClient) -> None:
    """Each test has its own sandbox, and a client that is set to it and not yet open."""
    assert pixxel_sandbox.requests == [] and pixxel_client.settings.base_url == pixxel_sandbox.url
    async with pixxel_client as client:
        assert await client.projects.list()
    assert [seen.operation for seen in pixxel_sandbox.requests] == ["projects.list"]


async def test_single_responses_are_mocked(pixxel_aioresponses: MockedResponses) -> None:
    """Mocked responses are read, retried and raised like a server's; a request without one is a ConnectionFailed."""
    origin = "https://api.pixxel.space"
    pixxel_aioresponses.get(f"{origin}/v0/projects", status=503, headers={"Retry-After": "0"})
    pixxel_aioresponses.get(f"{origin}/v0/projects", payload={"count": 1, "projects": [{"id": "p"}]})
    pixxel_aioresponses.get(f"{origin}/v0/projects/x", status=404, payload={"error": {"code": "no", "message": "gone"}})
    async with PixxelClient("k", timing=hurried()) as client:
        assert [row.id for row in await client.projects.list()] == ["p"]
        with pytest.raises(NotFound, match="gone"):
            await client.projects.get("x")
    assert len(pixxel_aioresponses.requests) == 2


@pytest.mark.slow
def test_the_mock_serves_a_suite_of_its_own(tmp_path: Path) -> None:
    """The mock fixture works in a test suite of its own, with warnings as errors."""
    text = """
import aiohttp, pytest

@pytest.mark.asyncio
async def test_mine(pixxel_aioresponses):
    pixxel_aioresponses.get("https://a.example/x", body=b"whole", repeat=True)
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.get("https://a.example/x") as answer:
                assert (answer.status, await answer.read()) == (200, b"whole")
"""
    assert "1 passed" in run_pytest(
        tmp_path, text, "-p", "no:anyio", "-o", "asyncio_default_fixture_loop_scope=function"
    )
