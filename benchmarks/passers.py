"""Backends that pass packages through, each in its own process: `passers.py NAME API AUTHORITY KEYS`.

AUTHORITY is the PEM file to trust, "" for none; KEYS is a list in JSON. The first line on stdout is the port.
`/figures` returns the lateness of a timer of 10 ms since the last request, the bytes waiting to be written to readers,
and with PYTHONTRACEMALLOC=1 the memory by owner.

Each is set up as servers are that want to answer soon: it accepts a few connections in one round of its event loop
(asyncio takes as many as may wait in the kernel, unless told apart), leaves alone in garbage collections what was there
at its start, and seldom looks through all the rest.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import ssl
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from aiohttp import web
from attrs import frozen

from pixxel_async import JobPackage, PixxelClient, Settings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NOTHING = bytes(64 * 1024)
ACCEPTED = 8
"""Connections that are accepted in one round of the event loop."""
WAITING = 1024
"""Connections that may wait for that."""
BUFFER = 8 * 1024
"""Bytes of one piece of memory from which on it is a buffer, and no object."""
OWNERS = "pixxel_async", "aiohttp", "asyncio"


@frozen
class Given:
    """Arguments of a backend; `trusted` is for the storage."""

    api: str
    trusted: ssl.SSLContext | None
    keys: list[str]


def ours(app: web.Application, service: Given) -> Handler:
    """Serve by pixxel_async: a client per key, cached links, resumed bodies."""
    client = PixxelClient(settings=Settings(base_url=service.api), ssl=service.trusted)
    users = {key: client.with_key(key, auth="raw") for key in service.keys}

    async def opened(_: web.Application) -> AsyncIterator[None]:
        async with client:
            yield

    async def package(request: web.Request) -> web.StreamResponse:
        wanted = JobPackage(workflow_id="w-1", job_id=request.match_info["job"])
        user, wanted_range = users[request.headers["X-Key"]], request.headers.get("Range")
        async with user.packages.open(wanted, method=request.method, range=wanted_range) as stream:
            response = web.StreamResponse(status=stream.status, headers=stream.headers)
            await response.prepare(request)
            async for chunk in stream:
                await response.write(chunk)
        return response

    app.cleanup_ctx.append(opened)
    return package


def by_hand(app: web.Application, service: Given) -> Handler:
    """Serve by common aiohttp code: request each time, and forward pieces of 64 KiB."""
    sessions: list[aiohttp.ClientSession] = []

    async def opened(_: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        connector = aiohttp.TCPConnector(limit=0, ssl=service.trusted or True)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            sessions.append(session)
            yield

    async def package(request: web.Request) -> web.StreamResponse:
        job, key = request.match_info["job"], request.headers["X-Key"]
        ask = f"{service.api}/v0/workflows/w-1/jobs/{job}/download"
        async with sessions[0].put(ask, headers={"Authorization": key}) as answer:
            link = (await answer.json())["signed_url"]
        async with sessions[0].get(link) as body:
            headers = {"Content-Length": body.headers["Content-Length"], "Content-Type": "application/zip"}
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            async for chunk in body.content.iter_chunked(65536):
                await response.write(chunk)
        return response

    app.cleanup_ctx.append(opened)
    return package


def no_storage(app: web.Application, service: Given) -> Handler:
    """Serve as many bytes by aiohttp's server without a storage, as the lower bound."""

    async def package(request: web.Request) -> web.StreamResponse:
        remaining = int(request.headers["X-Size"])
        response = web.StreamResponse(headers={"Content-Length": str(remaining)})
        await response.prepare(request)
        while remaining:
            await response.write(chunk := NOTHING[:remaining])
            remaining -= len(chunk)
        return response

    return package


PASSERS: dict[str, Callable[[web.Application, Given], Handler]] = {
    "pixxel_async": ours, "aiohttp": by_hand, "no storage": no_storage,
}  # fmt: skip


async def tick(late: list[tuple[float, float]]) -> None:
    """Measure the lateness of a timer of 10 ms, and the process's own share of it, without end."""
    while True:
        due, cpu = time.perf_counter() + 0.010, time.thread_time()
        await asyncio.sleep(0.010)
        by = time.perf_counter() - due
        late.append((by, min(by, time.thread_time() - cpu)))


def lateness(late: list[tuple[float, float]]) -> dict[str, float]:
    """Return the lateness since the last request in seconds; `own` excludes other processes."""
    figures: dict[str, float] = {}
    for index, name in enumerate(("", "own_")):
        ordered = sorted(each[index] for each in late) or [0.0]
        figures |= {
            f"{name}p50": ordered[len(ordered) // 2],
            f"{name}p99": ordered[int(len(ordered) * 0.99)],
            f"{name}max": ordered[-1],
        }
    late.clear()
    return figures


def account() -> dict[str, int] | None:
    """Return bytes of Python's memory by owner of the code; None without PYTHONTRACEMALLOC=1."""
    if not tracemalloc.is_tracing():
        return None
    figures: dict[str, int] = {}
    for trace in tracemalloc.take_snapshot().traces:
        place = trace.traceback[0].filename
        owner = next((name for name in OWNERS if f"/{name}/" in place), "other")
        kind = "buffers" if trace.size >= BUFFER else "objects"
        figures[f"{owner} {kind}"] = figures.get(f"{owner} {kind}", 0) + trace.size
    return figures


async def serve(name: str, service: Given) -> None:
    app = web.Application()
    late: list[tuple[float, float]] = []
    connections: set[asyncio.Transport] = set()
    handler = PASSERS[name](app, service)

    async def package(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        connections.add(transport := request.transport)
        try:
            return await handler(request)
        except ConnectionResetError:  # the reader has left; what they get now is nothing
            return web.Response()
        finally:
            connections.discard(transport)

    async def figures(_: web.Request) -> web.Response:
        waiting = sum(each.get_write_buffer_size() for each in connections)
        return web.json_response({"late": lateness(late), "waiting": waiting, "account": account()})

    app.router.add_get("/{job}/package", package)
    app.router.add_get("/figures", figures)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening, backlog=ACCEPTED).start()
    listening.listen(WAITING)
    gc.freeze()
    gc.set_threshold(700, 10, 100)
    print(listening.getsockname()[1], flush=True)
    await tick(late)


if __name__ == "__main__":
    _, name, api, authority, keys = sys.argv
    trusted = ssl.create_default_context(cafile=authority) if authority else None
    asyncio.run(serve(name, Given(api, trusted, json.loads(keys))))
