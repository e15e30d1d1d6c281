"""Hand packages to browsers: `python examples/backend.py`, then open /jobs/WORKFLOW/JOB/package.

The client lives as long as the application. While the service packs, a browser gets 202 and comes back; once the
package is ready, it is sent to the signed link: the bytes never pass through here, and the key never leaves.
"""

from collections.abc import AsyncIterator

from aiohttp import web

from pixxel_async import APIError, JobPackage, PixxelClient

CLIENT = web.AppKey("client", PixxelClient)


async def pixxel(app: web.Application) -> AsyncIterator[None]:
    """One client for the application: opened with it, closed with it."""
    async with PixxelClient() as client:
        app[CLIENT] = client
        yield


async def package(request: web.Request) -> web.Response:
    """202 while packing, 307 to a fresh signed link, 502 when packing failed."""
    wanted = JobPackage(workflow_id=request.match_info["workflow"], job_id=request.match_info["job"])
    packages = request.app[CLIENT].packages
    try:
        state = await packages.ask(wanted)
        if state.failed:
            raise web.HTTPBadGateway(text=f"packing ended: {state.status}")
        if not state.ready:
            return web.json_response({"status": state.status}, status=202, headers={"Retry-After": "5"})
        link = await packages.link(wanted, min_lifetime=60)
    except APIError as error:
        raise web.HTTPBadGateway(text=str(error)) from None
    raise web.HTTPTemporaryRedirect(link.url, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def application() -> web.Application:
    app = web.Application()
    app.cleanup_ctx.append(pixxel)
    app.router.add_get("/jobs/{workflow}/{job}/package", package)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=8080)
