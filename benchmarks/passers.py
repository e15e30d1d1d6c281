"""Backends that pass packages through, each in a process of its own: `python benchmarks/passers.py NAME API KEYS`.

KEYS is a list in JSON. The first line on stdout is the port. `/late` tells how late a timer of 10 ms was since it was
asked last.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from aiohttp import web

from pixxel_async import JobPackage, PixxelClient, Settings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def ours(app: web.Application, api: str, keys: list[str]) -> Handler:
    """pixxel_async: a client for each key, links that are kept, cuts that are continued."""
    client = PixxelClient(settings=Settings(base_url=api))
    users = {key: client.with_key(key, auth="raw") for key in keys}

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


def by_hand(app: web.Application, api: str, keys: list[str]) -> Handler:
    """aiohttp as it is commonly written: asks each time, and passes on what comes in pieces of 64 KiB."""
    held: list[aiohttp.ClientSession] = []

    async def opened(_: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            held.append(session)
            yield

    async def package(request: web.Request) -> web.StreamResponse:
        job, key = request.match_info["job"], request.headers["X-Key"]
        ask = f"{api}/v0/workflows/w-1/jobs/{job}/download"
        async with held[0].put(ask, headers={"Authorization": key}) as answer:
            link = (await answer.json())["signed_url"]
        async with held[0].get(link) as body:
            headers = {"Content-Length": body.headers["Content-Length"], "Content-Type": "application/zip"}
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            async for chunk in body.content.iter_chunked(65536):
                await response.write(chunk)
        return response

    app.cleanup_ctx.append(opened)
    return package


PASSERS: dict[str, Callable[[web.Application, str, list[str]], Handler]] = {"pixxel_async": ours, "aiohttp": by_hand}


async def tick(late: list[float]) -> None:
    """Note how late a timer of 10 ms is, for ever."""
    while True:
        due = time.perf_counter() + 0.010
        await asyncio.sleep(0.010)
        late.append(time.perf_counter() - due)


def told(late: list[float]) -> dict[str, float]:
    """What the timer saw since it was asked last, in seconds."""
    seen = sorted(late) or [0.0]
    late.clear()
    return {"p50": seen[len(seen) // 2], "p99": seen[int(len(seen) * 0.99)], "max": seen[-1]}


async def serve(name: str, api: str, keys: list[str]) -> None:
    app = web.Application()
    late: list[float] = []

    async def lateness(_: web.Request) -> web.Response:
        return web.json_response(told(late))

    app.router.add_get("/{job}/package", PASSERS[name](app, api, keys))
    app.router.add_get("/late", lateness)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await tick(late)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
