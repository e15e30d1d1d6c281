"""Hand packages to browsers: `python examples/backend.py`, then open /jobs/WORKFLOW/JOB/package.

The client lives as long as the application. While the service packs, a browser gets 202 and comes back; once the
package is ready, it is sent to the signed link: the bytes never pass through here, and the key never leaves.
"""

from collections.abc import AsyncIterator

from aiohttp import web

from pixxel_async import ConfigError, JobPackage, NotFound, PackageTimedOut, PixxelClient, PixxelError

CLIENT = web.AppKey("client", PixxelClient)


async def pixxel(app: web.Application) -> AsyncIterator[None]:
    """One client for the application: opened with it, closed with it."""
    async with PixxelClient() as client:
        app[CLIENT] = client
        yield


async def package(request: web.Request) -> web.Response:
    """202 while it is packed, 307 to a signed link, 404 for an unknown job, 502 for whatever else goes wrong."""
    try:
        wanted = JobPackage(workflow_id=request.match_info["workflow"], job_id=request.match_info["job"])
        link = await request.app[CLIENT].packages.link(wanted, min_lifetime=60)
    except PackageTimedOut:
        return web.json_response({"status": "packing"}, status=202, headers={"Retry-After": "5"})
    except (ConfigError, NotFound) as error:
        raise web.HTTPNotFound(text=str(error)) from None
    except PixxelError as error:
        raise web.HTTPBadGateway(text=str(error)) from None
    raise web.HTTPTemporaryRedirect(link.url, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def application() -> web.Application:
    app = web.Application()
    app.cleanup_ctx.append(pixxel)
    app.router.add_get("/jobs/{workflow}/{job}/package", package)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=8080)
