"""Options of the command line: durations, dates, sizes, exclusive options, and which jobs are taken."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from pixxel_async.cli.choose.filter import Choice, may_have_package
from pixxel_async.cli.choose.last_run import note_run, read_last_run
from pixxel_async.cli.choose.request import ExportRequest, check_request
from pixxel_async.cli.errors import CommandError
from pixxel_async.cli.session import Session
from pixxel_async.cli.values import BandwidthSchedule, parse_duration, parse_limit, parse_time
from pixxel_async.downloads.disk.locations import locate
from pixxel_async.errors import ConfigError
from pixxel_async.settings import Secret

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90),
        ("90", 90),
        ("30m", 1800),
        ("6h", 21600),
        ("1h30m", 5400),
        ("2d", 172800),
        ("0.5s", 0.5),
        (" 6H ", 21600),
    ],
)
def test_duration(text: str, expected: float) -> None:
    """A duration is the sum of seconds, minutes, hours and days, written largest unit first."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "0", "0s", "-5s", "5 s", "1m1h", "soon", "1e9", "nan", "٣s x"])
def test_invalid_durations(text: str) -> None:
    """Text that is not a duration, a zero and an infinite one are refused."""
    with pytest.raises(ValueError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [(0, 0, None), (7, 59, None), (8, 0, 1_000_000), (18, 59, 1_000_000), (19, 0, None), (23, 59, None)],
)
def test_bandwidth_by_time_of_day(hour: int, minute: int, expected: int | None) -> None:
    """A limit applies from its time of day to the next entry, across midnight as well."""
    schedule = parse_limit("19:00,off 08:00,1MB")
    assert isinstance(schedule, BandwidthSchedule)
    assert evolve(schedule, now=lambda: datetime(2026, 1, 31, hour, minute))() == expected


@pytest.mark.parametrize(("text", "expected"), [("10MB", 10_000_000), ("2KiB", 2048), ("off", "off"), ("OFF", "off")])
def test_bandwidth_without_times(text: str, expected: object) -> None:
    """A rate without times applies all day; `off` means no limit."""
    assert parse_limit(text) == expected


def test_bwlimit_off_overrides_the_settings() -> None:
    """`--bwlimit off` overrides the limit of the settings; without the option that limit stays."""
    assert ExportRequest(to=locate(Path("f")), bwlimit="off").settings == {"max_bandwidth": None}
    assert ExportRequest(to=locate(Path("f"))).settings == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("08:00,1MB 19:00", "'19:00' is not a time and a limit"),
        ("8:00,1MB", "'8:00,1MB' is not a time and a limit"),
        ("24:00,1MB", "'24:00,1MB' is not a time and a limit"),
        ("08:00,1MB 08:00,off", "08:00 comes twice"),
        ("08:00,fast", "'fast' is not a rate"),
        ("08:00,1000", "'1000' is below the minimum"),
        ("fast", "'fast' is not a rate"),
        ("", "'' is not a rate"),
    ],
)
def test_invalid_bandwidth_limits(text: str, said: str) -> None:
    """The error names the entry that cannot be parsed and the expected form."""
    with pytest.raises(ValueError, match=said):
        parse_limit(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00", NOON),
        ("2026-01-31T12:00Z", NOON),
        ("2026-01-31T14:00+02:00", NOON),
    ],
)
def test_date(text: str, expected: datetime) -> None:
    """A time without an offset is in UTC."""
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    ("choice", "status", "finished", "expected"),
    [
        (Choice(), "completed", None, "now"),
        (Choice(), "Task_Completed", None, "now"),
        (Choice(), "partial_success", None, "now"),
        (Choice(), "failed", None, "no"),
        (Choice(), "running", None, "running"),
        (Choice(), "a new word", None, "running"),
        (Choice(), None, None, "running"),
        (Choice(wait=True), "running", None, "later"),
        (Choice(wait=True), "failed", None, "no"),
        (Choice(status=("Failed",)), "FAILED", None, "now"),
        (Choice(status=("failed",)), "completed", None, "no"),
        (Choice(status=("failed",)), "running", None, "no"),
        (Choice(since=NOON), "completed", NOON, "now"),
        (Choice(since=NOON), "completed", NOON - timedelta(seconds=1), "no"),
        (Choice(since=NOON), "completed", NOON.replace(tzinfo=None), "now"),
        (Choice(since=NOON), "completed", NOON.astimezone(timezone(timedelta(hours=5))), "now"),
        (Choice(since=NOON), "completed", None, "now"),
        (Choice(since=NOON, wait=True), "running", None, "later"),
    ],
)
def test_take(choice: Choice, status: str | None, finished: datetime | None, expected: str) -> None:
    """Jobs that ended well are taken, running ones waited for or counted; an unknown status counts as running."""
    assert choice.decide(status, finished) == expected


