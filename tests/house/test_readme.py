"""What README shows works as it stands there."""

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
    """The pattern that finds README's Python finds some, so the test below cannot pass on nothing."""
    assert BLOCKS


def written(block: str, folder: Path) -> list[str]:
    """The block in a file, and Python's arguments to run it: by itself, or by pytest if it defines tests."""
    name = "test_block.py" if "def test_" in block else "block.py"
    (folder / name).write_text(block)
    strict = ["-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function"]
    return ["-m", "pytest", "-q", *strict, name] if name.startswith("test_") else [name]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_python_blocks_run(number: int, tmp_path: Path) -> None:
    """Every Python block of README is a whole program, or a whole test file, that ends well against the sandbox."""
    async with Sandbox(packing=0) as sandbox:
        environment = os.environ | {"PIXXEL_API_KEY": sandbox.api_key, "PIXXEL_BASE_URL": sandbox.url}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", *written(BLOCKS[number], tmp_path),
            cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode == 0, output.decode()


def test_links_lead_somewhere() -> None:
    """Each relative link of README is a file of this repository; two screens are enough for it."""
    text = README.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not target.startswith("https:")]
    missing = [target for target in targets if not (README.parent / target).exists()]
    assert targets and missing == []
    assert len(text.splitlines()) <= 100
