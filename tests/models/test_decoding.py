"""Decoding of odd values: attributes have their annotated types, nothing raises, nothing is lost."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from typing import Any

import pytest

from pixxel_async import models
from pixxel_async._http.codec.convert import Drift, read, read_list
from pixxel_async.errors import DecodeError
from pixxel_async.models import AOI, Block, Insight, Job, JobTask, OrderItem, STACItem, STACItemProperties

UTC = dt.UTC

FITS = [
    (Job, "id", "j-1", "j-1"),
    (Job, "cost", 12, 12),
    (Job, "cost", 12.5, 12.5),
    (Job, "spec", {"a": None}, {"a": None}),
    (Job, "spec", [1, 2], [1, 2]),
    (STACItemProperties, "proj:epsg", 32643.0, 32643),
    (Insight, "metadata", {"a": "b", "c": None}, {"a": "b"}),
    (Job, "tasks", [None, {"id": "t"}, None], [JobTask(id="t")]),
    (JobTask, "depends_on", ["a", None, "b"], ["a", "b"]),
    (Block, "spec", {"inputs": None}, models.BlockSpec()),
    (models.STACTemporalExtent, "interval", [["2024-05-27", None]], [["2024-05-27", None]]),
    (Job, "created_at", "2024-05-27T06:50:20.056549Z", dt.datetime(2024, 5, 27, 6, 50, 20, 56549, UTC)),
    (Job, "created_at", "2022-11-14 12:55:49+00:00", dt.datetime(2022, 11, 14, 12, 55, 49, tzinfo=UTC)),
    (Job, "created_at", "2022-11-14T12:55:49", dt.datetime(2022, 11, 14, 12, 55, 49, tzinfo=UTC)),
]

ALTERED = [
    (Job, "id", 5, "5"),
    (Job, "cost", "12.5", 12.5),
    (Job, "cost", "-1e2", -100.0),
    (Job, "cost", "0.12345678901234567890123", 0.12345678901234568),
    (OrderItem, "no_of_occurrences", "12", 12),
    (STACItem, "bbox", ["1", 2.5], [1, 2.5]),
    (Job, "created_at", "2022-11-14T12:55:49.123456789Z", dt.datetime(2022, 11, 14, 12, 55, 49, 123456, UTC)),
    (Job, "created_at", "2022-11-14", dt.datetime(2022, 11, 14, tzinfo=UTC)),
    (Job, "tasks", [[1], {"id": "t"}, "x"], [JobTask(id="t")]),
    (JobTask, "depends_on", ["a", 1, "b"], ["a", "b"]),
    (Insight, "metadata", {"a": 1, "b": "c"}, {"b": "c"}),
]

ABSENT = [
    (Job, "id", None, ""),
    (Job, "tasks", None, []),
    (Insight, "metadata", None, {}),
    (Job, "finished_at", "", None),
    (Job, "finished_at", "0001-01-01T00:00:00Z", None),
]

MISFITS = [
    (Job, "id", {"x": 1}),
    (Job, "id", True),
    (Job, "cost", True),
    (Job, "cost", "nan"),
    (Job, "cost", "inf"),
    (Job, "cost", "1e999"),
    (Job, "cost", "1_000"),
    (Job, "cost", "007"),
    (Job, "cost", float("inf")),
    (Job, "cost", "9" * 5000),
    (Job, "tasks", "abc"),
    (Job, "tasks", {}),
    (STACItem, "bbox", [1, None]),
    (Job, "status", 1),
    (Job, "created_at", "25-05-2024"),
    (Job, "created_at", 1716792620),
    (Job, "created_at", "1716792620"),
    (Job, "created_at", "1716792620123"),
    (Job, "cost", float("-inf")),
    (JobTask, "depends_on", "abc"),
    (JobTask, "block_info", [1]),
    (models.AOI, "is_favourite", "false"),
    (models.AOI, "is_favourite", 0),
    (OrderItem, "no_of_occurrences", 12.5),
    (OrderItem, "no_of_occurrences", True),
]


@pytest.mark.parametrize(("model", "name", "sent", "expected"), FITS)
def test_convertible_values_have_their_type(model: Any, name: str, sent: Any, expected: Any) -> None:
    """Numbers as text, integral floats and all ISO forms of times are converted; naive times are UTC."""
    made = model.from_dict({name: sent})

    value = getattr(made, name.replace(":", "_"))
    assert (value, type(value)) == (expected, type(expected))
    assert made.extra == {}


@pytest.mark.parametrize(("model", "name", "sent", "expected"), ALTERED)
def test_converted_values_are_written_back_unchanged(model: Any, name: str, sent: Any, expected: Any) -> None:
    """A converted value is written back as it came, until its attribute is set."""
    made = model.from_dict({name: sent})
    assert getattr(made, name) == expected
    assert isinstance(getattr(made, name), type(expected))
    assert made.to_dict() == {name: sent}

    other = {"id": "new", "cost": 3, "created_at": dt.datetime(2020, 1, 1, tzinfo=UTC), "no_of_occurrences": 3}
    if name in other:
        setattr(made, name, other[name])
        assert made.to_dict()[name] != sent


def test_odd_members_are_counted_as_drift() -> None:
    """Members of a wrong type and lists with a wrong element are counted as drift; numbers as text are not."""
    drift = Drift()
    read(Job, {"cost": float("nan"), "tasks": [[1]], "id": 5, "workflow_id": "w"}, drift)
    assert drift.members == {"Job.cost as float": 1, "Job.tasks as list": 1}


@pytest.mark.parametrize(("model", "name", "sent", "expected"), ABSENT)
def test_null_and_zero_time_mean_absent(model: Any, name: str, sent: Any, expected: Any) -> None:
    """Null, the empty time and Go's zero time leave the default; lists and maps are empty, never None."""
    made = model.from_dict({name: sent})

    assert getattr(made, name) == expected
    assert made == model()