@pytest.mark.parametrize(("status", "expected"), [("completed", True), (None, True), ("", True), ("failed", False)])
def test_tasks(status: str | None, expected: bool) -> None:
    """A failed task is skipped; a task without a status is requested."""
    assert may_have_package(status) is expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "say what to export: --workflow W"),
        ({"workflows": ("w",), "project": "p"}, "--workflow and --project exclude each other"),
        ({"manifest": "m", "packages": ("job:w/j",)}, "--manifest and PACKAGE exclude each other"),
        ({"workflows": ("",)}, "--workflow is empty"),
        ({"workflows": ("w", " ")}, "--workflow is empty"),
        ({"project": ""}, "--project is empty"),
        ({"manifest": "m", "kinds": "task"}, "filter the jobs"),
        ({"packages": ("job:w/j",), "statuses": ("done",)}, "filter the jobs"),
        ({"packages": ("job:w/j",), "since": "last"}, "filter the jobs"),
    ],
)
def test_contradicting_options_are_refused(given: dict[str, Any], words: str) -> None:
    """Exclusive and incomplete options are refused before anything is read or sent."""
    with pytest.raises(CommandError, match=words):
        check_request(ExportRequest(to=locate(Path("x")), **given))


@pytest.mark.parametrize(("kinds", "unknown"), [("job", "task_id"), ("task", "id9"), ("both", "task_id")])
def test_names_use_fields_of_all_kinds(kinds: Any, unknown: str) -> None:
    """The name template of an export may use the fields common to the kinds that it takes."""
    order = ExportRequest(
        to=locate(Path("x")), workflows=("w",), kinds=kinds, name="{workflow_name}/{job_id}-{id8}-{status}"
    )
    check_request(order)
    with pytest.raises(ConfigError, match=f"no field '{unknown}'"):
        check_request(evolve(order, name=f"{{{unknown}}}"))


def test_sandbox_alone_shows_both_kinds() -> None:
    """Without a source the sandbox exports jobs and tasks; a named workflow exports jobs by default."""
    assert ExportRequest(to=locate(Path("x")), sandbox=True).taken == "both"
    assert ExportRequest(to=locate(Path("x")), sandbox=True, kinds="task").taken == "task"
    assert ExportRequest(to=locate(Path("x")), sandbox=True, workflows=("w",)).taken == "job"


def test_last_run_is_kept_for_each_selection(tmp_path: Path) -> None:
    """`last` is the start of the last complete run of the same selection, less one hour for clock differences."""
    assert read_last_run(tmp_path, "workflows a") is None

    note_run(tmp_path, "workflows a", NOON)
    note_run(tmp_path, "workflows b", NOON + timedelta(days=1))

    assert read_last_run(tmp_path, "workflows a") == NOON - timedelta(hours=1)
    assert read_last_run(tmp_path, "workflows c") is None
    assert os.name != "posix" or (tmp_path / ".pixxel/runs.json").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / ".pixxel").iterdir()) == ["runs.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"workflows a": 5}', '{"workflows a": "soon"}'])
def test_damaged_runs(tmp_path: Path, text: str) -> None:
    """A damaged runs.json counts as no last run, so all packages are looked at."""
    (tmp_path / ".pixxel").mkdir()
    (tmp_path / ".pixxel" / "runs.json").write_text(text)

    assert read_last_run(tmp_path, "workflows a") is None


def test_set() -> None:
    """`--set` assigns a setting by its dotted name and converts the text to its type."""
    sets = ["download.max_concurrent_downloads=4", "auth=bearer", "http.connect_timeout=2.5", "http.proxy=http://p?a=b"]

    settings = Session(sets=tuple(sets)).settings()

    assert settings.download.max_concurrent_downloads == 4
    assert settings.auth == "bearer"
    assert settings.http.connect_timeout == 2.5
    assert settings.http.proxy == "http://p?a=b"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("download.max_concurrent_downloads", "takes a.b=c"),
        ("download.max_concurent_downloads=4", "similar: download.max_concurrent_downloads"),
        ("download=4", "download"),
        ("auth.form=raw", "auth.form"),
        ("download.max_concurrent_downloads=0", "max_concurrent_downloads must be at least 1"),
        ("download.max_concurrent_downloads=many", "download.max_concurrent_downloads must be a whole number"),
        ("api_key=sk-1", "visible in the process list"),
        (" api_key=sk-1", "visible in the process list"),
    ],
)
def test_bad_set(text: str, words: str) -> None:
    """An unknown setting, an invalid value and a key are refused by `--set`."""
    with pytest.raises(ConfigError, match=words):
        Session(sets=(text,)).settings()


@pytest.mark.fault("A-14")
def test_key_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--api-key-file` overrides the environment and is named as the source; the key is not printed."""
    monkeypatch.setenv("PIXXEL_API_KEY", "from-environment")
    path = tmp_path / "key"
    path.write_text("from-file\n")
    path.chmod(0o600)

    settings = Session(key_file=str(path)).settings()

    assert isinstance(settings.api_key, Secret)
    assert settings.api_key.reveal() == "from-file"
    assert settings.key_source == str(path)
    assert "from-file" not in repr(settings)
