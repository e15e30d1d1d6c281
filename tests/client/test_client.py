"""The client as a whole: opening, closing, event loops, processes, and public names."""

from __future__ import annotations

import asyncio
import gc
import operator
import os
import re
import ssl
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import pixxel_async
from pixxel_async import ConfigError, DownloadManager, PixxelClient, Settings
from pixxel_async.models import Job
from pixxel_async.resources import RESOURCES
from tests.support.clients import client_for
from tests.support.raw_server import RawServer, answer
from tests.support.system import posix

OK = answer(body={"id": "j", "new_member": 1})


async def test_opening_and_closing_twice() -> None:
    """Opening and closing a client twice is harmless; a call on a closed client raises RuntimeError."""
    async with RawServer(OK) as server:
        client = PixxelClient("a-key", base_url=server.url)
        await client.open()
        await client.open()
        assert (await client.jobs.get("w", "j")).id == "j"
        await client.aclose()
        await client.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await client.jobs.get("w", "j")


async def test_first_use_opens() -> None:
    """Without `async with` the first call opens the client."""
    async with RawServer(OK) as server:
        client = PixxelClient("a-key", base_url=server.url)
        assert (await client.jobs.get("w", "j")).id == "j"
        await client.aclose()


@pytest.mark.slow
def test_a_client_never_opened_makes_no_session() -> None:
    """A client that was never used needs no event loop and causes no ResourceWarning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = PixxelClient("a-key", base_url="http://127.0.0.1:9")
        assert client.origin == "http://127.0.0.1:9"
        del client
        gc.collect()


@pytest.mark.fault("P-10")
@pytest.mark.slow
async def test_an_unclosed_client_warns_once() -> None:
    """An open client that is garbage-collected causes one ResourceWarning with its repr, and no other message."""
    loop_says: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: loop_says.append(context))
    async with RawServer(OK) as server:
        client = PixxelClient("a-key", base_url=server.url)
        await client.jobs.get("w", "j")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del client
            gc.collect()
            await asyncio.sleep(0.05)
            gc.collect()
    assert [str(warning.message) for warning in caught] == [f"PixxelClient('{server.url}') was never closed"]
    assert loop_says == []


@pytest.mark.fault("P-06")
def test_another_loop() -> None:
    """A client raises RuntimeError when used in another event loop than the one it was opened in."""

    async def use(client: PixxelClient) -> None:
        await client.open()

    client = PixxelClient("a-key", base_url="http://127.0.0.1:9")
    with asyncio.Runner() as first:
        first.run(use(client))
        with asyncio.Runner() as second, pytest.raises(RuntimeError, match="another event loop"):
            second.run(use(client))
        first.run(client.aclose())


@pytest.mark.fault("P-07")
@posix
async def test_another_process() -> None:
    """A client used in a forked child raises an error that says to create a new client."""
    client = await PixxelClient("a-key", base_url="http://127.0.0.1:9").open()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        try:
            client._channel.open()
        except RuntimeError as error:
            os._exit(7 if "fork" in str(error) else 1)
        os._exit(1)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    await client.aclose()


async def test_request() -> None:
    """client.request() calls any path of the API, decodes the reply as a model, and refuses other hosts."""
    async with RawServer(OK) as server, client_for(server.url) as client:
        reply = await client.request("put", "/v0/x", query={"a": None, "b": 2}, body={"c": [1]})
        assert (reply.status, reply.json()["id"], reply.read(Job).id) == (200, "j", "j")
        with pytest.raises(ConfigError):
            await client.request("GET", "https://evil.example/x")
    [seen] = server.requests
    assert (seen.method, seen.target, seen.body) == ("PUT", "/v0/x?b=2", b'{"c":[1]}')


async def test_drift_is_counted() -> None:
    """Unknown members of responses are counted once per class and name."""
    async with RawServer(OK) as server, client_for(server.url) as client:
        await client.jobs.get("w", "j")
        drift = client.drift()
        assert drift.members == {"Job.new_member": 1}
        await client.jobs.get("w", "j")
        assert drift.members == {"Job.new_member": 1}


def test_resources() -> None:
    """Every resource is an attribute that is created once, and the annotations name the same resources."""
    client = PixxelClient("a-key", base_url="http://127.0.0.1:9")
    for name, kind in RESOURCES.items():
        assert type(getattr(client, name)) is kind
        assert getattr(client, name) is getattr(client, name)
    with pytest.raises(AttributeError, match="job"):
        client.job  # noqa: B018


async def test_a_connector_passed_by_the_caller() -> None:
    """A connector passed by the caller carries the calls and is not closed with the client."""
    async with RawServer(OK) as server, aiohttp.TCPConnector(limit=1) as connector:
        async with PixxelClient(
            "a-key", base_url=server.url, connector=connector, ssl=ssl.create_default_context()
        ) as client:
            await client.jobs.get("w", "j")
        assert not connector.closed


@pytest.mark.fault("A-06")
async def test_a_proxy_sees_its_own_credentials_only() -> None:
    """Calls go through the proxy, and its credentials are sent in Proxy-Authorization only."""
    async with RawServer(OK) as proxy, RawServer(OK) as server:
        there = f"http://user:p%40ss@127.0.0.1:{proxy.port}"
        async with PixxelClient("a-key", base_url=server.url, proxy=there) as client:
            await client.jobs.get("w", "j")
    assert server.requests == []
    [seen] = proxy.requests
    assert seen.target == f"{server.url}/v0/workflows/w/jobs/j"
    assert seen.headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"


@pytest.mark.fault("A-06")
async def test_proxy_variables_and_netrc_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Proxy variables are used only with trust_env, and a .netrc file never."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login netrc-user password netrc-word\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with RawServer(OK) as proxy, RawServer(OK) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        async with client_for(server.url) as client:
            await client.jobs.get("w", "j")
        async with client_for(server.url, **{"http.trust_env": True}) as client:
            await client.jobs.get("w", "j")
            async with client.storage.get(server.url + "/a") as reply:
                await reply.peek()
    assert (len(server.requests), len(proxy.requests)) == (1, 2)
    assert all("netrc" not in str(seen.headers) for seen in (*server.requests, *proxy.requests))
    assert "authorization" not in proxy.requests[1].headers


async def test_settings_and_arguments() -> None:
    """Arguments override the settings passed beside them, and such settings ignore the environment."""
    client = PixxelClient("mine", settings=Settings(api_key="other", auth="raw"), base_url="http://127.0.0.1:9")
    assert client.auth_form == "raw"
    assert client.settings.api_key.reveal() == "mine"  # type: ignore[union-attr]
    assert client.origin == "http://127.0.0.1:9"


@pytest.mark.slow
def test_importing_is_cheap() -> None:
    """`import pixxel_async` loads neither aiohttp nor cattrs nor models; creating a client loads no aiohttp."""
    code = (
        "import sys, pixxel_async\n"
        "heavy = {'aiohttp', 'cattrs', 'sqlite3', 'click', 'rich', 'pixxel_async.models', 'pixxel_async.client'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "pixxel_async.PixxelClient('k' * 9).jobs\n"
        "assert 'aiohttp' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


@pytest.mark.slow
def test_opening_imports_in_a_thread() -> None:
    """Opening a client imports aiohttp in a thread, so that the event loop serves others meanwhile."""
    code = (
        "import asyncio, sys, threading\n"
        "from pixxel_async import PixxelClient\n"
        "main, found_in = threading.main_thread(), []\n"
        "class Finder:\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        found_in.extend([threading.current_thread() is main] if name == 'aiohttp' else [])\n"
        "sys.meta_path.insert(0, Finder)\n"
        "async def work():\n"
        "    async with PixxelClient('k' * 9):\n"
        "        assert found_in == [False], found_in\n"
        "asyncio.run(work())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_public_names() -> None:
    """`__all__` is sorted and equals what dir() lists; an unknown name raises AttributeError."""
    assert sorted(pixxel_async.__all__) == sorted(set(pixxel_async.__all__))
    assert set(pixxel_async.__all__) <= set(dir(pixxel_async))
    with pytest.raises(AttributeError, match="PixelClient"):
        pixxel_async.PixelClient  # type: ignore[attr-defined]  # noqa: B018


async def test_resources_are_listed_and_described() -> None:
    """`dir(client)` and the class docstring list every resource with the first line of its own docstring."""
    client = client_for("https://api.pixxel.space")
    assert set(RESOURCES) <= set(dir(client))
    described = dict(re.findall(r"^ {8}(\w+): (.+)$", PixxelClient.__doc__ or "", re.MULTILINE))
    for name, resource in RESOURCES.items():
        assert described[name].lower() == (resource.__doc__ or "").splitlines()[0].lower()


@pytest.mark.slow
@pytest.mark.fault("P-12")
def test_an_interpreter_that_exits_with_an_open_client() -> None:
    """P-12: a program whose loop ends during a download exits although nothing was closed."""
    program = """
