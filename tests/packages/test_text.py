"""Packages as values and as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.errors import ConfigError
from pixxel_async.models import Job, JobTask
from pixxel_async.packages import JobPackage, Package, TaskPackage, Wanted, as_package, parse_package, wanted

ids = st.text(st.characters(codec=None), min_size=1)
packages: st.SearchStrategy[Package] = st.one_of(
    st.builds(JobPackage, workflow_id=ids, job_id=ids),
    st.builds(TaskPackage, workflow_id=ids, job_id=ids, task_id=ids),
)


@given(packages)
def test_text_round_trips(package: Package) -> None:
    """`parse_package` reads what `str` wrote, whatever the ids hold: slashes, colons, controls, surrogates."""
    text = str(package)
    assert parse_package(text) == package
    assert text.isascii() and text.isprintable() and " " not in text


@given(packages, packages)
def test_one_text_for_one_package(one: Package, other: Package) -> None:
    """Different packages have different texts, so that text can be a key."""
    assert (str(one) == str(other)) == (one == other)


def test_spelling() -> None:
    """The text form is short where ids are, and escapes the rest."""
    assert str(JobPackage(workflow_id="w-1", job_id="j_1.a~")) == "job:w-1/j_1.a~"
    assert str(TaskPackage(workflow_id="a/b", job_id="c:d", task_id="é\n%")) == "task:a%2Fb/c%3Ad/%C3%A9%0A%25"


def test_packages_are_values() -> None:
    """Equal ids, equal packages, of one kind; they are frozen and can be keys."""
    one = JobPackage(workflow_id="w", job_id="j")
    assert one == JobPackage(workflow_id="w", job_id="j")
    assert {one: 1}[JobPackage(workflow_id="w", job_id="j")] == 1
    assert one.ids == ("w", "j")
    assert one.fields() == {"workflow_id": "w", "job_id": "j"}
    with pytest.raises(AttributeError):
        one.job_id = "k"  # type: ignore[misc]


@pytest.mark.parametrize("bad", ["", None, 7])
def test_an_id_is_a_text_that_is_not_empty(bad: object) -> None:
    """A package without one of its ids cannot be made; the error names the id."""
    with pytest.raises(ConfigError, match="job_id"):
        JobPackage(workflow_id="w", job_id=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("w/j", "job: or task:"),
        ("", "job: or task:"),
        ("job", "job: or task:"),
        ("JOB:w/j", "job: or task:"),
        ("order:1", "job: or task:"),
        ("job:w", "job:WORKFLOW_ID/JOB_ID"),
        ("job:w/j/t", "job:WORKFLOW_ID/JOB_ID"),
        ("job:w/", "job:WORKFLOW_ID/JOB_ID"),
        ("job:", "job:WORKFLOW_ID/JOB_ID"),
        ("task:w/j", "task:WORKFLOW_ID/JOB_ID/TASK_ID"),
        ("task:w//t", "task:WORKFLOW_ID/JOB_ID/TASK_ID"),
    ],
)
def test_bad_text_is_refused_with_the_right_form(text: str, told: str) -> None:
    """What is no package says which kinds there are, or how this kind is written."""
    with pytest.raises(ConfigError, match=told):
        parse_package(text)


def test_blanks_around_a_line_do_not_matter() -> None:
    """A manifest's line may end as lines do."""
    assert parse_package(" job:w/j\r\n") == JobPackage(workflow_id="w", job_id="j")


def test_rows_are_as_good_as_packages() -> None:
    """A job and a task of it name their packages, and bring what name templates want."""
    job = Job.from_dict({"id": "j", "workflow_id": "w", "status": "completed", "created_at": "2024-05-27T06:50:20Z"})
    got = wanted(job)
    assert got.package == JobPackage(workflow_id="w", job_id="j")
    assert got.ended is True
    assert got.fields["status"] == "completed"
    assert got.fields["created_at"] == job.created_at
    assert "finished_at" not in got.fields
    assert as_package(job) == got.package


def test_a_task_row_knows_its_job() -> None:
    """The ids that a listing lends to a task make its package."""
    job = Job.from_dict({"id": "j", "workflow_id": "w", "tasks": [{"id": "t", "name": "ndvi", "status": "running"}]})
    assert job.tasks
    got = wanted(job.tasks[0])
    assert got.package == TaskPackage(workflow_id="w", job_id="j", task_id="t")
    assert got.ended is False
    assert got.fields["task_name"] == "ndvi"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (Job.from_dict({"id": "j"}), "Job names no package: its workflow_id is missing"),
        (Job.from_dict({}), "workflow_id and id"),
        (JobTask.from_dict({"id": "t"}), "workflow_id and job_id"),
    ],
)
def test_a_row_without_its_ids_is_refused(row: object, told: str) -> None:
    """The error names the members that are missing."""
    with pytest.raises(ConfigError, match=told):
        as_package(row)


@pytest.mark.parametrize("thing", [None, 7, b"job:w/j", object(), ["job:w/j"]])
def test_other_things_are_no_packages(thing: object) -> None:
    """What names no package is refused by its type."""
    with pytest.raises(ConfigError, match=type(thing).__name__):
        wanted(thing)


def test_what_is_wanted_stays_so() -> None:
    """A `Wanted` passes as it is, a package and a text gain nothing but the form."""
    own = Wanted(JobPackage(workflow_id="w", job_id="j"), {"site": "north"}, name="a/b")
    assert wanted(own) is own
    assert wanted("job:w/j") == wanted(own.package) == Wanted(own.package)
