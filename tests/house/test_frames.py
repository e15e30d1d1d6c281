"""Key and signed links are in no frame that a crash reporter captures with an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from rich.pretty import pretty_repr

from pixxel_async import DownloadManager, Failed, HTTPSettings, PixxelClient, SignedLink
from pixxel_async import Settings as PlainSettings
from pixxel_async._redact import forget_locals
from pixxel_async.errors import ConfigError, PixxelError, UnsafeLink
from pixxel_async.packages.kinds.answer import PackageAnswer
from pixxel_async.packages.link import Link
from pixxel_async.settings import DownloadSettings, PollSettings, RetrySettings
from tests.support.clients import KEY
from tests.support.raw_server import RawServer, answer


def client_for(url: str, **values: Any) -> PixxelClient:
    """Return a client with the key, whose waits are short."""
    short = {"http.headers_timeout": 0.3, "http.read_timeout": 0.3, "retry.initial_delay": 0.001}
    return PixxelClient(settings=PlainSettings(api_key=KEY, base_url=url).with_values(**{**short, **values}))


SIGNATURE = "5ecre75ecre75ecre75ecre7"
LINK = f"/bucket/a.zip?X-Amz-Expires=60&X-Amz-Signature={SIGNATURE}"


def shown(value: object, depth: int = 4) -> Iterator[str]:
    """Yield the texts that a crash reporter makes of a value: containers are walked, others shown by repr."""
    if isinstance(value, str | bytes):
        yield repr(value)
    elif isinstance(value, Mapping) and depth:
        for name, each in value.items():
            yield from (*shown(name, depth - 1), *shown(each, depth - 1))
    elif isinstance(value, Sequence | set | frozenset) and depth:
        for each in value:
            yield from shown(each, depth - 1)
    else:
        yield from (repr(value), pretty_repr(value))


def chain(error: BaseException | None, seen: set[int]) -> Iterator[BaseException]:
    """Return the error with its causes and contexts."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    yield from (*chain(error.__cause__, seen), *chain(error.__context__, seen))


def leaks(error: BaseException, *secrets: str) -> list[str]:
    """Return where secrets occur: the error's texts, and the locals of each frame outside the tests."""
    found = []
    for each in chain(error, set()):
        texts = [str(each), *shown(each.args), *shown(vars(each))]
        found += [f"{each!r:.80}" for text in texts for secret in secrets if secret in text]
        trace = each.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if f"{Path('tests')}{Path('/')}" not in code.co_filename:
                for name, value in trace.tb_frame.f_locals.items():
                    if any(secret in text for text in shown(value) for secret in secrets):
                        found.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} {name}")
            trace = trace.tb_next
    return found


async def error_of(work: Callable[[], object]) -> BaseException:
    """Run the work and return its error."""
    try:
        made = work()
        if isinstance(made, Awaitable):
            await made
    except BaseException as error:
        return error
    raise AssertionError("no error")