import asyncio, sys, tempfile
from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.sandbox import Fault, Sandbox

async def main():
    sandbox = await Sandbox(packing=0.0).__aenter__()
    sandbox.inject(Fault(route="storage", kind="drip", rate=1000, times=None))
    client = await PixxelClient(api_key=sandbox.api_key, base_url=sandbox.url).open()
    workflow, jobs = next(iter(sandbox.world.runs.items()))
    manager = await DownloadManager(client, tempfile.mkdtemp()).__aenter__()
    await manager.submit(f"job:{workflow}/{next(iter(jobs))}")
    while not sandbox.count("storage"):
        await asyncio.sleep(0.01)
    sys.exit(3)

asyncio.run(main())
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    assert subprocess.run(command, capture_output=True, check=False, timeout=120).returncode == 3


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("workflow", "but workflows"),
        ("download", "DownloadManager"),
        ("zzz", "it has aois, archives"),
        ("workflows.run", r"jobs\.create"),
        ("jobs.waits", "but wait"),
        ("jobs.zzz", "it has create, get"),
    ],
)
def test_a_wrong_guess_of_a_name(path: str, said: str) -> None:
    """An attribute that is not there names the one that is meant, or those that there are."""
    with pytest.raises(AttributeError, match=said):
        operator.attrgetter(path)(PixxelClient("a-key"))


def test_a_wrong_guess_of_a_method_of_the_manager(tmp_path: Path) -> None:
    """The manager names its methods."""
    manager = DownloadManager(PixxelClient("a-key"), tmp_path)
    for name, said in (("download", "fetch_all"), ("fetchall", "but fetch_all"), ("zzz", "it has aclose")):
        with pytest.raises(AttributeError, match=said):
            getattr(manager, name)
