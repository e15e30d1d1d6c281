"""Write the measured results into the guide: `python benchmarks/report.py [--from FOLDER]`.

The tables of `examples/guide/explanation/speed.md` between its two marks are made from the JSON files of
`benchmarks/run.py`, and the charts are drawn beside the page. A test compares both with the JSON files in the checkout.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chart

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "examples" / "guide" / "explanation" / "speed.md"
BLOCK = re.compile(r"(?<=^<!-- results -->\n).*?(?=^<!-- /results -->$)", re.DOTALL | re.MULTILINE)
"""What stands in the page between the two marks."""
WRITE = "python benchmarks/report.py"


def results(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Return the results of all benchmarks in a folder, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def block(saved: list[dict[str, Any]]) -> str:
    """Return the generated part of the page."""
    return "\n" + "\n".join(line for result in saved for line in _benchmark(result)) + "\n"


def _benchmark(result: dict[str, Any]) -> Iterator[str]:
    machine, name = result["machine"], result["benchmark"]
    yield f"### `python benchmarks/run.py {name}`"
    yield ""
    yield f"{machine['system']}, {machine['cores']} cores, Python {machine['python']}, load {machine['load'][0]:.1f}."
    yield ""
    yield f"![{name}: wall clock of each client, shorter is better]({name}.svg)"
    for case in result["cases"]:
        yield ""
        yield f"**{case['title']}**"
        yield ""
        if "model" in case:
            yield from _model(case["model"])
            continue
        yield "| client | wall s | spread | wall ÷ ours | CPU s | CPU ÷ ours | peak MB |"
        yield "| --- | --: | --: | --: | --: | --: | --: |"
        for row in case["clients"]:
            yield (
                f"| {row['client']} | {row['wall']:.2f} | {row['spread']:.0%} | {row['wall_ratio']:.2f} | "
                f"{row['cpu']:.2f} | {row['cpu_ratio']:.2f} | {row['memory'] / 1e6:.0f} |"
            )
        for client, reason in case["left_out"].items():
            yield f"| {client} | left out: {reason} | | | | | |"
    yield ""


def _model(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "| where | package | packages a second | MB a second | bound by |"
    yield "| --- | --: | --: | --: | --- |"
    for row in rows:
        size = f"{row['size'] >> 20} MiB" if row["size"] >= 1 << 20 else f"{row['size'] >> 10} KiB"
        rate = f"{row['packages']:,.{1 if row['packages'] < 100 else 0}f}"
        yield f"| {row['place']} | {size} | {rate} | {row['bytes'] / 1e6:,.0f} | {row['bound']} |"


def main() -> None:
    """Write the page and the charts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--from", dest="folder", type=Path, default=RESULTS, help="folder of the JSON files")
    saved = results(parser.parse_args().folder)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda _: block(saved), text), encoding="utf-8", newline="\n")
    for result in saved:
        PAGE.with_name(f"{result['benchmark']}.svg").write_text(chart.draw(result), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
