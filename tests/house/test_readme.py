"""README's code runs as shown, and its links resolve."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from pixxel_async.sandbox import Sandbox

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_there_is_something_to_run() -> None:
    """README contains Python blocks, so that the next test cannot pass vacuously."""
    assert BLOCKS


def written(block: str, folder: Path) -> list[str]:
    """Write a block to a file and return Python's arguments to run it, by pytest if it defines tests."""
    name = "test_block.py" if "def test_" in block else "block.py"
    (folder / name).write_text(block)
    strict = ["-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function"]
    return ["-m", "pytest", "-q", *strict, name] if name.startswith("test_") else [name]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_python_blocks_run(number: int, tmp_path: Path) -> None:
    """Every Python block of README is a complete program or test file that passes against the sandbox."""
    async with Sandbox(packing=0) as sandbox:
        environment = os.environ | {"PIXXEL_API_KEY": sandbox.api_key, "PIXXEL_BASE_URL": sandbox.url}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", *written(BLOCKS[number], tmp_path),
            cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode == 0, output.decode()


def _resolves(target: str) -> bool:
    path, _, heading = target.partition("#")
    file = README.parent / path
    if not heading:
        return file.exists()
    titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return heading in [title.lower().replace(" ", "-") for title in titles]


def test_links_resolve() -> None:
    """Each relative link of README is a file of this repository, or a heading in it; README has at most 100 lines."""
    text = README.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not target.startswith("https:")]
    assert targets and [target for target in targets if not _resolves(target)] == []
    assert len(text.splitlines()) <= 100
