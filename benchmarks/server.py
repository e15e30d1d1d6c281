"""Server for the clients: archives behind nginx if installed, else the sandbox; on loopback only."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web
from attrs import frozen
from delay_proxy import delayed

from pixxel_async import Package, PixxelClient
from pixxel_async.packages import as_package
from pixxel_async.sandbox import Sandbox

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; user {user};
events {{ worker_connections 4096; }}
http {{
    access_log off; sendfile on; tcp_nopush on; etag on; keepalive_requests 100000;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen 127.0.0.1:{port}{tls}; {certificate} {extra}
        root {folder}/files; types {{ application/zip zip; }} }}
}}
"""


@frozen(kw_only=True)
class Served:
    """Facts that a client needs.

    Attributes:
        api: base URL of an API that answers asks for these packages with these links, for our client.
        api_key: its key.
        links: package in its text form → link.
        size: bytes of all of them.
        authority: PEM file to trust, for TLS.
        name: `nginx` or `sandbox`.
    """

    api: str
    api_key: str
    links: dict[str, str]
    size: int
    authority: Path | None
    name: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_archives(folder: Path, count: int, size: int) -> int:
    """Write valid archives of stored random bytes, like incompressible imagery; return their total bytes."""
    folder.mkdir(parents=True)
    block = random.Random(7).randbytes(1 << 20)
    total = 0
    for number in range(count):
        path = folder / f"job-{number}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive, archive.open("B01.tif", "w") as member:
            remaining = size
            while remaining:
                remaining -= member.write(block[: min(remaining, len(block))])
        total += path.stat().st_size
    return total


def certificate(folder: Path) -> tuple[str, Path]:
    """Return nginx's lines for our certificate, and the authority to trust."""
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    return f"ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;", folder / "authority.pem"


@contextmanager
def nginx(folder: Path, *, tls: bool, extra: str = "") -> Iterator[tuple[str, Path | None]]:
    """Run nginx over `folder/files` with further directives; yield its origin and the authority to trust."""
    assert NGINX is not None
    port = free_port()
    lines, authority = certificate(folder) if tls else ("", None)
    text = CONFIGURATION.format(
        folder=folder,
        port=port,
        tls=" ssl" if tls else "",
        certificate=lines,
        extra=extra,
        user=os.environ.get("USER", "root"),
    )
    (folder / "nginx.conf").write_text(text)
    process = subprocess.Popen([NGINX, "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.DEVNULL)
    try:
        await_port(port)
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}", authority
    finally:
        process.terminate()
        process.wait(10)


def await_port(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("nginx does not listen")


@asynccontextmanager
async def asks_for(links: dict[str, str], requests: list[str] | None = None) -> AsyncIterator[str]:
    """Serve the two operations of a download, answering at once with given links; `requests` records requests."""

    async def projects(_: web.Request) -> web.Response:
        return web.json_response({"count": 1, "projects": [{"id": "p-1", "org_id": "o-1"}]})

    async def package(request: web.Request) -> web.Response:
        package = f"job:w-1/{request.match_info['job']}"
        link = links[package]
        if requests is not None:
            requests.append(package)
        return web.json_response({"id": "d-1", "workflowId": "w-1", "status": "ready", "signed_url": link})

    app = web.Application()
    app.router.add_get("/v0/projects", projects)
    app.router.add_put("/v0/workflows/w-1/jobs/{job}/download", package)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def served(
    folder: Path, *, count: int, size: int, tls: bool, extra: str = "", delay: tuple[float, int] | None = None
) -> AsyncIterator[Served]:
    """Serve `count` archives of about `size` bytes each, ready to be fetched.

    Args:
        extra: further directives for nginx.
        delay: seconds of a round trip and bytes of a window between the clients and nginx; None for neither.
    """
    if NGINX is None:
        async with from_sandbox(count=count, size=size) as storage:
            yield storage
        return
    total = write_archives(folder / "files", count, size)
    with nginx(folder, tls=tls, extra=extra) as (origin, authority), ExitStack() as stack:
        if delay is not None:
            scheme, _, port = origin.rpartition(":")
            origin = f"{scheme}:{stack.enter_context(delayed(int(port), *delay))}"
        links = {f"job:w-1/job-{number}": f"{origin}/job-{number}.zip" for number in range(count)}
        async with asks_for(links) as api:
            yield Served(api=api, api_key="benchmark", links=links, size=total, authority=authority, name="nginx")


@asynccontextmanager
async def from_sandbox(*, count: int, size: int) -> AsyncIterator[Served]:
    """Serve packages of the sandbox, without TLS, requested beforehand."""
    async with (
        Sandbox(package_size=size, packing=0.0, link_life=3600.0) as sandbox,
        PixxelClient(api_key=sandbox.api_key, base_url=sandbox.url) as client,
    ):
        links: dict[str, str] = {}
        async for package in every_package(client):
            await client.packages.wait(package)
            links[str(package)] = (await client.packages.link(package)).url
            if len(links) == count:
                break
        total = size * len(links)
        yield Served(api=sandbox.url, api_key=sandbox.api_key, links=links, size=total, authority=None, name="sandbox")


async def every_package(client: PixxelClient) -> AsyncIterator[Package]:
    """Yield the packages of every completed job and its tasks."""
    async for workflow in client.workflows.list():
        async for row in client.jobs.list(str(workflow.id), status="completed"):
            job = await client.jobs.get(str(workflow.id), str(row.id))
            for part in (job, *job.tasks):
                yield as_package(part)
