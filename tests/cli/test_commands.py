"""Commands run against a sandbox: what they fetch, what they print, and their exit codes."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click import Context
from click.testing import CliRunner, Result

from pixxel_async import DownloadManager, Failed, PixxelClient, RetrySettings, Settings, SignedLink
from pixxel_async.cli.app import COMMANDS, pixxel
from pixxel_async.cli.choose.last_run import read_last_run
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings.constants import Constants
from tests.cli.conftest import Command
from tests.support.tools import tool


def rows(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def workflow(served: Sandbox) -> str:
    """Return the id of the first workflow, which has four completed jobs, one failed and one running."""
    return next(iter(served.world.workflows))


@pytest.fixture
def to(tmp_path: Path) -> str:
    return f"--to={tmp_path / 'x'}"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.zip"))


def test_listings(command: Command, workflow: str) -> None:
    """Workflows and jobs are listed with the same content in every format."""
    listed = rows(command("workflows", "--output", "ndjson"))
    jobs = rows(command("jobs", "--workflow", workflow, "--output", "ndjson"))
    sheet = command("jobs", "--workflow", workflow, "--output", "csv").stdout

    assert listed[0]["workflow_id"] == workflow
    assert [job["status"] for job in jobs].count("completed") == 4
    assert [row["job_id"] for row in csv.DictReader(io.StringIO(sheet))] == [job["job_id"] for job in jobs]
    assert command("jobs", "--workflow", workflow).stdout.startswith("WORKFLOW")


@pytest.mark.slow
def test_the_command_on_the_sandboxs_start_page_works(
    command: Command, served: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that the sandbox's start page shows to newcomers fetches packages."""
    monkeypatch.chdir(tmp_path)
    with urllib.request.urlopen(served.url, timeout=100) as page:
        found = re.search(r"^pixxel (.+?)(?:</pre>|$)", page.read().decode(), re.MULTILINE)
    assert found is not None
    assert command(*found[1].split()).exit_code == 0
    assert len(files(tmp_path / "exports")) == 4


def test_an_empty_listing_is_explained(command: Command, workflow: str) -> None:
    """An empty table is explained on stderr; empty JSON is an empty document without a remark."""
    for line in (
        ["jobs", "--workflow", workflow, "--status", "odd"],
        ["api", "jobs", "list", workflow, "--status=odd"],
    ):
        table, listed = command(*line), command(*line, "--output", "json")
        assert (table.exit_code, table.stdout) == (0, "")
        assert table.stderr.endswith(("there are no jobs with the status odd\n", "the listing is empty\n"))
        assert listed.stdout == "[]\n" and "no jobs" not in listed.stderr


