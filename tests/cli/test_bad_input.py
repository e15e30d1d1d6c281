"""Bad input ends with one line on stderr that says what to do, the right exit code, and no loss of data."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import Result

from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import Command, commanded
from tests.support.system import posix


def one_line(result: Result, code: int, *words: str) -> None:
    """Assert a command's exit code, and that stderr has no traceback and these words in its first line."""
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout.strip()) == (code, ""), result.output
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in lines[0], lines
    assert [line for line in lines[1:] if not line.startswith(("go on with: ", "list what failed with: "))] == [], lines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "--to", "x"], ["say what to export", "--workflow"]),
        (["export", "--sandbox"], ["--to", "see pixxel export --help"]),
        (["export", "--to", "x", "--workflow", ""], ["--workflow is empty", "pixxel workflows"]),
        (["export", "--to", "x", "job:w/"], ["must be written job:WORKFLOW_ID/JOB_ID"]),
        (["export", "--to", "x", "w/j"], ["is no package", "job:, task:", "report: or picture:"]),
        (["export", "--to", "x", "job:w/j", "report:Berlin"], ["must be written report:tz=TIME_ZONE"]),
        (["export", "--to", "x", "--bwlimit", "10", "job:w/j"], ["--bwlimit", "below the minimum of 1KiB"]),
        (["retry", "--no-keep-archive", "x"], ["--no-keep-archive needs --extract"]),
        (["api", "reports", "orders", "--to", "nowhere/x.csv"], ["no folder nowhere"]),
        (["export", "--to", "x", "--deadline", "soon", "job:w/j"], ["not a duration", "6h"]),
        (["export", "--to", "x", "--finished-since", "then", "--workflow", "w"], ["not a date", "2026-01-31"]),
        (["export", "--to", "x", "--parallel", "0", "job:w/j"], ["--parallel"]),
        (["export", "--to", "x", "--name", "{nothing}", "job:w/j"], ["no field 'nothing'", "workflow_id"]),
        (["export", "--api-key", "sk-1", "--to", "x", "job:w/j"], ["No such option", "--api-key"]),
        (["export", "--to", "", "job:w/j"], ["'--to'", "empty"]),
        (["verify", ""], ["FOLDER", "empty"]),
        (["exprot"], ["No such command", "exprot", "did you mean export?"]),
        (["api", "jbos"], ["did you mean jobs"]),
        (["download"], ["No such command", "`pixxel export`"]),
        (["search", "--bbox", "1,2,3,4"], ["`pixxel api archives search`"]),
        (["export", "--to", "s3:/bucket/x", "job:w/j"], ["is not a URL", "s3://bucket/prefix"]),
        (["status", "gs:bucket"], ["is not a URL", "gs://bucket/prefix"]),
        (["export", "--to", "x", "--name", "{workflow_id}", "--workflow", "w"], ["same name", "{job_id}"]),
        (["export", "--to", "x", "--name", "%Y/{job_id}", "--workflow", "w"], ["{finished_at:%Y-%m}"]),
        (["export", "--to", "x", "--finished-until", "then", "--workflow", "w"], ["not a date"]),
        (
            [
                "export",
                "--to",
                "x",
                "--finished-since",
                "2026-02-01",
                "--finished-until",
                "2026-01-01",
                "--workflow",
                "w",
            ],
            ["must be before"],
        ),
        (["jobs", "--workflow", ""], ["is empty"]),
        (["status", "nowhere"], ["no record", "nothing was exported there"]),
        (
            ["--set", "download.max_concurrent_downloads=0", "workflows"],
            ["max_concurrent_downloads must be at least 1"],
        ),
        (["--api-key-file", "nowhere", "workflows"], ["cannot read", "nowhere"]),
    ],
)
def test_usage(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    """An invalid combination of options ends with exit code 2 before anything is sent or any file is created."""
    monkeypatch.chdir(tmp_path)

    one_line(command(*arguments), 2, *words)

    assert list(tmp_path.iterdir()) == []


def test_an_unknown_status_word(command: Command, tmp_path: Path) -> None:
    """An unknown status is warned about with the known ones, and with the most similar one as a suggestion."""
    for line in (["jobs", "--status", "compleeted"], ["export", "--workflow", "w", "--status", "compleeted"]):
        result = command(*line, *(["--to", str(tmp_path / "x")] if line[0] == "export" else []))
        assert result.stderr.startswith("unknown status compleeted; known are running, completed, failed")
        assert "did you mean completed?" in result.stderr
    assert "unknown status" not in command("jobs", "--status", "failed").stderr


def test_check_without_a_connection(tmp_path: Path) -> None:
    """`check` that cannot connect suggests PIXXEL_BASE_URL, and does not suggest running `check`."""
    result = commanded("http://127.0.0.1:9", "sandbox-key")("check")

    assert result.exit_code == 6
    assert "pixxel check" not in result.stderr and "PIXXEL_BASE_URL" in result.stderr


def test_a_group_without_a_command(command: Command) -> None:
    """A command group without a subcommand prints its help on stderr and ends with exit code 2."""
    for group in (["record"], ["api"], ["api", "jobs"]):
        result = command(*group)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"Usage: {' '.join(['pixxel', *group])} [OPTIONS]")
        assert "; see pixxel" not in result.stderr


