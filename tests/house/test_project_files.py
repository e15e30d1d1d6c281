"""Project files agree with each other: workflows, hooks, citation, sdist and lower bounds."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

import pixxel_async
from tests.support.tools import tool

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PUBLISHING = {"release": {"id-token": "write"}, "docs": {"id-token": "write", "pages": "write"}}
"""Permissions of the job `publish` of each workflow that has one."""
ACTION = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
"""An action by its full commit, with the version in a comment."""


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs(name: str) -> dict[str, Any]:
    """Return the jobs of a workflow by their ids."""
    found: dict[str, Any] = read(ROOT / ".github" / "workflows" / f"{name}.yml")["jobs"]
    return found


@pytest.mark.fault("S-06")
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """Each action is pinned by its commit, with its version as a comment, since a tag can be moved."""
    used = re.findall(r"^\s*(?:- )?uses: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for action in used:
        assert ACTION.fullmatch(action), f"{path.name}: pin {action} as owner/name@<40 hex digits> # vX.Y.Z"


@pytest.mark.fault("S-06")
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_only_publish_jobs_may_write(path: Path) -> None:
    """Only the `publish` jobs may request a token, and they run no code of this repository."""
    workflow = read(path)
    assert "write" not in str(workflow["permissions"])
    for name, job in workflow["jobs"].items():
        if name == "publish":
            assert job["permissions"] == PUBLISHING[path.stem]
            assert not any("run" in step for step in job["steps"])
        else:
            assert "write" not in str(job.get("permissions", {})), f"{path.name}: {name}"


def test_every_promised_python_is_tested() -> None:
    """CI runs each version of Python that pyproject names, on Linux, macOS and Windows."""
    promised = {name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: Python :: 3\.\d+$", name)}
    for job in ("linux", "elsewhere"):
        assert set(jobs("ci")[job]["strategy"]["matrix"]["python"]) == promised
    assert jobs("ci")["linux"]["runs-on"] == "ubuntu-latest"
    assert set(jobs("ci")["elsewhere"]["strategy"]["matrix"]["os"]) == {"macos-latest", "windows-latest"}


def test_hooks_are_the_checkers_of_ci() -> None:
    """pre-commit and `.ci/run` run the same checkers."""
    checkers = (
        (ROOT / ".ci" / "run").read_text(encoding="utf-8").partition('echo "== the checkers"\n')[2].partition("\n\n")[0]
    )
    (local,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [hook["entry"] for hook in local["hooks"]] == checkers.splitlines()


def test_one_version_everywhere() -> None:
    """CITATION.cff names the version of the package, which pyproject reads, and its license."""
    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == pixxel_async.__version__
    assert citation["license"] == PROJECT["license"]


@pytest.mark.fault("S-06")
def test_every_dependency_has_a_lower_bound() -> None:
    """Each direct dependency has a lower bound, which CI's job `floors` installs."""
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values(), *GROUPS.values()]
    ours = PROJECT["name"] + "["
    loose = [text for group in groups for text in group if not text.startswith(ours) and not re.search(r"[>=]=", text)]
    assert loose == []


def test_the_sdist_has_the_whole_checkout() -> None:
    """MANIFEST.in names each top-level file and folder that setuptools does not include by itself."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    listed = subprocess.run([tool("git"), "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {line.partition("/")[0] for line in listed.splitlines()}
    named = set(re.findall(r"\S+", (ROOT / "MANIFEST.in").read_text(encoding="utf-8")))
    assert top - named == {"LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_issue_forms_can_be_read(path: Path) -> None:
    """Each issue form parses, has name and description, and gives each field an id of its own."""
    form = read(path)
    if path.stem == "config":
        return
    ids = [field["id"] for field in form["body"] if field["type"] != "markdown"]
    assert form["name"] and form["description"] and len(set(ids)) == len(ids) > 0


def test_the_conda_recipe_renders() -> None:
    """conda's own builder reads the recipe and resolves it to one package for all platforms."""
    builder = pytest.importorskip("rattler_build", reason="needs py-rattler-build")
    [variant] = builder.Stage0Recipe.from_file(str(ROOT / ".github" / "conda" / "recipe.yaml")).render()
    package = variant.recipe.package
    assert (str(package.name), str(package.version)) == (PROJECT["name"], pixxel_async.__version__)
    assert "click >=8.2,<9" in map(str, variant.recipe.requirements.run)


@pytest.mark.slow
def test_the_conda_recipe_builds(tmp_path: Path) -> None:
    """conda's own builder makes one package for all platforms of a checkout, with both commands and the licence.

    Python and pip are this environment's, since a channel may be out of reach; nothing else of the recipe is changed.
    """
    builder = pytest.importorskip("rattler_build", reason="needs py-rattler-build")
    installed = {str(each.metadata["Name"]).lower() for each in distributions()}  # to import them replaces distutils
    if not {"pip", "setuptools"} <= installed:
        pytest.skip("the package is built without isolation, by pip and setuptools")
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    archive = subprocess.run([tool("git"), "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(tmp_path / "checkout", filter="data")
    path = tmp_path / "checkout" / ".github" / "conda" / "recipe.yaml"
    recipe = read(path)
    assert recipe["requirements"].pop("host") == ["python 3.11.*", "pip", "setuptools >=77"]
    assert recipe["build"]["script"].startswith("python -m pip install . ")
    target = f"--target $PREFIX/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    recipe["build"]["script"] = f"{sys.executable} {recipe['build']['script'].removeprefix('python ')} {target}"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")

    [variant] = builder.Stage0Recipe.from_file(str(path)).render()
    tools = builder.ToolConfiguration(test_strategy="skip")
    variant.run_build(tool_config=tools, output_dir=tmp_path / "built", channels=[])
    [built] = (tmp_path / "built" / "noarch").glob("*.conda")
    package = builder.Package.from_file(str(built))
    assert (package.name, package.version) == (PROJECT["name"], pixxel_async.__version__)
    files = {str(name) for name in package.files}
    assert {"site-packages/pixxel_async/cli/app.py", "site-packages/pixxel_async/py.typed"} <= files
    assert any(name.endswith("licenses/LICENSE") for name in files)


def test_the_conda_recipe_equals_the_project() -> None:
    """Name, version, licence, commands and lower bounds of the conda recipe equal those of pyproject.toml."""
    recipe = read(ROOT / ".github" / "conda" / "recipe.yaml")
    assert recipe["context"]["version"] == pixxel_async.__version__
    assert recipe["package"]["name"] == PROJECT["name"]
    assert recipe["about"]["license"] == PROJECT["license"]
    assert recipe["build"]["python"]["entry_points"] == [f"{name} = {at}" for name, at in PROJECT["scripts"].items()]
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["cli"]]
    listed = [each.replace(" ", "") for each in recipe["requirements"]["run"]]
    assert listed == [f"python{PROJECT['requires-python']}", *needed]
