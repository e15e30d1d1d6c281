"""Serve packages to many users with FastAPI: `uvicorn --factory fastapi_app:application` in `examples`.

Each user has a key of their own, found by the session's cookie, and a light client for it, kept so that its links are.
The page at /jobs/WORKFLOW/JOB follows the job and its package; `package` below it passes the bytes through, `link` is a
redirect to the storage.
"""

import json
import logging
import math
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Cookie, Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixxel_async import JobPackage, PixxelClient, Settings
from pixxel_async.errors import (
    APIError,
    ConfigError,
    Forbidden,
    KeyRefused,
    NotFound,
    PackageTimedOut,
    PixxelError,
    RateLimited,
)

PAGE = Path(__file__).with_name("page.html").read_text()
SAFE: dict[str, Any] = {"http.block_private_hosts": True}
log = logging.getLogger("backend")
STATUSES = {PackageTimedOut: 202, RateLimited: 503, ConfigError: 404, NotFound: 404, Forbidden: 403, KeyRefused: 403}


async def error_response(request: Request, error: Exception) -> Response:
    """Convert an error raised before the response began; errors that are not in `STATUSES` are a 502."""
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 502)
    again = math.ceil(getattr(error, "retry_after", None) or 5)
    return JSONResponse({"why": why(error)}, status, {"Retry-After": str(again)} if status in (202, 503) else None)


def why(error: Exception) -> str:
    """Return the API's reason for a browser; other errors may name files of this machine, so only the log has them."""
    log.warning("%s", error)
    return str(error) if isinstance(error, APIError) else f"the package cannot be fetched ({type(error).__name__})"


class NoSniff:
    """ASGI middleware that forbids browsers to guess the type of a response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self.app(scope, receive, sending)


def user(request: Request, session: Annotated[str, Cookie()] = "") -> PixxelClient:
    """Return the client with the user's key."""
    users: Mapping[str, PixxelClient] = request.state.users
    if session not in users:
        raise HTTPException(401)
    return users[session]


def wanted(workflow: str, job: str) -> JobPackage:
    return JobPackage(workflow_id=workflow, job_id=job)


User = Annotated[PixxelClient, Depends(user)]
PackageEntry = Annotated[JobPackage, Depends(wanted)]


async def page(user: User) -> Response:
    return HTMLResponse(PAGE)


async def link(user: User, package: PackageEntry) -> Response:
    """Redirect to the signed link: the bytes bypass this server, and the link grants access to its holder."""
    signed = await user.packages.link(package, min_lifetime=60)
    return RedirectResponse(signed.url, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


async def package(
    request: Request,
    user: User,
    package: PackageEntry,
    range: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Pass the bytes or the requested range through from the storage, without showing the link."""
    stream = await user.packages.open(
        package, range=range, if_range=if_range, if_none_match=if_none_match, method=request.method, timeout=3600
    )
    return StreamingResponse(stream, stream.status, stream.headers, background=BackgroundTask(stream.aclose))


async def events(user: User, package: PackageEntry) -> Response:
    """Send events of the job, then of its package; the API is polled once for all listeners."""
    return StreamingResponse(progress(user, package), 200, {"Cache-Control": "no-store"}, "text/event-stream")


async def progress(user: PixxelClient, package: JobPackage) -> AsyncIterator[str]:
    try:
        async for job in user.jobs.watch(package.workflow_id, package.job_id):
            yield event(state=job.status, received=job.progress, size=100)
        yield event(state="packing")
        await user.packages.wait(package, timeout=3600)
        yield event(state="ready")
    except PixxelError as error:
        yield event(state="failed", why=why(error))


def event(**fields: Any) -> str:
    return f"data: {json.dumps(fields)}\n\n"


def application(client: PixxelClient | None = None, keys: Mapping[str, str] | None = None) -> FastAPI:
    """Return the application, which opens the client in its lifespan.

    Args:
        client: has no key of its own; every user brings one.
        keys: session → API key. Where yours are kept, an async callable may stand in the place of a key.
    """
    client = client or PixxelClient(settings=Settings.load("", **SAFE))
    keys = json.loads(os.environ["BACKEND_KEYS"]) if keys is None else keys

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with client:
            yield {"users": {session: client.with_key(key) for session, key in keys.items()}}

    app = FastAPI(lifespan=lifespan, exception_handlers={PixxelError: error_response})
    app.add_middleware(NoSniff)
    job = "/jobs/{workflow}/{job}"
    app.add_api_route(job, page)
    app.add_api_route(f"{job}/events", events)
    app.add_api_route(f"{job}/link", link)
    app.add_api_route(f"{job}/package", package, methods=["GET", "HEAD"])
    return app
