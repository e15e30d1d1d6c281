"""Object stores that refuse, hang up or are unreachable raise our errors, which contain no secret."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from obstore.store import S3Store

from pixxel_async import ConfigError, ConnectionFailed, DownloadError, DownloadManager, JobPackage, PixxelClient
from pixxel_async.integrations.objects import ObjectStore
from tests.house.test_secrets import chain, told_by
from tests.integrations.bucket import KEY, SECRET, Bucket
from tests.support.ground_truth import GroundTruth, part_bytes


def at(endpoint: str, name: str = "exports-of-ours") -> ObjectStore:
    """Return a store configured in code, without retries."""
    store = S3Store(
        name, endpoint=endpoint, region="us-east-1", access_key_id=KEY, secret_access_key=SECRET,
        client_options={"allow_http": True}, retry_config={"max_retries": 0},
    )  # fmt: skip
    return ObjectStore(store, f"s3://{name}")


def leaked_secrets(error: BaseException) -> set[str]:
    """Return the secrets found in an error, its chain and its pickled form."""
    texts = [*told_by(error), *(type(each).__module__ for each in chain(error))]
    return {secret for secret in (KEY, SECRET, "Signature", "obstore") if any(secret in text for text in texts)}


@asynccontextmanager
async def answering(status: str, code: str) -> AsyncIterator[str]:
    """Serve one response to every request, with the request's own secrets in its body."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = f"<Error><Code>{code}</Code><Message>{KEY} {SECRET} {head}</Message></Error>".encode()
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "code", "kind", "message"),
    [
        ("403 Forbidden", "AccessDenied", ConfigError, "the credentials are refused (403 AccessDenied)"),
        ("403 Forbidden", "InvalidAccessKeyId", ConfigError, "the credentials are refused (403 InvalidAccessKeyId)"),
        ("404 Not Found", "NoSuchBucket", ConfigError, "404 NoSuchBucket"),
        ("400 Bad Request", "AuthorizationHeaderMalformed", ConfigError, "is AWS_REGION the bucket's?"),
        ("503 Slow Down", "SlowDown", ConnectionFailed, "503 SlowDown"),
    ],
)
async def test_a_store_that_refuses(status: str, code: str, kind: type[Exception], message: str) -> None:
    """A refusal is raised before any package is requested, with status and code but none of the store's text."""
    async with answering(status, code) as endpoint:
        with pytest.raises(kind) as caught:
            await at(endpoint).open()

    assert message in str(caught.value) and "s3://exports-of-ours" in str(caught.value)
    assert not leaked_secrets(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["look", "damage", "remove", "write_sums"])
async def test_no_text_of_the_store_is_in_an_error(what: str) -> None:
    """No text of the store, which may hold a signed URL or a key, is in the error, its cause or its context."""
    async with answering("403 Forbidden", "AccessDenied") as endpoint:
        store = at(endpoint)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "look": lambda: store.stored_sha256("a"),
            "damage": lambda: store.damage("a", None),  # type: ignore[arg-type]
            "remove": lambda: store.remove("a"),
            "write_sums": lambda: store.write_sums([("0" * 64, "a")]),
        }
        with pytest.raises(DownloadError, match="s3://exports-of-ours") as caught:
            await calls[what]()
    assert not leaked_secrets(caught.value)


async def test_an_unreachable_store() -> None:
    """An unreachable store raises ConnectionFailed, which is retryable and names the store."""
    with pytest.raises(ConnectionFailed, match="s3://exports-of-ours cannot be used: the store does not answer"):
        await at("http://127.0.0.1:9").open()


@pytest.mark.slow
async def test_a_store_that_breaks_down(
    bucket: Bucket, client: PixxelClient, package: JobPackage, ground: GroundTruth, tmp_path: Path
) -> None:
    """If sending fails, the complete package stays in the spool, and a later run sends it without fetching."""
    store = at(bucket.environment["AWS_ENDPOINT_URL"])
    async with DownloadManager(client, store, spool=tmp_path) as manager:
        bucket.s3.delete_bucket(Bucket=bucket.name)
        with pytest.raises(DownloadError, match=r"could not send s3://.*404 NoSuchBucket") as caught:
            await manager.fetch(package)
        assert (caught.value.retryable, caught.value.stage, caught.value.status) == (True, "publish", 404)
        assert part_bytes(tmp_path) and (await manager.record.counts(tmp_path)) == {"publishing": 1}

        bucket.s3.create_bucket(Bucket=bucket.name)
        done = await manager.fetch(package)

    assert list(bucket.objects().values()) == [done.sha256]
    assert part_bytes(tmp_path) == 0 and len(ground.begun()) == 1


@pytest.mark.slow
async def test_no_credentials(
    client: PixxelClient, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without credentials the error names the variables where the AWS tools look for them."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID"):
        await DownloadManager(client, bucket.url("x"), spool=tmp_path).open()


@pytest.mark.slow
async def test_azure_without_an_account(client: PixxelClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error about a missing Azure account names the missing setting and nothing else."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(ConfigError, match=r"az://exports cannot be used: Account must be specified$"):
        await DownloadManager(client, "az://exports", spool=tmp_path).open()


@pytest.mark.slow
def test_without_the_extra() -> None:
    """Without obstore the error names the extra to install."""
    code = """
import sys
sys.modules["obstore"] = None
from pixxel_async.downloads.disk.locations import open_store
try:
    open_store("s3://bucket/prefix")
except ValueError as error:
    print(type(error).__name__, error)
"""
    message = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert message == "ConfigError object stores need an extra: pip install 'pixxel-async[s3]'\n"
