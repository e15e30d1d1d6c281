"""The page of the HTML report: one file without scripts, fonts or anything else to load, in light and dark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from html import escape

from attrs import frozen

from ..text import format_count, format_seconds, format_size, format_time, printable
from .charts import Bar, Ring, draw_areas, draw_bars, draw_footprints
from .figures import SIZES, Figures, Timeline, last_run_lives, make_timeline, package_rate

_EPOCH = date(1970, 1, 1)
_MOST_DAYS = 31
"""Days that are shown one by one; more are summed up by month."""

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2024;--dim:#5f666d;--line:#8884;--soft:#8881;--page:#fff;--wait:#8ea3b8;
--flow:#1f7ac0;--bad:#c62a2f;--good:#18794e}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--dim:#a0a7ae;--page:#15181b;--wait:#5d7186;--flow:#57aef0;
--bad:#ff8589;--good:#5ec39a}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:84rem;margin:0 auto;
padding:clamp(.8rem,3vw,2rem)}
h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:0 0 .5rem}p{margin:.25rem 0}
.dim,figcaption{color:var(--dim);font-size:.9em}
code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere;background:var(--soft);padding:.1em .35em;
border-radius:.25em}
.tiles,.grid{display:grid;gap:1rem;margin:1rem 0}
.tiles{grid-template-columns:repeat(auto-fit,minmax(9rem,1fr))}
.grid{grid-template-columns:repeat(auto-fit,minmax(min(100%,34rem),1fr));align-items:start}
.tiles div,section{border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem;min-width:0}
.tiles b{display:block;font-size:1.5rem;line-height:1.2;font-variant-numeric:tabular-nums}
.wide{grid-column:1/-1}
svg{display:block;width:100%}.area{height:9rem;background:var(--soft);border-radius:.3rem}
.waiting{fill:var(--wait)}.streaming,.rate{fill:var(--flow)}
.axis{display:flex;justify-content:space-between;gap:1rem}
.key::before{content:"";display:inline-block;width:.8em;height:.8em;margin-right:.35em;border-radius:.15em}
.key.waiting::before{background:var(--wait)}.key.streaming::before{background:var(--flow)}
.key{margin-right:1rem}
figure{margin:0 0 1rem}figcaption{margin-bottom:.3rem}
table{border-collapse:collapse;width:100%}
.bars th{font-weight:400;text-align:left;white-space:nowrap;padding:.1rem .6rem .1rem 0;width:1%}
.bars td:last-child{text-align:right;white-space:nowrap;width:1%;padding-left:.6rem;font-variant-numeric:tabular-nums}
.bars i{display:block;height:.9em;min-width:2px;background:var(--flow);border-radius:.15em}
.bad .bars i{background:var(--bad)}
.missing td,.missing th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-top:1px solid var(--line);
overflow-wrap:anywhere}
.missing td:first-child{min-width:9rem}.missing td:nth-child(2){white-space:nowrap}
.map{background:var(--soft);border-radius:.3rem}.map line{stroke:var(--line);vector-effect:non-scaling-stroke}
.map polygon{fill:var(--flow);fill-opacity:.25;stroke:var(--flow);vector-effect:non-scaling-stroke}
.map circle{fill:var(--flow)}
ol{margin:0;padding-left:1.2rem}li{margin:.3rem 0}
"""


@frozen
class Report:
    """Contents of the page.

    Attributes:
        folder: the folder as typed.
        quoted: the folder and further options, quoted for a shell, for the commands to run next.
        figures: the counted rows.
        shapes: footprints of the packages.
        looked_at: packages whose footprints were looked for.
        now: time of the report.
    """

    folder: str
    quoted: str
    figures: Figures
    shapes: Sequence[Ring]
    looked_at: int
    now: datetime


def render_page(report: Report) -> str:
    """Render the page."""
    title = escape(f"Export report: {printable(report.folder)}")
    run = make_timeline(last_run_lives(report.figures.lives))
    sections = "".join((_next_steps(report), _run(run), _grid(report)))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f'<p class="dim">{format_time(report.now)}; times are UTC</p>{_tiles(report.figures)}{sections}</html>\n'
    )


def _tiles(figures: Figures) -> str:
    missing = sum(figures.states.values()) - figures.states["done"]
    rate = package_rate(figures.lives)
    tiles = [
        ("packages fetched", f"{figures.states['done']:,}"),
        ("on disk", format_size(figures.size)),
        ("missing", f"{missing:,}"),
        ("given up", f"{figures.states['given up']:,}"),
        *([] if rate is None else [("median rate of a package", f"{format_size(rate)}/s")]),
    ]
    return (
        '<div class="tiles">' + "".join(f"<div><b>{value}</b>{escape(name)}</div>" for name, value in tiles) + "</div>"
    )