@pytest.mark.fault("D-07")
@pytest.mark.parametrize(("model", "name", "sent"), MISFITS)
def test_values_of_a_wrong_type_are_kept_in_extra(model: Any, name: str, sent: Any) -> None:
    """A value of a wrong type leaves the default and is kept in `extra` under its wire name."""
    made = model.from_dict({name: sent})

    assert getattr(made, name) == getattr(model(), name)
    assert made.extra == {name: sent}
    assert made.to_dict() == {name: sent}


def test_a_misfit_costs_only_itself() -> None:
    """A wrong value affects only its own member."""
    made = Job.from_dict({"id": "j", "cost": [], "tasks": [{"id": "t", "progress": "many"}, {"id": "u"}]})

    assert (made.id, made.extra) == ("j", {"cost": []})
    assert [task.id for task in made.tasks] == ["t", "u"]
    assert made.tasks[0].extra == {"progress": "many"}


def test_a_member_inside_another_object_is_read_with_its_own_name() -> None:
    """`bandset` is read as its id, which may be a number; an object with other members is kept unchanged."""
    assert models.NewOrderItem.from_dict({"bandset": {"bandset_id": "b"}}).bandset_id == "b"
    assert models.NewOrderItem.from_dict({"bandset": {"bandset_id": 5}}).bandset_id == "5"
    assert models.NewOrderItem.from_dict({"bandset": {"bandset_id": 5}}).extra == {}
    for sent in ({"bandset": {"bandset_id": "b", "more": 1}}, {"bandset": {"bandset_id": []}}):
        assert models.NewOrderItem.from_dict(sent).to_dict() == sent


@pytest.mark.fault("D-07")
def test_unknown_members_are_kept() -> None:
    """Unknown members are kept in `extra`, including null and a member called extra."""
    sent = {"id": "j", "new": {"a": [1]}, "none": None, "extra": 1}

    assert Job.from_dict(sent).extra == {"new": {"a": [1]}, "none": None, "extra": 1}
    assert Job.from_dict(sent).to_dict() == sent


@pytest.mark.fault("D-07")
def test_unknown_words_are_kept() -> None:
    """An unknown word is kept as a value whose `known` is False."""
    made = Job.from_dict({"status": "paused"})

    assert made.status == "paused"
    assert made.status is not None
    assert not made.status.known


def test_an_empty_word_is_no_drift() -> None:
    """An empty text is a valid word and no drift."""
    drift = Drift()

    assert read(JobTask, {"failure_type": ""}, drift).failure_type == ""
    assert drift.words == {}


def test_drift_counts_unknown_members() -> None:
    """Unknown members and words are counted by class and member, at every depth."""
    drift = Drift()
    for _ in range(2):
        read(
            Job,
            {"id": "j", "workflow_id": "w", "status": "paused", "new": 1, "tasks": [{"status": "zzz", "id": "t"}]},
            drift,
        )

    assert drift.members == {"Job.new": 2}
    assert drift.words == {"Job.status=paused": 2, "JobTask.status=zzz": 2}


def test_an_odd_member_does_not_count_the_others_twice() -> None:
    """Beside a member or an element of a wrong type, unknown words are counted once for each value."""
    drift = Drift()
    tasks = [{"id": "t", "status": "zzz"}, 7]
    read(Job, {"id": "j", "workflow_id": "w", "status": "paused", "tasks": tasks, "cost": []}, drift)

    assert drift.words == {"Job.status=paused": 1, "JobTask.status=zzz": 1}


