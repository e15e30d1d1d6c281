"""Render all generated files in memory, format them with ruff, and write or compare them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped]

from .checks import check
from .emit_models import model_files
from .emit_resources import resource_files
from .emit_sync import sync_stub
from .load import load
from .source import BadDescription, parse

PACKAGE = Path(__file__).parent.parent
_FOLDERS = ("models", "resources")
_JSON = "description/pixxel.json"
_STUB = "sync/__init__.pyi"
_LINE = 120


def render(description: str) -> dict[str, str]:
    """Return the generated files by their path below the package."""
    source = parse(description)
    document = load(source)
    check(source, document)
    code = {f"models/{name}": text for name, text in model_files(document).items()}
    resources = resource_files(document)
    code |= {f"resources/{name}": text for name, text in resources.items()}
    code[_STUB] = _tidy_imports(sync_stub(resources, PACKAGE))
    return {name: _run_ruff(name, text, "format") for name, text in code.items()} | {
        _JSON: _render_json(source.plain) + "\n"
    }


def _tidy_imports(stub: str) -> str:
    """Sort the imports, and drop those of names that are arguments, such as `datetime`."""
    return _run_ruff(_STUB, stub, "check", "--select=I,F401", "--fix", "--quiet")


def _run_ruff(name: str, text: str, *options: str) -> str:
    command = [find_ruff_bin(), *options, "--stdin-filename", str(PACKAGE / name), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise BadDescription(f"{name}: the generated code is no Python: {done.stderr.strip()}")
    return done.stdout


def _render_json(value: Any, indent: str = "") -> str:
    """Format JSON with one line for whatever fits on one."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(indent) + len(flat) <= _LINE:
        return flat
    inner = indent + " "
    if isinstance(value, dict):
        rows = [f"{inner}{json.dumps(name)}: {_render_json(each, inner)}" for name, each in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    return "[\n" + ",\n".join(f"{inner}{_render_json(each, inner)}" for each in value) + f"\n{indent}]"


def difference(files: Mapping[str, str], package: Path = PACKAGE) -> list[str]:
    """Return one line for each changed, missing or left-over file."""
    differences = []
    for name, text in files.items():
        path = package / name
        if not path.exists():
            differences.append(f"missing: {name}")
        elif path.read_bytes() != text.encode():
            differences.append(f"changed: {name}")
    return differences + [f"left over: {name}" for name in _find_left_over(files, package)]


def _find_left_over(files: Mapping[str, str], package: Path) -> list[str]:
    paths = [path for folder in _FOLDERS for path in sorted((package / folder).rglob("*")) if path.is_file()]
    names = [path.relative_to(package).as_posix() for path in paths if "__pycache__" not in path.parts]
    return [name for name in names if name not in files]


def write(files: Mapping[str, str], package: Path = PACKAGE) -> None:
    """Write changed files and remove left-over ones."""
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != text.encode():
            path.write_bytes(text.encode())
    for name in _find_left_over(files, package):
        (package / name).unlink()
