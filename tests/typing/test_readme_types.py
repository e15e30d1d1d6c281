"""The programs of the README pass `mypy --strict` once `main` is annotated, as those of a user would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

README = Path(__file__).parents[2] / "README.md"
MAIN = "async def main():"


def programs() -> list[str]:
    """Return the Python blocks that have a `main`, annotated."""
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block.replace(MAIN, f"{MAIN[:-1]} -> None:") for block in blocks if MAIN in block]


CONFIG = """
[mypy]
strict = True
[mypy-tqdm]
ignore_missing_imports = True
[mypy-untyped.*]
disallow_untyped_defs = False
disallow_untyped_calls = False
disallow_any_generics = False
"""
"""Strict; programs that define more than `main` leave the types of their own functions out, for brevity."""


@pytest.mark.slow
def test_programs_of_the_readme_are_typed(tmp_path: Path) -> None:
    """No `None` is handed to a method that takes an id, and no keyword or member is unknown."""
    found = programs()
    assert len(found) > 3
    for number, program in enumerate(found):
        folder = tmp_path / ("strict" if program.count("def ") == 1 else "untyped")
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
        (folder / f"program_{number}.py").write_text(program, encoding="utf-8")
    (tmp_path / "mypy.ini").write_text(CONFIG)
    options = ["--config-file", str(tmp_path / "mypy.ini"), "--cache-dir", str(tmp_path / "cache")]
    told, errors, code = api.run([*options, *map(str, tmp_path.glob("*/*.py"))])
    assert (code, errors) == (0, ""), told
