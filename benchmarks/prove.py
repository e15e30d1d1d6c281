"""Cost of proving a ZIP: in a second pass over the file, and while its bytes are written.

    python benchmarks/prove.py --megabytes 200 --json FILE

CPU seconds, and the time between the last byte and the proof, which is what a user waits for. The bytes come from
memory, so that nothing of a network or a disk is in the figures; a second pass over a file that is no longer cached
costs its reading too.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from pixxel_async._formats.zip_stream import ZipStreamChecker
from pixxel_async.downloads.prove import Proof, prove

CHUNK = 1 << 20


def raster(size: int) -> bytes:
    """Return bytes that compress about as well as a raster."""
    dice = random.Random(7)
    steps = dice.choices(range(-3, 4), k=1 << 20)
    value, cells = 0, bytearray()
    for step in steps:
        value = (value + step) & 0xFFF
        cells += value.to_bytes(2, "little")
    return bytes(cells) * (size // len(cells) + 1)


def archives(folder: Path, size: int) -> dict[str, Path]:
    """Yield one archive of each kind."""
    content = raster(size)
    paths: dict[str, Path] = {}
    for name, method, count in (("stored", 0, 8), ("deflated", 8, 8), ("20,000 small members", 8, 20_000)):
        paths[name] = folder / f"{len(paths)}.zip"
        each = content[: size // count]
        with zipfile.ZipFile(paths[name], "w", method, compresslevel=1) as archive:
            for number in range(count):
                archive.writestr(f"{number}.tif", each if count < 100 else each[:200])
    return paths


def timed(call: Callable[[], Proof]) -> tuple[float, float]:
    """Return the CPU and wall seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def measured(path: Path) -> dict[str, float]:
    """Return the figures of one archive."""
    data = memoryview(path.read_bytes())
    twice, wait_twice = timed(lambda: prove(path))
    passage, cpu = ZipStreamChecker(), time.process_time()
    for start in range(0, len(data), CHUNK):
        passage.update(data[start : start + CHUNK])
    arriving = time.process_time() - cpu
    end, wait_once = timed(lambda: prove(path, streamed=passage.seen))
    return {
        "bytes": len(data),
        "second_pass_cpu": twice,
        "same_pass_cpu": arriving + end,
        "second_pass_wait": wait_twice,
        "same_pass_wait": wait_once,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200, help="unpacked size of each archive")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = {name: measured(path) for name, path in archives(Path(folder), options.megabytes * 1_000_000).items()}
    for name, figures in results.items():
        print(
            f"{name:22}" + "".join(f"  {figure} {value:.3f}" for figure, value in figures.items() if figure != "bytes")
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
