"""Draw results of a benchmark as SVG: a group of bars per case, wall clock relative to ours."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

WIDTH, LABEL, BAR, GAP, HEAD = 760, 190, 16, 22, 34
"""Pixels: of the picture, of the names, of a bar with its gap, between cases, above a case."""
OURS, OTHERS = "#0072b2", "#999999"
"""Colours that people with any colour vision tell apart."""


def draw(result: dict[str, Any]) -> str:
    """Return the chart as SVG text; its colours follow the page, light or dark."""
    cases = [case for case in result["cases"] if case["clients"]]
    height = sum(HEAD + BAR * len(case["clients"]) + GAP for case in cases) + 24
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(result['benchmark'])}: wall clock, shorter is better</title>",
        "<style>text{fill:#222}@media (prefers-color-scheme:dark){text{fill:#ddd}}</style>",
    ]
    top = 0
    for case in cases:
        lines += _case(case, top)
        top += HEAD + BAR * len(case["clients"]) + GAP
    return "\n".join([*lines, f'<text x="4" y="{top + 12}">{_note(result["machine"])}</text>', "</svg>", ""])


def _case(case: dict[str, Any], top: int) -> Iterator[str]:
    """Yield the bars of one case; a thin line over a bar spans its fastest to its slowest run."""
    longest = max(max(run["wall"] for run in row["runs"]) for row in case["clients"])
    scale = (WIDTH - LABEL - 150) / longest
    yield f'<text x="4" y="{top + 22}" font-weight="bold">{escape(case["title"])}</text>'
    for number, row in enumerate(case["clients"]):
        y = top + HEAD + BAR * number
        colour = OURS if row["client"].startswith("pixxel") else OTHERS
        walls = sorted(run["wall"] for run in row["runs"])
        end = LABEL + row["wall"] * scale
        yield f'<text x="{LABEL - 6}" y="{y + 10}" text-anchor="end">{escape(row["client"])}</text>'
        yield f'<rect x="{LABEL}" y="{y}" width="{row["wall"] * scale:.1f}" height="{BAR - 5}" fill="{colour}"/>'
        yield (
            f'<line x1="{LABEL + walls[0] * scale:.1f}" x2="{LABEL + walls[-1] * scale:.1f}" '
            f'y1="{y + 5.5}" y2="{y + 5.5}" stroke="#d55e00" stroke-width="2"/>'
        )
        place = max(end, LABEL + walls[-1] * scale) + 6
        yield f'<text x="{place:.1f}" y="{y + 10}">{row["wall"]:.2f} s ({row["wall_ratio"]:.2f} x)</text>'


def _note(machine: dict[str, Any]) -> str:
    return escape(
        f"{machine['system']}, {machine['cores']} cores, Python {machine['python']}, load {machine['load'][0]:.1f}; "
        "median, and fastest to slowest run"
    )
