"""Input files named by the user: a pipe, device or folder in place of a file does not block."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import commanded

KINDS = ["a pipe", "a device", "a folder"]


def _odd(kind: str, folder: Path) -> Path:
    """Create a pipe, a folder or a link to a device."""
    path = folder / "odd.json"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "--manifest", "{}", "--to", "out"),
        ("api", "jobs", "create", "w", "--json", "{}", "--yes"),
        ("--api-key-file", "{}", "workflows"),
        ("sandbox", "--profile", "{}"),
        ("sandbox", "--scenario", "{}"),
    ],
    ids=["manifest", "json", "key", "profile", "scenario"],
)
def test_only_regular_files_are_read(
    kind: str, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe without a writer, an endless device and a folder are refused at once as "not a regular file"."""
    monkeypatch.chdir(tmp_path)
    path = str(_odd(kind, tmp_path))
    done = commanded("http://127.0.0.1:9", "k")(*(part.format(path) for part in arguments))
    assert (done.exit_code, "not a regular file" in done.stderr, path in done.stderr) == (2, True, True), done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("kind", KINDS)
def test_a_listed_file_that_is_not_regular(kind: str, tmp_path: Path) -> None:
    """A pipe, device or folder in place of a file in SHA256SUMS counts as damaged."""
    path = _odd(kind, tmp_path)
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  {path.name}\n")
    done = commanded("http://127.0.0.1:9", "k")("verify", str(tmp_path))
    assert (done.exit_code, "not a regular file" in done.stdout) == (7, True), done.output
