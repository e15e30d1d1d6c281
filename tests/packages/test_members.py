"""Members of a package in storage: which bytes are fetched, and which archives are refused."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import uvicorn
from attrs import evolve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pixxel_async import PixxelClient, SignedLink
from pixxel_async.errors import (
    ConfigError,
    Corrupt,
    DownloadError,
    NameTaken,
    NoRanges,
    NoSuchMember,
    NotAPackage,
    TimedOut,
    TooLarge,
)
from pixxel_async.packages import MemberStream, as_package
from pixxel_async.sandbox import Clock, Fault, Sandbox
from pixxel_async.sandbox.files.virtual_bytes import VirtualBytes
from pixxel_async.sandbox.http.site import SeenRequest
from pixxel_async.settings import Timing
from tests.support.archives import flipped, make_zip, patched, with_gap, with_index, with_zip64_end
from tests.support.raw_server import RawServer, Step

PLAIN = tuple((f"outputs/B{band:02}.tif", bytes([band]) * 50_000 + b"end") for band in range(1, 9))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(packing=0, clock=Clock(running=False)) as started:
        yield started


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    async with PixxelClient(
        sandbox.api_key, base_url=sandbox.url, timing=Timing(clock=sandbox.clock.now, sleep=sandbox.sleep)
    ) as opened:
        yield opened


async def served(client: PixxelClient, sandbox: Sandbox, data: bytes) -> str:
    """Make the storage serve these bytes as a package."""
    job = sandbox.add_job()
    package = f"job:{job.workflow_id}/{job.id}"
    await client.packages.ask(package)
    packing = sandbox.packing
    key = next(reversed(packing._stored))
    packing._stored[key] = evolve(packing._stored[key], make=lambda: VirtualBytes.of(data))
    return package


def asked(sandbox: Sandbox) -> list[SeenRequest]:
    return [seen for seen in sandbox.requests if seen.host == "storage"]


def sent(sandbox: Sandbox) -> list[int]:
    """Return the number of bytes in each response of the storage."""
    return [seen.sent for seen in asked(sandbox)]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_package_of_the_sandbox(client: PixxelClient, sandbox: Sandbox) -> None:
    """Names, sizes and checksums equal those that zipfile reads from the whole archive."""
    job = sandbox.add_job()
    package = f"job:{job.workflow_id}/{job.id}"
    members = await client.packages.members(package)
    async with client.packages.open(package) as stream:
        whole = b"".join([chunk async for chunk in stream])
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        infos = archive.infolist()
        assert [(one.name, one.size, one.packed, one.crc) for one in members] == [
            (info.filename, info.file_size, info.compress_size, info.CRC) for info in infos
        ]
        for one in members[:3]:
            assert await client.packages.fetch_member(package, one) == archive.read(one.name)
    assert sandbox.count("jobs.request_download") == 1


@pytest.mark.slow
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize("comment", [b"", b"of a month" * 6000])
async def test_all_forms_of_archives(
    client: PixxelClient, sandbox: Sandbox, method: int, streamed: bool, zip64: bool, comment: bytes
) -> None:
    """Stored and deflated members, data descriptors, Zip64 sizes and long comments are read."""
    data = make_zip(PLAIN, method=method, streamed=streamed, zip64=zip64, comment=comment)
    package = await served(client, sandbox, data)
    assert await client.packages.fetch_member(package, "**/B04.tif") == dict(PLAIN)["outputs/B04.tif"]
    assert await client.packages.fetch_member(package, "outputs/B08.tif") == dict(PLAIN)["outputs/B08.tif"]


async def test_zip64_end_records(client: PixxelClient, sandbox: Sandbox) -> None:
    """Zip64 end records are read."""
    package = await served(client, sandbox, with_zip64_end(make_zip(PLAIN, method=zipfile.ZIP_STORED)))
    assert len(await client.packages.members(package)) == len(PLAIN)


async def test_only_needed_ranges_are_fetched(client: PixxelClient, sandbox: Sandbox) -> None:
    """Three ranges are fetched: the tail, the rest of the directory, and the member up to the next header."""
    many = [*PLAIN, *((f"{number:04}/{'n' * 200}", b"") for number in range(1000))]
    data = make_zip(many, method=zipfile.ZIP_STORED)
    start = int.from_bytes(data[-6:-2], "little")
    package = await served(client, sandbox, data)
    assert await client.packages.fetch_member(package, "**/B04.tif") == dict(PLAIN)["outputs/B04.tif"]
    own = 30 + len("outputs/B04.tif") + 50_003
    assert sent(sandbox) == [70_000, len(data) - 70_000 - start, own]
    assert asked(sandbox)[2].headers["range"] == f"bytes={3 * own}-{4 * own - 1}"
    assert len({seen.headers.get("if-range") for seen in asked(sandbox)[1:]}) == 1


async def test_listed_members_need_no_directory(client: PixxelClient, sandbox: Sandbox) -> None:
    """A row of `members` is fetched without reading the directory again, and only from that version of the archive."""
    package = await served(client, sandbox, make_zip(PLAIN))
    members = await client.packages.members(package)
    assert await client.packages.fetch_member(package, members[2]) == PLAIN[2][1]
    assert len(sent(sandbox)) == 2
    sandbox.inject(Fault(route="storage", kind="etag", times=None))
    with pytest.raises(DownloadError, match="another version than the one whose directory was read"):
        await client.packages.fetch_member(package, members[2])


async def test_links_are_renewed_between_ranges(client: PixxelClient, sandbox: Sandbox) -> None:
    """A link that expires after the directory was read is replaced."""
    package = await served(client, sandbox, make_zip(PLAIN))
    members = await client.packages.members(package)
    await sandbox.advance(hours=1)
    assert await client.packages.fetch_member(package, members[5]) == PLAIN[5][1]
    sandbox.inject(Fault(route="storage", kind="expired", after=1))
    assert await client.packages.fetch_member(package, "**/B01.tif") == PLAIN[0][1]
    assert sandbox.count("jobs.request_download") == 3


async def test_a_cut_member_is_resumed(client: PixxelClient, sandbox: Sandbox) -> None:
    """A cut member is resumed and still matches its checksum."""
    data = bytes(range(256)) * 20_000
    package = await served(client, sandbox, make_zip([("a", data)], method=zipfile.ZIP_STORED))
    sandbox.inject(Fault(route="storage", kind="cut", at=3_000_000, after=1))
    assert await client.packages.fetch_member(package, "a") == data
    assert len(sent(sandbox)) == 3


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
async def test_damage_raises_corrupt(client: PixxelClient, sandbox: Sandbox, method: int) -> None:
    """One wrong bit in a member raises Corrupt at its end; other members are readable."""
    data = make_zip(PLAIN, method=method)
    damaged = flipped(data, data.index(b"B03.tif") + 40)
    package = await served(client, sandbox, damaged)
    with pytest.raises(Corrupt, match="do not match its checksum") as caught:
        await client.packages.fetch_member(package, "**/B03.tif")
    assert caught.value.package == package
    assert await client.packages.fetch_member(package, "**/B04.tif") == PLAIN[3][1]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda data: data[:-1], "no end record"),
        (lambda data: data + b"x", "no end record"),
        (lambda data: patched(data, 30, b"z"), "the header of 'outputs/B01.tif' disagree"),
        (lambda data: patched(data, 0, b"XX"), "disagree|no member starts"),
        (lambda data: b"", "empty"),
    ],
)
async def test_damaged_archives_are_refused(client: PixxelClient, sandbox: Sandbox, harm, message: str) -> None:  # type: ignore[no-untyped-def]
    """A member whose directory entry and header disagree is refused, and so is a truncated archive."""
    package = await served(client, sandbox, harm(make_zip(PLAIN)))
    with pytest.raises(Corrupt, match=message) as caught:
        await client.packages.fetch_member(package, "**/B01.tif")
    assert caught.value.package == package


@pytest.mark.parametrize(("data", "message"), [(b"<html>", "page"), (b"II*\x00" + bytes(99_000), "tiff")])
async def test_no_archive_at_all(client: PixxelClient, sandbox: Sandbox, data: bytes, message: str) -> None:
    """A package that is a single file has no members, and the error names its format."""
    package = await served(client, sandbox, data)
    with pytest.raises(NotAPackage, match=f"no ZIP archive but {message}"):
        await client.packages.members(package)


async def test_bytes_between_members_are_refused(client: PixxelClient, sandbox: Sandbox) -> None:
    """Bytes between members are refused."""
    data = make_zip((("a", b"x" * 50), ("b", b"y" * 50)), method=zipfile.ZIP_STORED)
    package = await served(client, sandbox, with_gap(data))
    with pytest.raises(Corrupt, match="overlap or leave a gap"):
        await client.packages.fetch_member(package, "a")
    assert await client.packages.fetch_member(package, "b") == b"y" * 50


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_member_with_a_sozip_index(client: PixxelClient, sandbox: Sandbox, streamed: bool) -> None:
    """The SOZip index behind a member belongs to it and is not listed."""
    package = await served(client, sandbox, with_index(streamed=streamed))
    assert [member.name for member in await client.packages.members(package)] == ["s/a.tif", "b"]
    assert await client.packages.fetch_member(package, "**/a.tif") == b"raster" * 999
    assert await client.packages.fetch_member(package, "b") == b"second"


async def test_selecting_a_member(client: PixxelClient, sandbox: Sandbox) -> None:
    """An exact name precedes patterns; a pattern must match one file, and the error lists the candidates."""
    names = ("a[1]", "a1", "b/c.tif", "d/c.tif", "e/")
    package = await served(client, sandbox, make_zip([(name, name.encode()) for name in names]))
    assert await client.packages.fetch_member(package, "a[1]") == b"a[1]"
    assert await client.packages.fetch_member(package, "a?") == b"a1"
    with pytest.raises(NoSuchMember, match=r"2 members fit '\*\*/c.tif', not one: 'b/c.tif', 'd/c.tif'"):
        await client.packages.fetch_member(package, "**/c.tif")
    with pytest.raises(NoSuchMember, match=r"no member fits 'e/'; there are 'a\[1\]', 'a1', 'b/c.tif', 'd/c.tif'"):
        await client.packages.fetch_member(package, "e/")


async def test_a_storage_without_ranges(tmp_path: Path) -> None:
    """A storage without ranges is refused with an alternative, after few bytes."""
    async with (
        Sandbox(packing=0, package_size=64 << 20, profile={"ranges": False}) as sandbox,
        PixxelClient(sandbox.api_key, base_url=sandbox.url) as client,
    ):
        job = sandbox.add_job()
        for work in (client.packages.members, lambda package: client.packages.fetch_member(package, "**/x")):
            with pytest.raises(NoRanges, match="does not support range requests; fetch the whole package"):
                await work(f"job:{job.workflow_id}/{job.id}")
        await asyncio.sleep(0.1)
        assert max(sent(sandbox)) < 32 << 20


async def test_too_large_for_memory(client: PixxelClient, sandbox: Sandbox) -> None:
    """A member larger than max_bytes is refused before it is fetched, and the declared size is enforced."""
    package = await served(client, sandbox, make_zip([("a", bytes(5_000_000))]))
    with pytest.raises(TooLarge, match="'a' has 5,000,000 bytes, allowed 1,000"):
        await client.packages.fetch_member(package, "a", max_bytes=1000)
    assert len(sent(sandbox)) == 1
    lying = make_zip([("a", bytes(5_000_000))])
    at = lying.rindex(b"PK\x01\x02") + 24
    for place in (22, at):
        lying = patched(lying, place, (999).to_bytes(4, "little"))
    package = await served(client, sandbox, lying)
    with pytest.raises(Corrupt):
        await client.packages.fetch_member(package, "a", max_bytes=1000)


async def test_unsupported_members(client: PixxelClient, sandbox: Sandbox) -> None:
    """Encrypted members and unsupported methods are named before bytes are fetched."""
    package = await served(client, sandbox, make_zip([("a", b"x" * 99)], method=zipfile.ZIP_LZMA))
    with pytest.raises(DownloadError, match="'a': compression method 14 is not supported"):
        await client.packages.fetch_member(package, "a")


async def test_into_a_file(client: PixxelClient, sandbox: Sandbox, tmp_path: Path) -> None:
    """A file appears when it is complete and replaces another only on demand; failures leave nothing."""
    package = await served(client, sandbox, flipped(data := make_zip(PLAIN), data.index(b"B03.tif") + 40))
    to = tmp_path / "B04.tif"
    assert await client.packages.fetch_member(package, "**/B04.tif", to=to) == to
    assert to.read_bytes() == PLAIN[3][1]
    with pytest.raises(NameTaken):
        await client.packages.fetch_member(package, "**/B05.tif", to=str(to))
    await client.packages.fetch_member(package, "**/B05.tif", to=str(to), replace=True)
    assert to.read_bytes() == PLAIN[4][1]
    with pytest.raises(Corrupt):
        await client.packages.fetch_member(package, "**/B03.tif", to=tmp_path / "B03.tif")
    with pytest.raises(ConfigError, match="there is no folder"):
        await client.packages.fetch_member(package, "**/B04.tif", to=tmp_path / "no" / "such")
    assert names(tmp_path) == ["B04.tif"]


@pytest.mark.slow
async def test_leaving_early_leaves_nothing(client: PixxelClient, sandbox: Sandbox, tmp_path: Path) -> None:
    """A reader that leaves or is cancelled leaves neither transfer nor file behind."""
    package = await served(client, sandbox, make_zip([("a", bytes(1 << 26))], method=zipfile.ZIP_STORED))
    stream: MemberStream = client.packages.open_member(package, "a")
    async with stream:
        assert stream.member.size == 1 << 26 and as_package(package)
        assert len(await anext(stream)) <= 1 << 20
    await asyncio.sleep(0.1)
    assert sent(sandbox)[-1] < 1 << 26
    sandbox.inject(Fault(route="storage", kind="stall", at=1 << 24, times=None))
    writing = asyncio.ensure_future(client.packages.fetch_member(package, "a", to=tmp_path / "a"))
    for _ in range(500):
        await asyncio.sleep(0.01)
        if names(tmp_path):
            break
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert not names(tmp_path)


async def test_it_must_be_open(client: PixxelClient, sandbox: Sandbox) -> None:
    """A stream that is not open has no member and no bytes; opening and closing may be repeated."""
    package = await served(client, sandbox, make_zip(PLAIN))
    stream = client.packages.open_member(package, "**/B01.tif")
    with pytest.raises(ConfigError, match="not open"):
        stream.member  # noqa: B018
    assert await stream.open() is stream and await stream.open() is stream
    await stream.aclose()
    await stream.aclose()
    assert len(sent(sandbox)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("what", ["members", "fetch_member", "open_member"])
async def test_a_storage_that_drips(what: str, tmp_path: Path) -> None:
    """T-12: a deadline ends a body that arrives byte by byte, and no file is left."""
    data = make_zip(PLAIN)
    head = f'HTTP/1.1 206 P\r\nContent-Length: %d\r\nETag: "e"\r\nContent-Range: bytes %d-%d/{len(data)}\r\n\r\n'
    whole = (head % (len(data), 0, len(data) - 1)).encode() + data
    drops: list[Step] = [(head % (60_000, 0, 59_999)).encode(), *([0.05, b"P"] * 100)]
    scripts: list[Sequence[Step]] = [drops] if what == "members" else [[whole], drops]
    async with RawServer(*scripts) as server, PixxelClient("a-key-1", base_url=server.url) as client:
        packages, package = client.packages, SignedLink(url=f"{server.url}/a.zip", name="a")
        reading: dict[str, Callable[[], Awaitable[object]]] = {
            "members": lambda: packages.members(package, timeout=0.4),
            "fetch_member": lambda: packages.fetch_member(package, "**/B01.tif", to=tmp_path / "a", timeout=0.4),
            "open_member": lambda: pieces(packages.open_member(package, "**/B01.tif", timeout=0.4)),
        }
        with pytest.raises(TimedOut, match=r"link:a/\w+ was not read within 0.4 s"):
            await reading[what]()
    assert not names(tmp_path)


async def pieces(stream: MemberStream) -> list[bytes]:
    async with stream:
        return [piece async for piece in stream]


@asynccontextmanager
async def starlette(endpoint: Callable[[Request], Response]) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a session on a Starlette application with one `def` endpoint, run by uvicorn."""
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/", endpoint)]), log_level="critical", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{listening.getsockname()[1]}") as session:
                yield session
        finally:
            server.should_exit = True
            await serving


@pytest.mark.slow
async def test_threads_of_the_host_are_left_alone(client: PixxelClient, sandbox: Sandbox) -> None:
    """200 `def` endpoints that wait in the host's threads for members do not block the client."""
    package = await served(client, sandbox, make_zip(PLAIN))
    loop = asyncio.get_running_loop()
    loop.set_default_executor(busy := ThreadPoolExecutor(1))  # the host's default pool is busy meanwhile
    busy.submit((free := threading.Event()).wait, 100)

    def endpoint(request: Request) -> Response:
        work = client.packages.fetch_member(package, request.query_params["name"])
        return Response(asyncio.run_coroutine_threadsafe(work, loop).result(90))

    async def get(name: str) -> bytes:
        async with session.get("/", params={"name": name}) as answer:
            return await answer.read()

    wanted = [PLAIN[number % len(PLAIN)] for number in range(200)]
    async with starlette(endpoint) as session, asyncio.timeout(100):
        assert await asyncio.gather(*(get(name) for name, _ in wanted)) == [data for _, data in wanted]
    free.set()
