"""Serve packages to browsers with aiohttp: `python examples/backend.py exports`, then open /jobs/WORKFLOW/JOB.

The client and the manager live as long as the application. Below that address are `events` (how the package comes
into the folder), `file` (from there, for everybody), `package` (passed through, no folder) and `link` (a redirect to
the storage); each answers 202 and when to come back as long as there is nothing to hand out.
"""

import asyncio
import json
import logging
import math
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from attrs import asdict

from pixxel_async import DownloadManager, JobPackage, PixxelClient, Settings, Transfer
from pixxel_async.errors import APIError, ConfigError, NotFound, PackageTimedOut, PixxelError, RateLimited
from pixxel_async.events import Downloaded, Event, Failed, Moved, Waiting

CLIENT = web.AppKey("client", PixxelClient)
MANAGER = web.AppKey("manager", DownloadManager)
PAGE = Path(__file__).with_name("page.html").read_text()
SAFE: dict[str, Any] = {"http.block_private_hosts": True}
log = logging.getLogger("backend")
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@contextmanager
def map_errors() -> Iterator[None]:
    """Convert errors: 202 while packing, 404 for unknown jobs, 503 for rate limits, 502 for other errors."""
    try:
        yield
    except PackageTimedOut as packing:
        raise web.HTTPAccepted(headers=later(packing.retry_after), text="packing") from None
    except RateLimited as busy:
        raise web.HTTPServiceUnavailable(headers=later(busy.retry_after), text="too many requests") from None
    except (ConfigError, NotFound):
        raise web.HTTPNotFound(text="there is no such job") from None
    except PixxelError as error:
        raise web.HTTPBadGateway(text=why(error)) from None


def why(error: PixxelError) -> str:
    """Return the API's reason for a browser; other errors may name files of this machine, so only the log has them."""
    log.warning("%s", error)
    return str(error) if isinstance(error, APIError) else f"the package cannot be fetched ({type(error).__name__})"


def later(seconds: float | None) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(seconds or 5))}


def wanted(request: web.Request) -> JobPackage:
    return JobPackage(workflow_id=request.match_info["workflow"], job_id=request.match_info["job"])


async def submit(request: web.Request) -> Transfer:
    """Submit the package; request one that is not in the record first, so that an unknown job is a 404 at once."""
    manager, package = request.app[MANAGER], wanted(request)
    if await manager.record.get(str(package), manager.folder) is None:
        try:
            await request.app[CLIENT].packages.ask(package)
        except (ConfigError, NotFound):
            raise
        except PixxelError as error:  # may pass: the manager asks again
            log.info("%s", error)
    return await manager.submit(package, on_missing="redo")


async def page(request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def link(request: web.Request) -> web.Response:
    """Redirect to the signed link: the bytes bypass this server, and the link grants access to its holder."""
    with map_errors():
        signed = await request.app[CLIENT].packages.link(wanted(request), min_lifetime=60)
    raise web.HTTPTemporaryRedirect(signed.url, headers=PRIVATE)


async def package(request: web.Request) -> web.StreamResponse:
    """Pass the bytes or the requested range through from the storage, without showing the link."""
    with map_errors():
        stream = await request.app[CLIENT].packages.open(
            wanted(request),
            range=request.headers.get("Range"),
            if_range=request.headers.get("If-Range"),
            if_none_match=request.headers.get("If-None-Match"),
            method=request.method,
            timeout=3600,
        )
    async with stream:
        response = web.StreamResponse(status=stream.status, headers=stream.headers)
        await response.prepare(request)
        async for chunk in stream:  # what it raises breaks the connection off: nobody takes half of it for the whole
            await response.write(chunk)
    return response


async def file(request: web.Request) -> web.StreamResponse:
    """Serve the proved file from the folder; the download continues if the browser does not wait."""
    with map_errors():
        transfer = await submit(request)
        try:
            async with asyncio.timeout(0.5):
                done = await transfer
        except ConfigError as error:  # of the folder, since the API knows the job
            raise web.HTTPBadGateway(text=why(error)) from None
        except TimeoutError:
            raise web.HTTPAccepted(headers=later(None), text=transfer.progress.status) from None
    return web.FileResponse(done.path, headers={"Cache-Control": "private, no-cache"})


async def events(request: web.Request) -> web.StreamResponse:
    """Send events of the package's download; it is cancelled when the last listener leaves."""
    manager = request.app[MANAGER]
    with map_errors():
        states = manager.watch(wanted(request))
        transfer = await submit(request)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    try:
        await response.prepare(request)
        async for event in states:
            await response.write(f"data: {json.dumps(plain(event))}\n\n".encode())
    finally:
        transfer.cancel()
    return response


def plain(event: Event) -> dict[str, Any]:
    match event:
        case Downloaded():
            return {"state": "ready"}
        case Failed(_, error):
            return {"state": "failed", "why": why(error)}
        case Waiting(_, status):
            return {"state": "packing", "why": status}
        case Moved(_, received, size):
            return {"state": "fetching", "received": received, "size": size}
    return {"state": type(event).__name__.lower()}


async def health(request: web.Request) -> web.Response:
    """Return 200 with counts while the manager is open."""
    return web.json_response(asdict(request.app[MANAGER].snapshot()))


async def metrics(request: web.Request) -> web.Response:
    """Return the counts for Prometheus."""
    lines = [f"pixxel_{name} {value}\n" for name, value in asdict(request.app[MANAGER].snapshot()).items()]
    return web.Response(text="".join(lines))


def application(client: PixxelClient, folder: Path) -> web.Application:
    """Return the application, which opens client and manager at its start and closes them at its end."""

    async def opened(app: web.Application) -> AsyncIterator[None]:
        async with client:
            manager = await DownloadManager(client, folder).open()
            app[CLIENT], app[MANAGER] = client, manager
            yield
            await manager.aclose(drain=10)  # what does not get done is gone on with after the next start

    async def nosniff(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Content-Type-Options"] = "nosniff"

    app = web.Application()
    app.on_response_prepare.append(nosniff)
    app.cleanup_ctx.append(opened)
    job = "/jobs/{workflow}/{job}"
    for path, handler in {"": page, "/events": events, "/file": file, "/package": package, "/link": link}.items():
        app.router.add_get(f"{job}{path}", handler)
    app.router.add_get("/health", health)
    app.router.add_get("/metrics", metrics)
    return app


if __name__ == "__main__":
    # Without handler_cancellation, a handler would learn only when it writes that its browser has left.
    backend = application(PixxelClient(settings=Settings.load(**SAFE)), Path(sys.argv[1]))
    web.run_app(backend, host="127.0.0.1", port=8080, handler_cancellation=True)