def test_check(command: Command) -> None:
    """`check` prints the source of the key, the header form that works and the visible projects, and never the key."""
    result = command("check", "--output", "json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["name"] == "field-monitoring"
    assert "key: from PIXXEL_API_KEY" in result.stderr
    assert "sent as it is; it sees 3 projects" in result.stderr
    assert "sandbox-" not in result.output


@pytest.mark.slow
@pytest.mark.parametrize(("kinds", "count"), [("job", 4), ("task", 12), ("both", 16)])
def test_kinds(command: Command, workflow: str, to: str, kinds: str, count: int) -> None:
    """`--packages` selects the packages of completed jobs, of their tasks, or both."""
    result = command("export", "--workflow", workflow, "--packages", kinds, "--output", "ndjson", to)

    assert result.exit_code == 0, result.stderr
    assert len(rows(result)) == count
    assert {row["package"].split(":")[0] for row in rows(result)} == ({"job", "task"} if kinds == "both" else {kinds})


@pytest.mark.slow
def test_a_second_run_fetches_nothing(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """The same command again fetches nothing; with `--finished-since last` older jobs are not even requested."""
    line = ["export", "--workflow", workflow, "--finished-since", "last", to]
    first, second = command(*line), command(*line, "--output", "ndjson")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "4 packages fetched" in first.stderr
    assert rows(second) == []
    assert "nothing to fetch" in second.stderr
    assert len(files(tmp_path)) == 4


@pytest.mark.slow
def test_last_forgets_nothing_after_a_failure(command: Command, served: Sandbox, workflow: str, to: str) -> None:
    """A run with a failure does not count as the last run, so the failed package is tried again."""
    line = ["export", "--workflow", workflow, "--finished-since", "last", "--quiet", to]
    served.inject(Fault(route="jobs.request_download", kind="status", status=400, times=1))

    first = command(*line)

    assert first.exit_code == 3
    assert first.stderr.startswith("failed: job:")
    second = rows(command(*line, "--output", "ndjson"))
    assert sorted(row["outcome"] for row in second) == ["fetched", *["skipped"] * 3]


@pytest.mark.slow
def test_project(command: Command, served: Sandbox, workflow: str, to: str) -> None:
    """`--project` exports every workflow of the project, and file names may use the workflow's name."""
    project = served.world.workflows[workflow].project_id
    order = ["export", "--project", project, "--finished-since", "2025-09-01", "--name", "{workflow_name}/{job_id}"]

    result = command(*order, "--output", "ndjson", to)

    assert result.exit_code == 0, result.stderr
    assert rows(result)
    assert all("/Weekly lake survey/" in row["path"] for row in rows(result))


def test_status_words(command: Command, workflow: str, to: str) -> None:
    """`--status` selects jobs by status; the missing package of a failed job is reported."""
    result = command("export", "--workflow", workflow, "--status", "FAILED", "--output", "ndjson", "--quiet", to)

    assert len(rows(result)) == 1
    assert result.exit_code in (0, 3)


def end_the_job_once_it_was_listed(served: Sandbox) -> None:
    """Wait until the tasks of the listed jobs are requested, then let the running job end."""
    ends = time.monotonic() + 30
    while not served.count("jobs.get") and time.monotonic() < ends:
        time.sleep(0.01)
    served.clock.advance(3600)


@pytest.mark.slow
def test_wait_for_running_jobs(command: Command, served: Sandbox, workflow: str, to: str) -> None:
    """`--wait` exports the running job as well, once it has ended; without `--wait` it is counted."""
    without = command("export", "--workflow", workflow, to)
    assert "1 job still running; --wait waits for them" in without.stderr
    ending = threading.Thread(target=end_the_job_once_it_was_listed, args=[served])
    ending.start()

    result = command("export", "--workflow", workflow, "--packages", "both", "--wait", "--output", "ndjson", to)

    ending.join()
    assert result.exit_code == 0, result.stderr
    assert [row["outcome"] for row in rows(result)].count("fetched") == 16
    assert result.stderr.startswith("waiting for job ")
    assert "still running" not in result.stderr


@pytest.mark.slow
def test_deadline(command: Command, served: Sandbox, workflow: str, to: str) -> None:
    """A run stopped by its deadline is unfinished and prints the command that continues it, which completes it."""
    served.inject(Fault(route="storage", kind="stall", times=None))
    line = ["export", "--workflow", workflow, to]

    began = time.monotonic()
    late = command(*line, "--deadline", "1s", "--output", "json")

    assert time.monotonic() - began < 60
    assert late.exit_code == 6
    assert "stopped at the deadline" in late.stderr
    assert late.stderr.splitlines()[-1].startswith("go on with: ")
    assert json.loads(late.stdout) == []
    served.plan.clear()
    assert command(*line).exit_code == 0


@pytest.mark.slow
def test_quiet(command: Command, workflow: str, to: str) -> None:
    """`--quiet` prints nothing on either stream when all packages succeed."""
    result = command("export", "--workflow", workflow, "--quiet", to)

    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.slow
def test_a_bad_workflow_does_not_stop_the_others(command: Command, workflow: str, to: str) -> None:
    """A workflow whose listing fails is reported with its id; the other workflows are exported."""
    result = command("export", "--workflow", "w-none", "--workflow", workflow, "--output", "ndjson", to)

    assert result.exit_code == 3
    assert "workflow w-none: 404" in result.stderr
    assert [row["outcome"] for row in rows(result)] == ["fetched"] * 4


@pytest.mark.slow
def test_a_bad_job_does_not_stop_the_others(command: Command, served: Sandbox, workflow: str, to: str) -> None:
    """A job whose tasks cannot be listed is reported with its id; the tasks of other jobs are exported."""
    served.inject(Fault(route="jobs.get", kind="status", status=400, times=1))

    result = command("export", "--workflow", workflow, "--packages", "task", "--output", "ndjson", to)

    assert result.exit_code == 3
    assert f" of workflow {workflow}: 400" in result.stderr
    assert [row["outcome"] for row in rows(result)] == ["fetched"] * 9


@pytest.mark.slow
def test_manifest_of_a_listing(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """The CSV output of `jobs` and of `list` is a valid manifest."""
    sheet = tmp_path / "jobs.csv"
    sheet.write_text(command("jobs", "--workflow", workflow, "--status", "completed", "--output", "csv").stdout)

    result = command("export", "--manifest", str(sheet), to, "--quiet")
    again = command("list", str(tmp_path / "x"), "--output", "ndjson").stdout
    copied = command("export", "--manifest", "-", "--to", str(tmp_path / "y"), input=again)

    assert result.exit_code == 0, result.stderr
    assert len(files(tmp_path / "x")) == 4
    assert (copied.exit_code, files(tmp_path / "y")) == (0, files(tmp_path / "x"))


@pytest.mark.slow
def test_folder_commands(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """`status`, `list` and `verify` read a folder without a key; damage makes `verify` exit with 7."""
    folder = tmp_path / "x"
    command("export", "--workflow", workflow, to)

    assert rows(command("status", str(folder), "--output", "ndjson"))[0]["packages"] == 4
    listed = rows(command("list", str(folder), "--output", "ndjson"))
    assert {row["state"] for row in listed} == {"done"}
    assert command("verify", str(folder), "--quiet").output == ""

    first, second = folder / files(folder)[0], folder / files(folder)[1]
    body = bytearray(first.read_bytes())
    body[1000] ^= 1
    first.write_bytes(body)
    second.unlink()
    result = command("verify", str(folder), "--output", "ndjson", "--quiet")

    assert result.exit_code == 7
    assert {row["reason"] for row in rows(result)} == {"its bytes have changed", "is gone"}
    assert {row["path"] for row in rows(result)} == {str(first), str(second)}
    assert "2 files sound, 2 damaged or missing" in result.stderr


@pytest.mark.slow
def test_damage_is_mended(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """A damaged file is replaced by the command that `verify` suggests."""
    command("export", "--workflow", workflow, to)
    path = next(tmp_path.rglob("*.zip"))
    before, body = path.stat(), bytearray(path.read_bytes())
    body[1000] ^= 1
    path.write_bytes(body)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    found = command("verify", str(tmp_path / "x"))

    assert found.exit_code == 7
    assert "delete them and export with: pixxel export --redo-missing" in found.stderr.splitlines()[-1]
    path.unlink()
    assert command("export", "--redo-missing", "--workflow", workflow, to).exit_code == 0
    assert command("verify", str(tmp_path / "x")).exit_code == 0


@pytest.mark.slow
def test_tables_for_people(command: Command, workflow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables for people show only damaged files, sizes with units, and paths as typed."""
    monkeypatch.chdir(tmp_path)
    summary = command("export", "--workflow", workflow, "--to", "y")
    assert summary.stdout.split() == [
        *("WORKFLOW", "FETCHED", "THERE", "ALREADY", "SKIPPED", "FAILED", "SIZE"),
        *(workflow, "4", "0", "0", "0", "2.9", "MB"),
    ]  # fmt: skip
    assert command("export", "--workflow", workflow, "--to", "y").stdout == ""
    exported = command("export", "--workflow", workflow, "--to", "x", "--output", "table")
    assert exported.stdout.splitlines()[0].split() == ["SIZE", "PROOF", "PATH"]
    assert re.search(r"7\d\d\.\d kB  crc    x/", exported.stdout)
    assert command("status", "x").stdout.splitlines()[1].split() == ["done", "4", "2.9", "MB"]
    assert re.match(r"done   7\d\d\.\d kB  job:", command("list", "x").stdout.splitlines()[1])
    sound = command("verify", "x")
    assert (sound.stdout, sound.stderr) == ("", "4 files sound\n")

    gone = files(tmp_path)[0]
    (tmp_path / gone).unlink()

    assert command("verify", "x").stdout.splitlines()[1:] == [f"{gone}  is gone"]
    assert rows(command("list", "x", "--output", "ndjson"))[0]["path"] == str(tmp_path / gone)


async def export_with_one_chance(served: Sandbox, workflow: str, folder: Path) -> None:
    """Fetch the packages of a workflow with max_failed_runs=1, so that a refused package is given up at once."""
    settings = Settings(api_key=served.api_key, base_url=served.url, constants=Constants(max_failed_runs=1))
    async with (
        PixxelClient(settings=settings) as client,
        DownloadManager(client, folder) as manager,
        manager.fetch_all(client.jobs.list(workflow, status="completed")) as outcomes,
    ):
        async for _ in outcomes:
            pass


@pytest.mark.slow
def test_retry(command: Command, served: Sandbox, workflow: str, to: str, tmp_path: Path) -> None:
    """`status` lists given-up packages; `retry` skips them, and `retry --given-up` fetches them and nothing else."""
    served.inject(Fault(route="jobs.request_download", kind="status", status=400, times=3))
    asyncio.run(export_with_one_chance(served, workflow, tmp_path / "x"))
    left = command("export", "--workflow", workflow, to)
    assert left.exit_code == 3
    assert "3 packages skipped, 3 given up" in left.stderr

    status = command("status", str(tmp_path / "x"))
    assert status.stderr.count("given up after 1 run: job:") == 3
    assert f"pixxel retry --given-up {tmp_path / 'x'}" in status.stderr
    assert command("retry", str(tmp_path / "x")).exit_code == 3
    assert len(files(tmp_path)) == 1

    result = command("retry", "--given-up", str(tmp_path / "x"), "--output", "ndjson")

    assert result.exit_code == 0, result.stderr
    assert [row["outcome"] for row in rows(result)] == ["fetched"] * 3
    assert len(files(tmp_path)) == 4


@pytest.mark.slow
def test_map(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """GeoJSON output places each package at the footprint found inside it; a missing file has a null geometry."""
    command("export", "--workflow", workflow, to)
    gone = files(tmp_path)[0]
    (tmp_path / gone).unlink()

    drawn = json.loads(command("list", str(tmp_path / "x"), "--output", "geojson").stdout)

    places = {Path(each["properties"]["path"]).name: each["geometry"] for each in drawn["features"]}
    assert drawn["type"] == "FeatureCollection" and len(places) == 4
    assert places.pop(Path(gone).name) is None
    assert {place["type"] for place in places.values()} == {"Polygon"}


@pytest.mark.slow
def test_events_as_lines(command: Command, workflow: str, to: str) -> None:
    """With `--progress json` stderr is JSON lines: the events of each package, with its outcome last."""
    result = command("export", "--workflow", workflow, "--progress", "json", to)
    lines = [json.loads(line) for line in result.stderr.splitlines()]

    assert result.exit_code == 0
    by_item: dict[str, list[str]] = {}
    for line in lines:
        by_item.setdefault(line.get("item", ""), []).append(line["event"])
    said = by_item.pop("")
    assert set(said) <= {"message", "progress"}
    assert len(by_item) == 4
    assert all(events[0] == "asked" and events[-1] == "downloaded" for events in by_item.values())

    again = command("export", "--workflow", workflow, "--progress", "json", to)
    left = [line for line in map(json.loads, again.stderr.splitlines()) if line["event"] == "skipped"]
    assert {line["item"] for line in left} == set(by_item)
    assert all(Path(line["path"]).is_file() and "file" not in line for line in left)


@pytest.mark.slow
def test_files_instead_of_archives(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """`--extract --no-keep-archive` leaves only the unpacked files, and `verify` does not miss the archive."""
    assert command("export", "--workflow", workflow, "--no-keep-archive", to).exit_code == 2
    line = ["export", "--workflow", workflow, "--extract", "--no-keep-archive", to]
    first, again = command(*line), command(*line)

    assert (first.exit_code, again.exit_code) == (0, 0), first.stderr + again.stderr
    assert "nothing new" in again.stderr
    assert files(tmp_path) == [] and len(list(tmp_path.rglob("*.files/**/spec.json"))) >= 4
    assert command("verify", str(tmp_path / "x")).exit_code == 0
    listed = rows(command("list", str(tmp_path / "x"), "--output", "ndjson"))
    assert listed and all(Path(row["path"]).is_dir() for row in listed)


@pytest.mark.slow
def test_a_failed_extraction(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """`status` gives the reason of a failed extraction; only `retry --extract` unpacks that package again."""
    folder = str(tmp_path / "x")
    command("export", "--workflow", workflow, to)
    in_the_way = (tmp_path / files(tmp_path)[0]).with_suffix(".files")
    in_the_way.mkdir()
    assert command("export", "--workflow", workflow, "--extract", to).exit_code == 3

    status = command("status", folder)
    assert status.stdout.split()[3:5] == ["done", "4"]
    assert status.stderr.startswith("not unpacked: job:") and "is not in the record" in status.stderr
    assert f"to retry them: pixxel retry --extract {folder}" in status.stderr
    left = command("retry", folder)
    assert (left.exit_code, "1 archive could not be unpacked: --extract retries" in left.stderr) == (0, True)
    assert command("retry", folder, "--extract", "--quiet").exit_code == 3
    in_the_way.rmdir()

    again = command("retry", folder, "--extract", "--output", "ndjson")

    assert [row["outcome"] for row in rows(again)] == ["skipped"]
    assert any(in_the_way.rglob("spec.json"))
    assert command("status", folder).stderr == ""


@pytest.mark.slow
def test_space_that_stays_free(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """A `--keep-free` beyond the disk's space exits with 5 and downloads nothing; an invalid size is refused."""
    result = command("export", "--workflow", workflow, "--keep-free", "900TB", to)

    assert result.exit_code == 5, result.stderr
    assert files(tmp_path) == []
    assert command("export", "--workflow", workflow, "--keep-free", "much", to).exit_code == 2


@pytest.mark.slow
def test_bytes_a_second(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """`--bwlimit` accepts a rate and fetches the same packages; an invalid or too small rate is refused."""
    assert command("export", "--workflow", workflow, "--bwlimit", "100MB", to).exit_code == 0
    assert len(files(tmp_path)) == 4
    for wrong in ("fast", "10"):
        assert command("export", "--workflow", workflow, "--bwlimit", wrong, to).exit_code == 2


def test_a_package_without_a_field_of_the_template_fails_alone(
    command: Command, served: Sandbox, workflow: str, to: str
) -> None:
    """A package without a field of the name template fails alone; the others are fetched."""
    job = next(iter(served.world.runs[workflow].values()))
    task = f"task:{workflow}/{job.id}/{job.steps[0].id}"

    result = command("export", f"job:{workflow}/{job.id}", task, "--name", "{task_id}", "--output", "ndjson", to)

    assert result.exit_code == 3
    assert {row["package"]: row["outcome"] for row in rows(result)} == {
        f"job:{workflow}/{job.id}": "failed",
        task: "fetched",
    }
    assert "has no field 'task_id'" in result.stderr


@pytest.mark.slow
def test_record_elsewhere(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """`--record` places the record elsewhere, and the folder's commands find it by the same option."""
    record = f"--record={tmp_path / 'own.sqlite'}"

    assert command("export", "--workflow", workflow, record, to).exit_code == 0
    assert rows(command("status", str(tmp_path / "x"), record, "--output", "ndjson"))[0]["packages"] == 4
    assert command("status", str(tmp_path / "x")).exit_code == 2


def test_version(command: Command) -> None:
    """`--version` prints one line on stdout."""
    assert command("--version").stdout.startswith("pixxel 0.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "left_out"),
    [
        (["--version"], ("asyncio", "attrs", "click", "pixxel_async.cli")),
        (["list", "--help"], ("aiohttp", "pixxel_async.client", "pixxel_async.models", "pixxel_async.packages")),
    ],
)
def test_imports(arguments: list[str], left_out: tuple[str, ...]) -> None:
    """`--version` imports no library, and commands that only read a record do not import the client."""
    program = f"import sys; sys.argv[1:] = {arguments}; from pixxel_async.__main__ import main\ntry: main()\nfinally: "
    shown = f"print([name for name in {left_out} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program + shown], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "words", "expected"),
    [
        ("bash_complete", "pixxel ex", "plain,export"),
        ("bash_complete", "pixxel api arch", "plain,archives"),
        ("bash_complete", "pixxel export --bw", "plain,--bwlimit"),
        ("zsh_source", "", "_pixxel_completion"),
    ],
)
def test_shell_completion(mode: str, words: str, expected: str) -> None:
    """Completion of commands and options, and the shell's script, end with exit code 0, as the script expects."""
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    line = [sys.executable, "-c", "import sys; sys.argv[0] = 'pixxel'; from pixxel_async.__main__ import main; main()"]
    env = {**os.environ, **asked, "_PIXXEL_COMPLETE": mode}
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, expected in done.stdout) == (0, True), done.stderr


def test_retry_leaves_signed_links_alone(command: Command, served: Sandbox, tmp_path: Path) -> None:
    """`retry` explains that a signed link has to be passed again, since links are not recorded, and exits with 0."""

    async def fail() -> None:
        settings = Settings(api_key=served.api_key, base_url=served.url, retry=RetrySettings(max_attempts=1))
        link = SignedLink(url="https://127.0.0.1:9/o?X-Amz-Signature=5ecret", name="mine")
        async with (
            PixxelClient(settings=settings) as client,
            DownloadManager(client, tmp_path) as manager,
            manager.fetch_all([link]) as outcomes,
        ):
            assert [type(outcome) async for outcome in outcomes] == [Failed]

    asyncio.run(fail())
    result = command("retry", str(tmp_path))
    assert "pass the link again" in result.stderr and "5ecret" not in result.stderr
    assert result.exit_code == 0


@pytest.mark.slow
def test_the_commands_of_the_help() -> None:
    """`pixxel --help` shows the short help of each command without importing any command."""
    program = "import sys; sys.argv[1:] = ['--help']; from pixxel_async.__main__ import main\ntry: main()\nfinally: "
    heavy = "print([name for name in sys.modules if name in ('pixxel_async.packages', 'aiohttp', 'rich')])"

    found = subprocess.run([sys.executable, "-c", program + heavy], capture_output=True, text=True, check=True)

    assert found.stdout.splitlines()[-1] == "[]"
    for name, (_, about) in COMMANDS.items():
        command = pixxel.get_command(Context(pixxel), name)
        assert command is not None and command.get_short_help_str(100).rstrip(".") == about.rstrip(".")
        assert f"  {name:9}  {about}" in found.stdout


@pytest.mark.slow
def test_packages_by_state(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """`list --state` lists the packages in that state, and says so if there is none."""
    command("export", "--workflow", workflow, to)

    assert len(rows(command("list", str(tmp_path / "x"), "--state", "done", "--output", "ndjson"))) == 4
    none = command("list", str(tmp_path / "x"), "--state", "failed")
    assert (none.stdout, none.stderr) == ("", "no package is failed\n")


def test_finished_until(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """`--finished-until` excludes jobs that ended at that time or later."""
    ends = sorted(
        row["finished_at"]
        for row in rows(command("jobs", "--workflow", workflow, "--status", "completed", "--output", "ndjson"))
    )

    assert command("export", "--workflow", workflow, "--finished-until", ends[2], to).exit_code == 0
    assert len(files(tmp_path)) == 2


@pytest.mark.slow
def test_the_sandboxs_first_export_is_explained(tmp_path: Path) -> None:
    """Only the first export with `--sandbox` explains what was fetched, what a package is, and what to do next."""
    line = ["export", "--sandbox", "--to", str(tmp_path / "x")]
    first, second = (CliRunner().invoke(pixxel, line, prog_name="pixxel") for _ in range(2))

    assert "16 simulated packages: a package is" in first.stderr and "pixxel list" in first.stderr
    assert "simulated" not in second.stderr


@pytest.mark.slow
def test_on_done(command: Command, workflow: str, to: str, tmp_path: Path) -> None:
    """`--on-done` runs once at the end with a JSON summary on its stdin, and its exit code does not replace ours."""
    hook = f"{tool('cat')} >> {tmp_path / 'summary'}; exit 9"

    done = command("export", "--workflow", workflow, to, "--on-done", hook)
    assert done.exit_code == 0 and "--on-done ended with exit code 9" in done.stderr
    bad = command("export", "--workflow", "nowhere", to, "--on-done", hook)

    first, second = map(json.loads, (tmp_path / "summary").read_text().splitlines())
    assert (first["exit_code"], first["fetched"], first["failed"]) == (0, 4, 0) and first["bytes"] > 0
    assert (bad.exit_code, second["exit_code"], second["fetched"]) == (3, 3, 0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_runs_that_are_a_pipe(tmp_path: Path) -> None:
    """A pipe in place of runs.json is not read and does not block."""
    (tmp_path / ".pixxel").mkdir()
    os.mkfifo(tmp_path / ".pixxel" / "runs.json")

    assert read_last_run(tmp_path, "x") is None