@pytest.mark.slow
def test_drift_is_bounded() -> None:
    """Drift holds at most 1,000 names of at most 200 characters."""
    drift = Drift()
    read(Job, {f"member-{n}" + "x" * 1000: 1 for n in range(3000)}, drift)

    assert len(drift.members) == 1000
    assert max(map(len, drift.members)) <= 200


def test_a_copy_of_drift_is_independent() -> None:
    """A copy of Drift does not change when more is counted."""
    drift = Drift()
    before = drift.copy()
    read(Job, {"id": "j", "workflow_id": "w", "new": 1}, drift)

    assert (before.members, drift.members) == ({}, {"Job.new": 1})


@pytest.mark.parametrize("sent", [{}, {"id": None}])
def test_a_missing_id_reads_as_an_empty_text(sent: dict[str, Any]) -> None:
    """A missing id is an empty text and counted as drift, so that ids are always `str`."""
    drift = Drift()
    made = read(Job, sent, drift, {"workflow_id": "w"})

    assert (made.id, made.workflow_id) == ("", "w")
    assert drift.members == {"Job without id": 1}
    assert "id" not in Job.from_dict(sent).to_dict()


def test_an_id_that_the_call_knows_is_not_missing() -> None:
    """A member that is null in the response is lent by the call, and not counted as missing."""
    drift = Drift()
    assert read(Job, {"id": "j", "workflow_id": None}, drift, {"workflow_id": "w"}).workflow_id == "w"
    assert drift.members == {}


def test_tasks_know_their_job() -> None:
    """Tasks get the ids of their job, from the response or from the call's arguments."""
    sent = {"id": "j", "tasks": [{"id": "t"}]}

    assert read(Job, sent | {"workflow_id": "w"}, None, {"workflow_id": "x"}).tasks[0].workflow_id == "w"
    lent = read(Job, sent, None, {"workflow_id": "x"})
    assert (lent.workflow_id, lent.tasks[0].workflow_id, lent.tasks[0].job_id) == ("x", "x", "j")
    assert lent.tasks[0].to_dict() == {"id": "t"}


@pytest.mark.parametrize("sent", [None, 5, "text", [1], True])
def test_a_response_that_is_not_an_object_is_refused(sent: Any) -> None:
    """A response that is not an object raises DecodeError with the class name."""
    with pytest.raises(DecodeError, match="Job"):
        read(Job, sent)


def test_rows_come_from_lists_and_maps() -> None:
    """Rows come from lists and mappings; null means no rows, and a row that is not an object keeps its raw value."""
    assert [job.id for job in read_list(Job, [{"id": "a"}, {"id": "b"}])] == ["a", "b"]
    assert [job.id for job in read_list(Job, {"x": {"id": "a"}})] == ["a"]
    assert read_list(Job, None) == []
    assert read_list(Job, [7])[0].extra == {"": 7}
    with pytest.raises(DecodeError):
        read_list(Job, "abc")


def test_an_odd_collection_can_be_written_again() -> None:
    """A collection is written back as it came, even with a member of a wrong type."""
    sent = {"geometry": {"type": [], "features": [{"type": "Feature", "geometry": {"type": 5}}]}}

    assert models.NewOrderItem.from_dict(sent).to_dict() == sent


def test_absent_members_of_inputs_read_as_none() -> None:
    """Required members of inputs may be missing when read, but not in the constructor."""
    assert models.NewOrderItem.from_dict({}).project_id is None
    with pytest.raises(TypeError):
        models.NewOrderItem()  # type: ignore[call-arg]


def test_links_and_unknown_values_are_not_in_a_repr() -> None:
    """A repr shows neither signed links, nor their query, nor values of unknown members."""
    shown = repr(models.JobDownload.from_dict({"signed_url": "https://s/x?sig=SECRET", "token": "SECRET"}))
    asset = repr(models.STACAsset.from_dict({"href": "https://s/x?sig=SECRET"}))

    assert shown == "JobDownload(signed_url=***, extra={token})"
    assert asset == "STACAsset(href='https://s/x?***')"


@pytest.mark.parametrize(
    ("name", "said"), [("id", "but aoi_id"), ("Name", "but name"), ("zzz", "it has .*aoi_id"), ("__zzz__", "__zzz__")]
)
def test_a_member_that_a_model_does_not_have(name: str, said: str) -> None:
    """The error names the members that may be meant, or all of them; copies and pickles are not disturbed."""
    aoi = AOI.from_dict({"aoi_id": "a"})
    with pytest.raises(AttributeError, match=f"AOI has no '{name}'.*{said}" if name != "__zzz__" else said):
        getattr(aoi, name)
    assert copy.deepcopy(pickle.loads(pickle.dumps(aoi))) == aoi
