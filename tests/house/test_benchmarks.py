"""The benchmarks: their list, statistics and delay proxy, and the page that shows their results."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import chart
import harness
import pytest
import report
from delay_proxy import delayed

RUN = report.ROOT / "benchmarks" / "run.py"


@pytest.mark.slow
def test_benchmarks_are_listed() -> None:
    """`benchmarks/run.py` without a name lists the benchmarks and runs none; an unknown name exits with 2."""
    pytest.importorskip("resource", exc_type=ImportError)
    done = subprocess.run([sys.executable, str(RUN)], capture_output=True, text=True, check=True, timeout=240)
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert {"near", "far", "calls", "start", "items", "backend"} <= set(names)
    wrong = subprocess.run([sys.executable, str(RUN), "nothing"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and "no benchmark nothing" in wrong.stderr


def test_figures_are_medians_and_ratios_to_the_first() -> None:
    """A client's figures are the medians of its runs; the spread is a share of the median."""
    costs = {
        "ours": [harness.Cost(wall, 1.0, 10.0) for wall in (1.0, 2.0, 4.0)],
        "other": [harness.Cost(3.0, 0.5, 5.0)],
    }
    ours, other = harness.summarize(costs)
    assert (ours.wall, ours.spread, ours.wall_ratio) == (2.0, 1.5, 1.0)
    assert (other.wall_ratio, other.cpu_ratio) == (1.5, 0.5)


def test_a_failing_client_is_an_error(tmp_path: Path) -> None:
    """A run that fails raises with the program's output."""
    command = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    with pytest.raises(RuntimeError, match="no such thing"):
        harness.run(command, {}, tmp_path)


@pytest.mark.slow
async def test_the_delay_proxy_models_distance() -> None:
    """The proxy delays connecting by a round trip, the answer by another, and each window of bytes by one more."""
    rtt, window, size = 0.2, 65_536, 400_000

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        writer.write(b"x" * size)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with delayed(port, rtt, window) as far:
            begun = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", far)
            writer.write(b"send")
            first = await reader.readexactly(1)
            assert time.monotonic() - begun >= 2 * rtt
            rest = await reader.readexactly(size - 1)
            assert first + rest == b"x" * size
            assert time.monotonic() - begun >= 2 * rtt + (size // window - 1) * rtt
            writer.close()


def test_the_page_shows_the_results() -> None:
    """Tables and charts in the guide equal those generated from the JSON files."""
    found = report.results()
    shown = report.BLOCK.search(report.PAGE.read_text(encoding="utf-8"))
    assert shown is not None and shown[0] == report.block(found), f"run {report.WRITE}"
    for result in found:
        drawn = report.PAGE.with_name(f"{result['benchmark']}.svg").read_text(encoding="utf-8")
        assert drawn == chart.draw(result), f"run {report.WRITE}"
        words = {element.text for element in ElementTree.fromstring(drawn).iter()}
        assert {row["client"] for case in result["cases"] for row in case["clients"]} <= words
