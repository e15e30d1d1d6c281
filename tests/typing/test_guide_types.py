"""The code of README and guide passes `mypy --strict`, apart from missing annotations."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest
from mypy import api

from tests.examples.guide import PAGES, blocks

CONFIG = """
[mypy]
strict = True
allow_redefinition = True
disallow_untyped_defs = False
disallow_incomplete_defs = False
disallow_untyped_calls = False
disallow_any_generics = False
disallow_untyped_decorators = False
check_untyped_defs = True
[mypy-tqdm.*,rasterio.*,pystac.*,fastapi.*,starlette.*,geopandas.*,pandas.*,shapely.*,xarray.*,rioxarray.*,fsspec.*,distributed.*,airflow.*,opentelemetry.*,prefect.*,dagster.*,cluster_export.*]
ignore_missing_imports = True
follow_imports = skip
[mypy-numpy.*,IPython.*,pydantic.*,pydantic_core.*,rich.*,structlog.*,obstore.*,mcp.*,hypothesis.*,pytest.*,_pytest.*]
follow_imports = skip
follow_imports_for_stubs = True
[mypy-pixxel_async.*]
ignore_errors = True
"""
"""Strict; short code leaves the types of its own functions out.

Large libraries that the pages do not name are not read, which halves the time; the package has a check of its own.
"""
README = "../README.md"


def module(page: str) -> str:
    """Return the Python blocks of a page as one module, wrapped in coroutines because they may await.

    Each further file of a page begins a coroutine of its own.
    """
    parts = [""]
    files = 0
    for block in blocks(page):
        if block.language == "python":
            files += bool(block.title)
            if block.title and files > 1:
                parts.append("")
            parts[-1] += f"{block.text}\n"
    return "".join(
        f"async def part_{number}() -> None:\n{indent(text, '    ')}\n" for number, text in enumerate(parts) if text
    )


@pytest.mark.slow
def test_code_of_the_guide_is_typed(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The guide's code passes no `None` for an id and no unknown keyword or member."""
    for page in (README, *PAGES):
        if text := module(page):
            (tmp_path / f"{page.removesuffix('.md').strip('./').replace('/', '_').replace('-', '_')}.py").write_text(
                text
            )
    (tmp_path / "mypy.ini").write_text(CONFIG)
    kept = getattr(pytestconfig, "cache", None)  # mypy takes a fifth of the time with what it kept of an earlier run
    cache = kept.mkdir("mypy") if kept is not None else tmp_path / "cache"
    options = ["--config-file", str(tmp_path / "mypy.ini"), "--cache-dir", str(cache)]
    found, errors, code = api.run([*options, *map(str, tmp_path.glob("*.py"))])
    assert (code, errors) == (0, ""), found
