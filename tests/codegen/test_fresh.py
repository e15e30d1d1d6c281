"""Generated files match the description: none is missing, outdated or left over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixxel_async._codegen.__main__ import main
from pixxel_async._codegen.output import PACKAGE, difference, render

DESCRIPTION = PACKAGE / "description" / "pixxel.yaml"


@pytest.fixture
def package(tmp_path: Path, small: str) -> Path:
    """Return a folder with the small description and the code generated from it."""
    (tmp_path / "description").mkdir()
    (tmp_path / "description" / "pixxel.yaml").write_text(small)
    assert main([], tmp_path) == 0
    return tmp_path


@pytest.mark.slow
def test_this_package_is_fresh() -> None:
    """The files in the repository equal the generator's output; else run `python -m pixxel_async._codegen`."""
    assert difference(render(DESCRIPTION.read_text(encoding="utf-8"))) == []


@pytest.mark.slow
def test_two_runs_give_the_same_bytes(small: str) -> None:
    """The output does not depend on set order or time."""
    assert render(small) == render(small)


@pytest.mark.slow
def test_check_of_fresh_files(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check prints nothing and succeeds when all files are up to date."""
    assert main(["--check"], package) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_changed_missing_and_left_over_files_are_reported(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check reports changed, missing and left-over files and the command that refreshes them, and writes nothing."""
    (package / "models" / "boats.py").write_text("# by hand\n")
    (package / "resources" / "boats.py").unlink()
    (package / "models" / "old.py").write_text("")

    assert main(["--check"], package) == 1
    assert capsys.readouterr().out.splitlines() == [
        "changed: models/boats.py",
        "missing: resources/boats.py",
        "left over: models/old.py",
        "refresh with: python -m pixxel_async._codegen",
    ]
    assert (package / "models" / "old.py").exists()


@pytest.mark.slow
def test_a_run_rewrites_and_removes(package: Path) -> None:
    """A run rewrites changed files and removes left-over ones."""
    (package / "models" / "boats.py").write_text("# by hand\n")
    (package / "models" / "old.py").write_text("")

    assert main([], package) == 0
    assert main(["--check"], package) == 0


@pytest.mark.slow
def test_a_mistake_is_reported_and_fails(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An invalid description ends with exit code 2 and one line, without a traceback."""
    (package / "description" / "pixxel.yaml").write_text("openapi: 3.1.0\nnonsense: true\n")

    assert main([], package) == 2
    assert capsys.readouterr().err.startswith("pixxel.yaml: line 2: nonsense: no such key")


@pytest.mark.slow
def test_the_json_equals_the_yaml(package: Path, small: str) -> None:
    """The generated JSON has the content of the YAML."""
    made = json.loads((package / "description" / "pixxel.json").read_text())

    assert made["paths"]["/harbours/{harbour_id}/boats"]["post"]["x-exactly-one"] == ["sail", "engine"]
    assert list(made["components"]["schemas"]) == [
        "Hull", "Geometry", "Price", "Boat", "Sailor", "NewLoad",
    ]  # fmt: skip