def test_a_file_that_is_not_a_record(command: Command, tmp_path: Path) -> None:
    """A file that is not a record is refused and stays unchanged; creating a new record is reported."""
    notes, folder = tmp_path / "notes.txt", tmp_path / "x"
    notes.write_text("mine")
    (folder / ".pixxel").mkdir(parents=True)
    (folder / ".pixxel" / "record.sqlite").write_text("damaged")
    for line in (
        ["status", str(folder)],
        ["list", str(tmp_path), "--record", str(notes)],
        ["record", "merge", str(notes), str(folder)],
        ["record", "merge", str(tmp_path / "new.sqlite"), str(notes)],
    ):
        one_line(command(*line), 2, "is not a record, or is damaged")
    assert notes.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "x"]

    (folder / ".pixxel" / "record.sqlite").unlink()
    command("export", "report:tz=UTC", "--to", str(folder))
    merged = command("record", "merge", str(tmp_path / "new.sqlite"), str(folder))
    assert merged.stderr == f"1 package merged, 0 known already; {tmp_path / 'new.sqlite'} is a new record\n"


def test_advice_beside_a_404(command: Command) -> None:
    """The advice beside a 404 names the listing of the kind of resource that is missing."""
    assert "`pixxel jobs --workflow W` list" in command("jobs", "--workflow", "none").stderr
    assert "`pixxel api --help` names the resources" in command("api", "aois", "get", "none").stderr


def test_a_key_that_check_finds_refused(served: Sandbox) -> None:
    """`check` explains what a refused key may mean, and does not suggest running `check`."""
    result = commanded(served.url, "wrong")("check")
    assert result.exit_code == 4
    assert result.stderr.splitlines()[-1].endswith("it is mistyped, revoked, or belongs to another service")
    assert "pixxel check" not in result.stderr


@pytest.mark.fault("A-01")
def test_missing_key(served: Sandbox, tmp_path: Path) -> None:
    """The error about a missing key names the places where a key is looked for."""
    for line in (["workflows"], ["check"], ["export", "--workflow", "w", "--to", str(tmp_path / "x")]):
        one_line(commanded(served.url, None)(*line), 2, "PIXXEL_API_KEY", "--api-key-file", "--sandbox")
    assert list(tmp_path.iterdir()) == [], "no folder is made for an export that cannot begin"


@pytest.mark.fault("A-03")
@posix
def test_key_file_that_others_can_read(served: Sandbox, tmp_path: Path) -> None:
    """A key file that others can read is warned about on one line, and the command continues."""
    path = tmp_path / "key"
    path.write_text(served.api_key)
    path.chmod(0o644)

    result = commanded(served.url, None)("--api-key-file", str(path), "workflows", "--output", "csv")

    assert result.exit_code == 0
    assert result.stderr == f"pixxel: {path} holds a key and can be read by others: chmod 600 {path}\n"


@pytest.mark.fault("A-10")
@pytest.mark.parametrize("key", ["wrong", "sandbox-0000000000000000"])
def test_refused_key(served: Sandbox, tmp_path: Path, key: str) -> None:
    """A refused key ends with exit code 4, and the key is not in the output."""
    result = commanded(served.url, key)("export", "--workflow", "w", "--to", str(tmp_path / "x"), "--quiet")

    one_line(result, 4, "pixxel check")
    assert key not in result.output


