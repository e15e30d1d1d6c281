"""Key and signed links appear in no log, file, event, error, chain or pickle."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from pixxel_async import DownloadManager, Failed, PixxelClient, Settings
from pixxel_async.sandbox import Fault, Sandbox
from tests.support.raw_server import RawServer, answer

SIGNATURE = re.compile(rb"X-Amz-Signature=([0-9a-f]{16,})")
ECHO = {"error": {"code": "bad", "message": "no such key: KEY", "details": ["KEY"]}}

FAULTS = {
    "sound": Fault(route="storage", kind="latency"),
    "link expired": Fault(route="storage", kind="expired", times=None),
    "page from the storage": Fault(route="storage", kind="html", times=None),
    "cut": Fault(route="storage", kind="cut", at=500, times=None),
    "stalled": Fault(route="storage", kind="stall", at=500, times=None),
    "reset": Fault(route="storage", kind="reset", times=None),
    "damaged": Fault(route="storage", kind="corrupt", at=200_000, times=None),
    "storage away": Fault(route="storage", kind="status", status=500, times=None),
    "storage leads away": Fault(route="storage", kind="redirect", location="http://169.254.169.254/", times=None),
    "API away": Fault(route="jobs.request_download", kind="status", status=500, times=None),
    "API cut off": Fault(route="jobs.request_download", kind="lost", times=None),
    "page from the API": Fault(route="jobs.request_download", kind="html", times=None),
    "API leads away": Fault(route="api", kind="redirect", location="http://127.0.0.1:9/", times=None),
    "API tells the key": Fault(route="api", kind="status", status=400, body="echo", times=None),
}


class Everything(logging.Handler):
    """A log handler that keeps everything logged, as text with the records' attributes."""

    def __init__(self) -> None:
        super().__init__(0)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts += [self.format(record), repr(vars(record))]


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Yield everything logged while the test runs, at every level."""
    root, handler = logging.getLogger(), Everything()
    before = root.level
    root.setLevel(0)
    root.addHandler(handler)
    yield handler.texts
    root.removeHandler(handler)
    root.setLevel(before)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error with its causes and contexts."""
    while error is not None:
        yield error
        yield from chain(error.__cause__)
        error = error.__context__


def told_by(error: BaseException) -> Iterator[str]:
    """Yield every text that an error can become."""
    yield "".join(traceback.format_exception(error))
    yield repr(pickle.dumps(error))
    for each in chain(error):
        yield from (str(each), repr(each), repr(each.args), repr(vars(each)))


def read(folder: Path) -> dict[Path, bytes]:
    """Return the content of every file in a folder, the record's files included."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def impatient(sandbox: Sandbox) -> Settings:
    """Return settings with short waits."""
    given: dict[str, Any] = {
        "base_url": sandbox.url,
        "retry.max_attempts": 3,
        "retry.initial_delay": 0.01,
        "http.read_timeout": 0.2,
    }
    return Settings(api_key=sandbox.api_key).with_values(**given, **{"poll.initial_interval": 0.1})


@pytest.mark.fault("S-01", "S-02")
@pytest.mark.slow
@pytest.mark.parametrize("what", FAULTS)
async def test_secrets_are_nowhere(what: str, logged: list[str], tmp_path: Path) -> None:
    """Whatever fails permanently, no text and no file of ours holds the key or a link's signature."""
    asyncio.get_running_loop().set_debug(True)
    secrets: set[bytes] = set()
    texts: list[str] = []
    async with Sandbox(packing=0.01) as sandbox:
        fault = FAULTS[what]
        if fault.body is not None:
            fault = attrs.evolve(fault, body=json.dumps(ECHO).replace("KEY", sandbox.api_key))
        workflow, jobs = next(iter(sandbox.world.runs.items()))
        sandbox.inject(fault)
        settings = impatient(sandbox)

        def note(attempt: object, reply: object, seconds: float) -> None:
            secrets.update(SIGNATURE.findall(getattr(reply, "body", b"")))

        async with PixxelClient(settings=settings, on_reply=[note]) as client:
            async with DownloadManager(client, tmp_path, on_event=lambda event: texts.append(repr(event))) as manager:
                async with manager.fetch_all([f"job:{workflow}/{next(iter(jobs))}"], timeout=2) as outcomes:
                    ended = [outcome async for outcome in outcomes]
                files = read(tmp_path)
            texts += map(repr, (client, settings, attrs.asdict(settings), vars(client), ended))
        secrets.add(sandbox.api_key.encode())
        sandbox.assert_key_only_at_api()
    errors = [outcome.error for outcome in ended if isinstance(outcome, Failed)]
    texts += [text for error in errors for text in told_by(error)]

    assert bool(errors) is (what != "sound")
    assert any("record.sqlite" in path.name for path in files)
    assert len(secrets) > 1 or "API" in what
    assert logged
    for secret in secrets:
        assert [text for text in (*texts, *logged) if secret.decode() in text] == []
        assert [path for path, body in files.items() if secret in body] == []


async def test_a_status_that_is_a_link(logged: list[str], tmp_path: Path) -> None:
    """A status that is a signed link counts as pending, and is quoted without its signature."""
    link = "https://storage.example/a.zip?X-Amz-Signature=0123456789abcdef"
    texts: list[str] = []
    async with (
        RawServer(answer(200, {"status": link})) as server,
        PixxelClient("a-key-1", base_url=server.url) as client,
    ):
        texts.append(repr(await client.packages.ask("job:w/j")))
        async with DownloadManager(client, tmp_path, on_event=lambda event: texts.append(repr(event))) as manager:
            for waiting in (
                client.packages.wait("job:w/j", timeout=0.05),
                client.jobs.wait("w", "j", timeout=0.05),
                manager.fetch("job:w/j", timeout=0.05),
            ):
                with pytest.raises(TimeoutError) as caught:
                    await waiting
                texts += told_by(caught.value)
        texts.append(repr(client.drift()))
    assert any("storage.example" in text for text in texts)
    assert [text for text in (*texts, *logged) if "0123456789abcdef" in text] == []
    assert [path for path, held in read(tmp_path).items() if b"0123456789abcdef" in held] == []


@pytest.mark.fault("S-03")
def test_pickled_settings_hold_no_key() -> None:
    """Pickling settings omits the key or raises."""
    try:
        text = pickle.dumps(Settings(api_key="canary-5f7c1e90aa"))
    except (TypeError, pickle.PicklingError) as error:
        text = str(error).encode()

    assert b"canary-5f7c1e90aa" not in text