GROUPS = {"http": HTTPSettings, "retry": RetrySettings, "poll": PollSettings, "download": DownloadSettings}
WRONG: dict[str, Any] = {
    **{
        f"{group}.{field.name}": -1.5
        for group, kind in GROUPS.items()
        for field in attrs.fields(kind)
        if field.validator is not None
    },
    "base_url": "ftp://h.example",
    "auth": "basic",
    "download.shard": (3, 2),
    "http.connect_timeout": "soon",
    "http.conect_timeout": 3,
    "http": 3,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
async def test_an_invalid_setting(name: str) -> None:
    """An invalid setting raises without the key given beside it."""
    value = {name: WRONG[name]}
    group, _, member = name.partition(".")
    works: list[Callable[[], object]] = [
        lambda: PlainSettings.load(KEY, environ={}, **value),
        lambda: PlainSettings.load(environ={"PIXXEL_API_KEY": KEY}, **value),
        lambda: PlainSettings(api_key=KEY).with_values(**value),
        lambda: PlainSettings().with_values(KEY, **value),
    ]
    if not member and group != "http":
        works += [lambda: PlainSettings(api_key=KEY, **value), lambda: PixxelClient(KEY, **value)]
    for work in works:
        error = await error_of(work)
        assert isinstance(error, ConfigError)
        assert leaks(error, KEY) == []


@pytest.mark.parametrize("name", ["PIXXEL_BASE_URL", "PIXXEL_AUTH", "PIXXEL_PROFILE", "PIXXEL_CONFIG"])
async def test_an_invalid_variable(name: str, tmp_path: Path) -> None:
    """An invalid variable raises without the environment, which holds the key, in any frame."""
    environ = {"HOME": str(tmp_path), "PIXXEL_API_KEY": KEY, name: "/nowhere"}
    error = await error_of(lambda: PlainSettings.load(environ=environ))
    assert isinstance(error, ConfigError)
    assert leaks(error, KEY) == []


FILES = {
    "no TOML": f'[default]\napi_key = "{KEY}"\n]',
    "no such profile": f'[other]\napi_key = "{KEY}"\n',
    "a wrong setting": f'[default]\napi_key = "{KEY}"\nauth = "x"\n',
    "an unknown one": f'[default]\napi_key = "{KEY}"\nx = "x"\n',
    "a key that cannot be sent": f'[default]\napi_key = "{KEY}ß"\n',
    "a key file that is missing": f'[default]\napi_key_file = "nowhere"\n[other]\napi_key = "{KEY}"\n',
    "a number": f'[default]\napi_key = ["{KEY}"]\n',
    "too long": f'[default]\napi_key = "{KEY}"\n' + "#" * 1_100_000,
    "no text": f'[default]\napi_key = "{KEY}\udcff"\n',
}


@pytest.mark.parametrize("what", FILES)
async def test_an_invalid_profile(what: str, tmp_path: Path) -> None:
    """An invalid profile file raises without the keys in it."""
    path = tmp_path / "config.toml"
    path.write_bytes(FILES[what].encode(errors="surrogateescape"))
    path.chmod(0o600)
    environ = {"PIXXEL_CONFIG": str(path), "PIXXEL_PROFILE": "default"}
    error = await error_of(lambda: PixxelClient(settings=PlainSettings.load(environ=environ)))
    assert isinstance(error, ConfigError)
    assert leaks(error, KEY) == []


@pytest.mark.parametrize("content", [f"{KEY} {KEY} {KEY}", f"{KEY}\xff", KEY * 5000, f"'{KEY}'", f"{KEY}\n{KEY}"])
async def test_an_invalid_key_file(content: str, tmp_path: Path) -> None:
    """The content of an invalid key file is in no frame."""
    (tmp_path / "key").write_bytes(content.encode("latin-1"))
    environ = {"HOME": str(tmp_path), "PIXXEL_API_KEY_FILE": str(tmp_path / "key")}
    error = await error_of(lambda: PixxelClient(settings=PlainSettings.load(environ=environ)))
    assert isinstance(error, ConfigError)
    assert leaks(error, KEY) == []


@pytest.mark.slow
@pytest.mark.parametrize("key", [f"{KEY}\r\nX: y", f'"{KEY}"', f" {KEY}", f"a b {KEY}", f"ß{KEY}", KEY.encode(), [KEY]])
async def test_a_malformed_key(key: Any) -> None:
    """A malformed key raises without it, also from a key source or for another client."""
    client = client_for("http://127.0.0.1:9")

    async def source() -> Any:
        return key

    works: list[Callable[[], object]] = [
        lambda: PixxelClient(key),
        lambda: PixxelClient(key, settings=PlainSettings()),
        lambda: PixxelClient(settings=PlainSettings(api_key=key)),
        lambda: client.with_key(key),
        lambda: client.with_key(source).jobs.get("w", "j"),
    ]
    for work in works:
        error = await error_of(work)
        assert isinstance(error, ConfigError)
        assert leaks(error, KEY) == []
    await client.aclose()


ANSWERS: dict[str, Any] = {
    "refused": answer(401, {"error": {"message": KEY}}),
    "forbidden": answer(403, {"error": {"message": KEY}}),
    "limited": answer(429, {}, Retry_After="86400"),
    "broken": answer(500, {"error": KEY}),
    "redirect": answer(302, None, Location=f"http://127.0.0.1:9{LINK}"),
    "no JSON": answer(200, b"<html>"),
    "an error in it": answer(200, {"error": {"message": KEY}}),
    "no HTTP": b"nonsense\r\n\r\n",
    "cut": [answer(200, b"{" * 100)[:-50], "fin"],
    "reset": ["rst"],
    "late": ["hang"],
}


@pytest.mark.slow
@pytest.mark.parametrize("what", ANSWERS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_error_of_the_api(what: str, method: str) -> None:
    """No frame holds the key, however a call fails or is cancelled."""
    async with RawServer(ANSWERS[what]) as server, client_for(server.url, **{"retry.max_attempts": 2}) as client:
        works: list[Callable[[], object]] = [
            lambda: client.orders.list(limit=1) if method == "GET" else client.jobs.create("w", project_id="p"),
            lambda: client.request(method, "/v0/x"),
        ]
        for work in works[1:] if what not in ("no JSON", "an error in it") else works[:1]:
            error = await error_of(work)
            assert isinstance(error, PixxelError)
            assert leaks(error, KEY, SIGNATURE) == []


@pytest.mark.slow
async def test_a_call_that_is_cancelled() -> None:
    """On cancellation the frames of aiohttp, which hold headers and URLs, are cleared."""
    async with RawServer(["hang"]) as server, client_for(server.url, **{"http.headers_timeout": 30}) as client:
        link = SignedLink(url=server.url + LINK, name="a")

        async def impatient(work: Callable[[], Awaitable[object]]) -> None:
            async with asyncio.timeout(0.1):
                await work()

        works: list[Callable[[], Awaitable[object]]] = [
            lambda: client.orders.list(limit=1)._first_page(),
            lambda: client.packages.open(link).open(),
            lambda: client.packages.members(link),
        ]
        for work in works:
            error = await error_of(partial(impatient, work))
            assert isinstance(error, TimeoutError)
            assert isinstance(error.__cause__ or error.__context__, asyncio.CancelledError)
            assert leaks(error, KEY, SIGNATURE) == []


STORAGE: dict[str, Any] = {
    "refused": answer(403, b"<Error><Code>AccessDenied</Code></Error>"),
    "away": answer(404, b""),
    "broken": answer(500, b""),
    "page": answer(200, b"<html>" + b" " * 100),
    "damaged": answer(200, b"PK\x03\x04" + b"x" * 100),
    "a redirect that leads away": answer(302, None, Location=f"http://169.254.169.254{LINK}"),
    "endless redirects": answer(302, None, Location=LINK),
    "no HTTP": b"nonsense\r\n\r\n",
    "cut": [answer(200, b"PK\x03\x04" + b"x" * 100)[:-50], "fin"],
    "reset": ["rst"],
    "late": ["hang"],
}


@pytest.mark.slow
@pytest.mark.parametrize("what", STORAGE)
async def test_an_error_of_the_storage(what: str, tmp_path: Path) -> None:
    """No frame holds the signed link, however reading from it fails."""
    async with (
        RawServer(STORAGE[what]) as server,
        client_for(server.url, **{"retry.max_attempts": 2}) as client,
        DownloadManager(client, tmp_path) as manager,
    ):
        link = SignedLink(url=server.url + LINK, name="a")
        works: list[Callable[[], object]] = [
            lambda: client.packages.fetch_member(link, "*"),
            lambda: client.packages.members(link),
            lambda: manager.fetch(link),
        ]
        for work in works:
            error = await error_of(work)
            assert isinstance(error, PixxelError)
            assert leaks(error, KEY, SIGNATURE) == []
        async with manager.fetch_all([link]) as outcomes:
            failed = [outcome async for outcome in outcomes if isinstance(outcome, Failed)]
        assert failed
        assert leaks(failed[0].error, KEY, SIGNATURE) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "url",
    [
        "ftp://h.example",
        "https://169.254.169.254",
        "https://h.example:0",
        "https://user@h.example",
        "https://h.example/ ",
        "https://[::1",
        "https://nothing.invalid",
    ],
)
async def test_an_unsafe_link(url: str, tmp_path: Path) -> None:
    """A refused link is in no frame."""
    async with client_for("https://127.0.0.1:9") as client, DownloadManager(client, tmp_path) as manager:
        link = SignedLink(url=url + LINK, name="a")
        target = link.url

        async def directly() -> None:
            async with client.storage.get(target):
                pass

        works: list[Callable[[], object]] = [
            directly,
            lambda: client.packages.open(link).open(),
            lambda: manager.fetch(link),
        ]
        for work in works[: 3 if "invalid" not in url else 2]:
            error = await error_of(work)
            assert isinstance(error, PixxelError)
            assert isinstance(error, UnsafeLink) is ("invalid" not in url)
            assert leaks(error, SIGNATURE) == []


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00", "ß\udcff"])
async def test_headers_of_hooks(value: str) -> None:
    """A header value added by a hook is refused if it cannot be sent on one line, and nothing is sent."""

    def add(attempt: Any) -> None:
        attempt.headers["X-Trace"] = value

    async with RawServer(answer(200, {})) as server:
        settings = PlainSettings(api_key=KEY, base_url=server.url)
        async with PixxelClient(settings=settings, on_request=[add]) as client:
            error = await error_of(lambda: client.request("GET", "/v0/x"))
        assert server.requests == []
    assert isinstance(error, ConfigError)
    assert "X-Trace" in str(error)
    assert leaks(error, KEY) == []


async def test_masks_belong_to_the_fields() -> None:
    """A printer that walks the fields of a value shows masks, like the repr."""
    url = f"https://storage.example{LINK}"
    client = client_for("http://127.0.0.1:9", **{"http.proxy": f"http://user:{SIGNATURE}@proxy.example"})
    async with (
        RawServer(answer(200, {"status": "completed", "signed_url": url})) as server,
        client_for(server.url) as other,
    ):
        state = await other.packages.ask("job:w/j")
        reply = await other.request("GET", "/v0/x")
        download = await other.jobs.request_download("w", "j")
    values = [
        Link(url), SignedLink(url=url, name="a"), PackageAnswer("ready", url, {}), state, reply, download,
        client.settings, client.settings.http, client, attrs.asdict(client.settings).get("api_key"),
    ]  # fmt: skip
    assert state.link is not None and state.link.url == url
    for value in values:
        text = "".join(shown(value))
        assert SIGNATURE not in text
        assert KEY not in text
    assert "***" in pretty_repr(values[0]) or "…" in pretty_repr(values[0])
    await client.aclose()


def test_locals_are_cleared() -> None:
    """The locals of an error's frames and of its context's are cleared; the line numbers stay."""

    def inner(key: str) -> None:
        raise ValueError(len(key))

    try:
        try:
            inner(KEY)
        except ValueError as error:
            raise KeyError from error
    except KeyError as error:
        forget_locals(error)
        cause = error.__cause__
    assert cause is not None and cause.__traceback__ is not None and cause.__traceback__.tb_next is not None
    assert cause.__traceback__.tb_next.tb_frame.f_locals == {}
