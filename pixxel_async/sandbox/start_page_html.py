"""The HTML of the start page: a pure function of the sandbox, without scripts or external resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from html import escape
from typing import TYPE_CHECKING, Protocol

from .clock import zulu

if TYPE_CHECKING:
    from .clock import Clock
    from .data.world import World
    from .http.site import SeenRequest


class ShownSandbox(Protocol):
    """State of a sandbox for the start page, and its only action."""

    url: str
    seed: int | str
    world: World
    clock: Clock

    @property
    def lock(self) -> AbstractContextManager[object]:
        """The lock that guards the state."""

    @property
    def storage_url(self) -> str:
        """The storage's origin."""

    @property
    def requests(self) -> list[SeenRequest]:
        """The requests of both sites, oldest first."""

    def step(self, seconds: float) -> None:
        """Step the clock."""


STEPS = {
    "/-/step/60": ("1 minute", 60),
    "/-/step/600": ("10 minutes", 600),
    "/-/step/3600": ("1 hour", 3600),
    "/-/step/86400": ("1 day", 86400),
}
"""Path of each button: its label, and by how many seconds it steps the clock."""
DESCRIPTION = "/-/description.json"
_SHOWN = 25
"""Requests shown on the page."""
_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--dim:#777;--good:#18794e;--bad:#c62a2f;--odd:#ad5700}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .6rem}p{margin:.3rem 0}
code,time,td.fixed{font-family:ui-monospace,monospace;font-size:.92em}
header,.clock{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:center}
header{justify-content:space-between}.dim{color:var(--dim)}
pre,.clock{margin:.6rem 0;padding:.8rem 1rem;background:var(--soft);border:1px solid var(--line);border-radius:.5rem}
pre{overflow-x:auto}.clock time{font-size:1.3rem}form{display:inline}
button{font:inherit;padding:.25rem .7rem;border:1px solid var(--line);border-radius:.4rem;cursor:pointer}
ul{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:.6rem;padding:0;margin:0;list-style:none}
li{padding:.5rem .8rem;border:1px solid var(--line);border-radius:.5rem}li b{display:block;font-size:1.4rem}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line)}
th{color:var(--dim);font-weight:500}td{white-space:nowrap}
td.path{font-family:ui-monospace,monospace;font-size:.92em;white-space:normal;overflow-wrap:anywhere;min-width:14rem}
.good{color:var(--good)}.bad{color:var(--bad)}.odd{color:var(--odd)}
@media(prefers-color-scheme:dark){:root{--good:#4cc38a;--bad:#ff6369;--odd:#ffb224;--dim:#999}}
"""


def text_of(sandbox: ShownSandbox) -> str:
    """Render the whole page."""
    parts = (_head(sandbox), _clock(sandbox), _state(sandbox), _workflows(sandbox), _requests(sandbox))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sandbox</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _head(sandbox: ShownSandbox) -> str:
    storage, seed = sandbox.storage_url, escape(str(sandbox.seed))
    return (
        '<header><h1>Sandbox</h1><nav><a href="/">Reload</a> · '
        f'<a href="{DESCRIPTION}">Description of the API</a></nav></header>'
        "<p>The whole API on this machine, with made-up data: no account, no tokens. Try it with the key that "
        f"<code>pixxel sandbox</code> printed, or that is <code>sandbox.api_key</code>:</p><pre>{_try(sandbox)}</pre>"
        f'<p class="dim">Storage at <code>{storage}</code> · seed <code>{seed}</code></p>'
    )


def _try(sandbox: ShownSandbox) -> str:
    workflow = next(iter(sandbox.world.workflows), "WORKFLOW")
    return (
        f"export PIXXEL_BASE_URL={sandbox.url} PIXXEL_API_KEY=…\n"
        'curl -H "Authorization: $PIXXEL_API_KEY" $PIXXEL_BASE_URL/v0/projects\n'
        f"pixxel export --workflow {workflow} --to exports"
    )


def _clock(sandbox: ShownSandbox) -> str:
    moved = "runs by itself" if sandbox.clock.running else "stands still until it is stepped"
    buttons = "".join(
        f'<form method="post" action="{path}"><button>+ {label}</button></form> ' for path, (label, _) in STEPS.items()
    )
    return (
        f'<h2>Clock</h2><div class="clock"><time>{zulu(sandbox.clock.now())[:19]}Z</time><span>{buttons}</span></div>'
        f'<p class="dim">It {moved}; a step ages jobs, packages, links and keys at once.</p>'
    )


def _state(sandbox: ShownSandbox) -> str:
    world = sandbox.world
    jobs = sum(map(len, world.runs.values()))
    counts = {
        "Projects": len(world.projects), "Workflows": len(world.workflows), "Jobs": jobs, "AOIs": len(world.areas),
        "Insights": len(world.insights), "Visualizations": len(world.pictures), "Orders": len(world.orders),
        "Stores": len(world.stores), "Requests": len(sandbox.requests),
    }  # fmt: skip
    return f"<h2>State</h2><ul>{''.join(f'<li><b>{count:,}</b>{name}</li>' for name, count in counts.items())}</ul>"


def _workflows(sandbox: ShownSandbox) -> str:
    world, now = sandbox.world, sandbox.clock.now()
    jobs = {id: Counter(run.status(now) for run in runs.values()) for id, runs in world.runs.items()}
    rows = (
        (
            _cell(flow.name),
            _cell(id, "fixed"),
            _cell(flow.project_id, "fixed"),
            _cell(_job_counts(jobs.get(id, Counter()))),
        )
        for id, flow in world.workflows.items()
    )
    total = _job_counts(sum(jobs.values(), Counter()))
    return f"<h2>Workflows and their jobs</h2><p>In all {total}.</p>{_table('Name,Id,Project,Jobs', rows)}"


def _job_counts(jobs: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(jobs.items())) or "none"


def _requests(sandbox: ShownSandbox) -> str:
    newest = sandbox.requests[: -_SHOWN - 1 : -1]
    rows = [tuple(_request_cells(request)) for request in newest]
    table = _table("Time,Host,Method,Path,Operation,Status,Bytes", rows)
    return f"<h2>Requests, newest first</h2>{table if rows else '<p class=dim>None yet.</p>'}"


def _request_cells(request: SeenRequest) -> Iterator[str]:
    yield _cell(zulu(request.at)[11:19], "fixed")
    yield _cell(request.host)
    yield _cell(request.method, "fixed")
    yield _cell(request.path, "path")
    yield _cell(request.operation)
    kind = "good" if 200 <= request.status < 300 else "bad" if request.status == 0 or request.status >= 500 else "odd"
    yield _cell(request.status or "broken off", kind)
    yield _cell(f"{request.sent:,}")


def _cell(value: object, kind: str = "") -> str:
    return f'<td class="{kind}">{escape(str(value))}</td>'


def _table(names: str, rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in names.split(","))
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
