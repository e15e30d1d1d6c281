"""File names in locales whose encoding is not UTF-8, and an export in the C locale."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pixxel_async._formats.name_encoding import from_native, percent_encode, to_native
from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import in_thread

C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
UTF_8 = {"PYTHONUTF8": "1"}


@pytest.mark.parametrize(
    ("name", "encoding", "expected"),
    [
        ("Übung 日", "ascii", "%C3%9Cbung %E6%97%A5"),
        ("Übung 日", "latin-1", "Übung %E6%97%A5"),
        ("Übung 日", "utf-8", "Übung 日"),
        ("\ud800", "utf-8", "%ED%A0%80"),
        ("a\udcff", "ascii", "a\udcff"),
        ("plain", "ascii", "plain"),
    ],
)
def test_percent_encoding(name: str, encoding: str, expected: str) -> None:
    """Characters that the encoding lacks are percent-encoded; raw bytes from the disk are kept."""
    assert percent_encode(name, encoding) == expected


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_recorded_names(encoding: str) -> None:
    """A recorded name leads to the same bytes in each locale and is read back unchanged."""
    native = to_native("Übung", encoding)
    assert native.encode(encoding, "surrogateescape") == "Übung".encode()
    assert from_native(native, encoding) == "Übung"


SEVERAL = """
import json, sys
from click.testing import CliRunner
from pixxel_async.cli.app import pixxel
ended = [CliRunner().invoke(pixxel, line.split()) for line in sys.argv[1:]]
print(json.dumps([(each.exit_code, each.stderr) for each in ended]))
"""
"""Run commands one after another in one process; print the exit code and the stderr of each."""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="file names of Windows are Unicode in every locale")
def test_an_export_in_the_c_locale(tmp_path: Path) -> None:
    """In the C locale a UTF-8 manifest works with percent-encoded names, and locales may alternate."""
    with in_thread(Sandbox(packing=0.05)) as served:
        first, second = (served.add_job(tasks=1, seconds=0) for _ in range(2))
        rows = [f"{job.workflow_id},{job.id},Größe/{name}" for job, name in ((first, "日"), (second, "é"))]
        paths = [tmp_path / "one.csv", tmp_path / "two.csv"]
        for path, row in zip(paths, rows, strict=True):
            path.write_text(f"workflow_id,job_id,name\n{row}\n", encoding="utf-8")

        fast = ["--set", "poll.initial_interval=0.1"]

        def start(locale: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
            own = {"PIXXEL_BASE_URL": served.url, "PIXXEL_API_KEY": served.api_key, **locale}
            return subprocess.run(
                [sys.executable, *arguments], env={**os.environ, **own}, cwd=tmp_path,
                capture_output=True, encoding="utf-8", errors="surrogateescape", timeout=240, check=False,
            )  # fmt: skip

        for path, locale in zip(paths, (C_LOCALE, UTF_8), strict=True):
            order = ("export", "--extract", "--manifest", str(path), "--to", "out")
            done = start(locale, "-m", "pixxel_async", *fast, *order)
            assert done.returncode == 0, done.stderr
        assert (tmp_path / "out" / "Gr%C3%B6%C3%9Fe" / "%E6%97%A5.zip").is_file()
        assert (tmp_path / "out" / "Größe" / "é.zip").is_file()
        later = {
            "verify out": "2 files sound",
            "verify out/SHA256SUMS": "2 files sound",
            "export --extract --manifest two.csv --to out": "1 package there already",
            "list out": "",
        }
        again = start(C_LOCALE, "-c", SEVERAL, *(" ".join((*fast, line)) for line in later))
        assert again.returncode == 0, again.stderr
        for (code, printed), (line, said) in zip(json.loads(again.stdout), later.items(), strict=True):
            assert (code, said in printed) == (0, True), (line, printed)