def next_steps(figures: Figures, quoted: str) -> Iterator[tuple[str, str]]:
    """Yield the next steps, most urgent first: a sentence and a command, which may be empty.

    Args:
        quoted: the folder and its options, quoted for a shell.
    """
    states = figures.states
    if states["failed"]:
        yield f"{format_count(states['failed'], 'package')} failed; try them again:", f"pixxel retry {quoted}"
    if states["given up"]:
        given_up = format_count(states["given up"], "package")
        yield (
            f"{given_up} given up after failures in several runs; try them once more:",
            f"pixxel retry --given-up {quoted}",
        )
    if states["waiting"] + states["unfinished"]:
        yield (
            f"{format_count(states['waiting'] + states['unfinished'], 'package')} not finished; resume:",
            f"pixxel retry {quoted}",
        )
    if figures.still_packed:
        words = f"{format_count(figures.still_packed, 'archive')} could not be unpacked; try again:"
        yield words, f"pixxel retry --extract {quoted}"
    if states["done"]:
        yield "Read every file and compare its checksum:", f"pixxel verify {quoted}"
    else:
        yield "Nothing was fetched yet.", ""


def _next_steps(report: Report) -> str:
    steps = "".join(
        f"<li>{escape(words)}{f' <code>{escape(command)}</code>' if command else ''}</li>"
        for words, command in next_steps(report.figures, report.quoted)
    )
    return f"<section><h2>What to do next</h2><ol>{steps}</ol></section>"


def _run(run: Timeline | None) -> str:
    """Draw the timeline of the last run."""
    if run is None:
        return ""
    begin, end = (format_time(datetime.fromtimestamp(round(at), UTC)) for at in (run.begin, run.end))
    axis = f'<p class="axis dim"><span>{begin}</span><span>{end}</span></p>'
    most, fastest = max(map(sum, zip(run.waiting, run.streaming, strict=True))), max(run.rates)
    under_way = draw_areas(
        [("streaming", run.streaming), ("waiting", run.waiting)], label="packages under way over time"
    )
    rate = draw_areas([("rate", run.rates)], label="bytes per second over time")
    return (
        f'<div class="grid"><section class="wide"><h2>Last run: {format_seconds(run.end - run.begin)}</h2>'
        f'<figure><figcaption><span class="key waiting">asked for and being packed</span>'
        f'<span class="key streaming">streaming</span>at most {format_count(most, "package")} under way</figcaption>'
        f"{under_way}{axis}</figure>"
        f"<figure><figcaption>bytes per second, at most {format_size(fastest)}/s</figcaption>{rate}{axis}</figure>"
        "</section></div>"
    )


def _grid(report: Report) -> str:
    figures = report.figures
    sections = [
        _section("Fetched", draw_bars(_periods(figures.days))) if figures.days else "",
        _section("Sizes", draw_bars(_sizes(figures.sizes))) if figures.sizes else "",
        _failures(figures),
        _map(report),
    ]
    return f'<div class="grid">{"".join(sections)}</div>'


def _section(title: str, content: str, kind: str = "") -> str:
    return f'<section class="{kind}"><h2>{escape(title)}</h2>{content}</section>'


def _periods(days: Counter[int]) -> Iterator[Bar]:
    """Yield the packages of each day, or of each month if there are many days."""
    length = len("2026-01-31" if len(days) <= _MOST_DAYS else "2026-01")
    periods = Counter[str]()
    for day, count in days.items():
        periods[(_EPOCH + timedelta(days=day)).isoformat()[:length]] += count
    for period in sorted(periods):
        yield Bar(period, periods[period], f"{periods[period]:,}")


def _sizes(sizes: Counter[int]) -> Iterator[Bar]:
    """Yield the packages of each class between the smallest and the largest."""
    for at in range(min(sizes), max(sizes) + 1):
        lower = f"{_round(SIZES[at - 1])} to " if at else "below "
        yield Bar(lower + _round(SIZES[at]), sizes[at], f"{sizes[at]:,}")


def _round(count: int) -> str:
    """Format a number of bytes with one digit other than zero."""
    return format_size(count).replace(".0 ", " ")


def _failures(figures: Figures) -> str:
    if not figures.reasons:
        return ""
    reasons = draw_bars(Bar(kind, count, f"{count:,}") for kind, count in figures.reasons.most_common())
    rows = "".join(
        f"<tr><td>{escape(printable(each.package))}</td><td>{escape(each.state)}</td>"
        f"<td>{escape(printable(each.error))}</td></tr>"
        for each in figures.missing
    )
    table = f'<table class="missing"><tr><th>package<th>state<th>error</tr>{rows}</table>' if rows else ""
    more = figures.states["failed"] + figures.states["given up"] - len(figures.missing)
    rest = f'<p class="dim">and {more:,} more</p>' if more > 0 else ""
    return _section("Missing, by reason", reasons + table + rest, "wide bad")


def _map(report: Report) -> str:
    drawn = draw_footprints(report.shapes)
    if not drawn:
        return ""
    done = report.figures.states["done"]
    note = f'<p class="dim">of {report.looked_at:,} of {done:,} packages</p>' if report.looked_at < done else ""
    return _section("Footprints", drawn + note)