def test_unknown_workflow(command: Command, tmp_path: Path) -> None:
    """The error about an unknown workflow names the workflow and the command that lists workflows."""
    result = command("export", "--workflow", "w-none", to(tmp_path), "--quiet")

    one_line(result, 3, "workflow w-none: 404", "`pixxel workflows`")


@pytest.mark.parametrize("arguments", [["workflows"], ["export", "--quiet"]])
def test_unknown_project(command: Command, tmp_path: Path, arguments: list[str]) -> None:
    """The service returns an empty listing for an unknown project; the command reports it as unknown."""
    arguments += [to(tmp_path)] if arguments[0] == "export" else []

    one_line(command(*arguments, "--project", "p-none"), 2, "no project p-none", "`pixxel check`")


@pytest.mark.fault("H-09")
def test_folder_that_is_a_file(command: Command, tmp_path: Path) -> None:
    """A destination that is a file ends with exit code 5, and the file stays unchanged."""
    (tmp_path / "x").write_text("mine")

    one_line(command("export", "--to", str(tmp_path / "x"), "job:w/j"), 5, "cannot be used as a folder", "--to")
    assert (tmp_path / "x").read_text() == "mine"


@pytest.mark.fault("K-01")
@pytest.mark.slow
def test_full_disk(command: Command, tmp_path: Path) -> None:
    """Too little disk space ends the run with exit code 5 and prints the command that continues it."""
    result = command(
        "--set", "download.min_free_space=1_000_000_000_000_000", "export", *all_jobs(command), "--quiet", to(tmp_path)
    )

    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (5, "")
    assert all("make room" in line for line in lines[:-1])
    assert lines[-1].startswith("go on with: ")
    assert list(tmp_path.rglob("*.zip")) == []


def all_jobs(command: Command) -> list[str]:
    return ["--workflow", command("workflows", "--output", "csv").stdout.splitlines()[1].split(",")[0]]


def to(folder: Path) -> str:
    return f"--to={folder / 'x'}"


def test_manifest_with_a_bad_line(command: Command, served: Sandbox, tmp_path: Path) -> None:
    """A manifest is read to its end before any package is requested, and a bad line is named by its number."""
    path = tmp_path / "list.csv"
    path.write_text("package\n" + "".join(f"job:w/{number}\n" for number in range(1500)) + "\nnonsense\n")

    one_line(command("export", "--manifest", str(path), to(tmp_path), "--quiet"), 2, "line 1503 of the manifest")
    assert served.count("jobs.request_download") == 0


def test_name_clash(command: Command, tmp_path: Path) -> None:
    """An existing file that is not in the record is not overwritten: its package fails and the error names the file."""
    source = all_jobs(command)
    first = command("jobs", *source, "--status", "completed", "--output", "csv").stdout.splitlines()[1].split(",")
    mine = tmp_path / "x" / first[0] / f"{first[1]}.zip"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")

    result = command("export", f"job:{first[0]}/{first[1]}", to(tmp_path), "--quiet")

    one_line(result, 3, "failed: job:", str(mine.name), "move the file away")
    assert mine.read_text() == "mine"


class Portal(BaseHTTPRequestHandler):
    """A server that answers every request with an HTML page."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>Welcome to \x1b[31mour guests' network</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def portal() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Portal) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("arguments", [["workflows"], ["check"], ["export", "--workflow", "w", "--quiet", "--to", "x"]])
def test_server_that_answers_html(
    portal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """An HTML page in place of JSON is reported as one, with escaped control characters and advice."""
    monkeypatch.chdir(tmp_path)

    result = commanded(portal, "sk-1")(*arguments)

    assert result.exit_code == 3
    assert "Traceback" not in result.stderr
    assert "PIXXEL_BASE_URL" in result.stderr
    assert "\x1b" not in result.output


@pytest.mark.slow
def test_server_that_cannot_be_reached(tmp_path: Path) -> None:
    """An address where no server listens ends with exit code 6 (unfinished), because a later run may succeed."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as closed:
        url = f"http://127.0.0.1:{closed.server_address[1]}"

    one_line(commanded(url, "sk-1")("workflows"), 6, "PIXXEL_BASE_URL")
