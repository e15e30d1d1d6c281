"""The start page: what the sandbox holds, what it was asked, and its clock, for people with a browser."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from ..description import load
from .clock import zulu

if TYPE_CHECKING:
    from .server import Sandbox

_STEPS = {"/-/step/60": ("1 minute", 60), "/-/step/600": ("10 minutes", 600), "/-/step/3600": ("1 hour", 3600)}
_DESCRIPTION = "/-/description.json"
PATHS = frozenset({"/", _DESCRIPTION, *_STEPS})
"""What is no part of the API: neither counted nor hit by faults."""
_SHOWN = 25
"""Requests on the page."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.2rem .8rem .2rem 0;"
    "border-bottom:1px solid #ddd;overflow-wrap:anywhere}form{display:inline}button{font:inherit}"
)


def answer(sandbox: Sandbox, request: web.BaseRequest) -> web.Response:
    """The page, the description, or a step of the clock."""
    path = request.raw_path
    if path in _STEPS:
        return _step(sandbox, request)
    if request.method not in ("GET", "HEAD"):
        return web.Response(status=405, headers=_HEADERS)
    if path == _DESCRIPTION:
        return web.Response(text=json.dumps(load()), content_type="application/json", headers=_HEADERS)
    with sandbox.lock:
        text = _page(sandbox)
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)


def _step(sandbox: Sandbox, request: web.BaseRequest) -> web.Response:
    """Step the clock, if the sandbox's own page asks for it, and go back to that."""
    origin = request.headers.get("Origin")
    if request.method != "POST" or origin not in (None, sandbox.url):
        return web.Response(status=403, headers=_HEADERS)
    sandbox.step(_STEPS[request.raw_path][1])
    return web.Response(status=303, headers={**_HEADERS, "Location": "/"})


def _page(sandbox: Sandbox) -> str:
    buttons = "".join(
        f'<form method="post" action="{path}"><button>+ {label}</button></form> ' for path, (label, _) in _STEPS.items()
    )
    moved = "runs by itself" if sandbox.clock.running else "stands still until it is stepped"
    asked = [
        (zulu(seen.at)[11:19], seen.method, seen.path, seen.operation, seen.status or "broken off", f"{seen.sent:,}")
        for seen in sandbox.requests[: -_SHOWN - 1 : -1]
    ]
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sandbox</title><style>{_STYLE}</style>'
        f'<link rel="icon" href="data:,"></head><body><h1>Sandbox</h1><p>API at <code>{sandbox.url}</code>, storage at '
        f"<code>{sandbox.storage_url}</code>, seed <code>{escape(str(sandbox.seed))}</code>. "
        f'<a href="{_DESCRIPTION}">Description of the API</a></p>'
        f"<h2>Clock</h2><p><time>{zulu(sandbox.clock.now())[:19]}Z</time>, which {moved}. {buttons}</p>"
        f"<h2>State</h2>{_table(('What', 'How many', ''), _state(sandbox))}"
        f"<h2>Requests</h2>{_table(('Time', 'Method', 'Path', 'Operation', 'Status', 'Bytes'), asked)}</body></html>"
    )


def _state(sandbox: Sandbox) -> Iterable[tuple[object, ...]]:
    world, now = sandbox.world, sandbox.clock.now()
    jobs = Counter(run.status(now) for runs in world.runs.values() for run in runs.values())
    yield "Projects", len(world.projects), ""
    yield "Workflows", len(world.workflows), ""
    yield "Jobs", jobs.total(), ", ".join(f"{count} {status}" for status, count in sorted(jobs.items()))
    yield "AOIs", len(world.areas), ""
    yield "Insights", len(world.insights), ""
    yield "Visualizations", len(world.pictures), ""
    yield "Orders", len(world.orders), f"{len(sandbox.orders)} since it started"
    yield "Requests", len(sandbox.requests), ""


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
