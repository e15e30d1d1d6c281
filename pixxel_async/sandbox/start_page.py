"""Serve the start page: a sandbox's state, requests and clock, for a browser."""

from __future__ import annotations

import json

from aiohttp import web

from ..description import load
from .start_page_html import DESCRIPTION, STEPS, ShownSandbox, text_of

PATHS = frozenset({"/", DESCRIPTION, *STEPS})
"""Paths that are not part of the API: neither logged nor hit by faults."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
}


def answer(sandbox: ShownSandbox, request: web.BaseRequest) -> web.Response:
    """Serve the page, the description, or a step of the clock."""
    path = request.raw_path
    if path in STEPS:
        return _step(sandbox, request)
    if request.method not in ("GET", "HEAD"):
        return web.Response(status=405, headers=_HEADERS)
    if path == DESCRIPTION:
        return web.Response(text=json.dumps(load(), indent=1), content_type="application/json", headers=_HEADERS)
    with sandbox.lock:
        text = text_of(sandbox)
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)


def _step(sandbox: ShownSandbox, request: web.BaseRequest) -> web.Response:
    """Step the clock if the sandbox's own page asks for it, then redirect back to the page."""
    origin = request.headers.get("Origin")
    if request.method != "POST" or origin not in (None, sandbox.url):
        return web.Response(status=403, headers=_HEADERS)
    sandbox.step(STEPS[request.raw_path][1])
    return web.Response(status=303, headers={**_HEADERS, "Location": "/"})
