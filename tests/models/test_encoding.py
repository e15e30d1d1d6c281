"""Encoding of models and users' values as JSON."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
from typing import Any

import pytest

from pixxel_async._http.codec.model import feature_collection, geometry_of, require_one, require_when, to_body, to_wire
from pixxel_async.errors import ConfigError
from pixxel_async.models import (
    CloudDelivery,
    FeatureCollection,
    Geometry,
    Job,
    JobTask,
    LegendItem,
    NewOrderItem,
    OrderItemStatus,
    STACItem,
)

POINT = {"type": "Point", "coordinates": [1.0, 2.0]}
FEATURE = {"type": "Feature", "geometry": POINT, "properties": {"a": 1}}
COLLECTION = {"type": "FeatureCollection", "features": [FEATURE]}


class Shape:
    """What other libraries hand in."""

    def __init__(self, geo: dict[str, Any]) -> None:
        self.__geo_interface__ = geo


def test_writing_uses_wire_names_and_leaves_out_defaults() -> None:
    """Defaults are not written; colons are back in the names; times are RFC 3339 with Z."""
    item = STACItem.from_dict({"properties": {"eo:cloud_cover": 3, "created": "2024-01-02 03:04:05"}, "links": []})

    assert item.to_dict() == {"properties": {"eo:cloud_cover": 3, "created": "2024-01-02T03:04:05Z"}}


def test_what_was_set_wins_over_what_was_kept() -> None:
    """A member that did not fit gives way once the attribute is set."""
    job = Job.from_dict({"id": 5})
    job.id = "j"

    assert job.to_dict() == {"id": "j"}


def test_a_time_needs_a_zone() -> None:
    """A naive time is no moment: as in a query it is refused, and not guessed to be UTC."""
    with pytest.raises(ConfigError, match="time zone"):
        to_body({"since": dt.datetime(2024, 1, 2)})


@pytest.mark.parametrize("rows", ["x", ["x"], [None], None])
def test_rows_that_are_no_objects_are_refused(rows: Any) -> None:
    """Each row has to name one thing: what cannot name any is our error, not Python's."""
    with pytest.raises(ConfigError):
        require_one(to_body({"rows": rows}), "a", "b", each="rows")


def test_an_empty_list_names_nothing() -> None:
    """`exactly_one` takes an empty list for one that was not given."""
    with pytest.raises(ConfigError, match="not 0"):
        require_one({"a": []}, "a", "b")


def test_a_single_text_is_no_list_in_a_model_either() -> None:
    """A text where a list of texts belongs would be sent as it is, or letter by letter."""
    with pytest.raises(ConfigError, match="item_ids takes a list"):
        NewOrderItem(project_id="p", usecase="u", geometry=POINT, item_ids="abc").to_dict()


def test_models_copy_compare_and_pickle() -> None:
    """A model is a plain value."""
    job = Job.from_dict({"id": "j", "status": "paused", "new": 1, "tasks": [{"id": "t"}]})

    assert pickle.loads(pickle.dumps(job)) == copy.deepcopy(job) == job
    assert Job.from_dict(job.to_dict()) == job
    assert job != Job(id="j")


@pytest.mark.parametrize(
    "given", [POINT, FEATURE, COLLECTION, Shape(POINT), Shape(COLLECTION), Geometry.from_dict(POINT)]
)
def test_a_geometry_may_be_given_in_many_ways(given: Any) -> None:
    """Bare geometries, features and collections of one are converted to what the call needs."""
    assert geometry_of(given) == POINT
    assert feature_collection(given)["features"][0]["geometry"] == POINT


def test_order_items_wrap_their_geometry() -> None:
    """An order takes a collection; the bandset stands in an object of its own."""
    item = NewOrderItem(
        project_id="p",
        usecase="u",
        geometry=Shape(POINT),
        bandset_id="b",
        start_date=dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
    )
    sent = item.to_dict()

    assert sent["geometry"]["type"] == "FeatureCollection"
    assert sent["bandset"] == {"bandset_id": "b"}
    assert sent["start_date"] == "2024-01-02T00:00:00Z"
    assert NewOrderItem.from_dict(sent).bandset_id == "b"


def test_constants_are_always_written() -> None:
    """A member with one possible value is said, or GeoJSON would not be GeoJSON."""
    assert FeatureCollection().to_dict() == {"type": "FeatureCollection"}


@pytest.mark.parametrize("given", ["nowhere", 5, {"no": "type"}, {"type": "FeatureCollection", "features": []}])
def test_what_is_no_geometry_is_refused(given: Any) -> None:
    """Text, numbers and empty collections are refused as geometries before a request."""
    with pytest.raises(ConfigError):
        geometry_of(given)


def test_models_are_geojson_for_others() -> None:
    """Geometries and items can be handed to whatever reads `__geo_interface__`."""
    item = STACItem.from_dict({"type": "Feature", "geometry": POINT})

    assert item.__geo_interface__ == {"type": "Feature", "geometry": POINT}


def test_values_of_users_become_json() -> None:
    """Models, words, times, dates, tuples and mappings, at any depth; null is kept below the top."""
    given = {
        "cloud": CloudDelivery(config="c"),
        "legend": [LegendItem(label="x"), {"min": None}],
        "when": dt.datetime(2024, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        "day": dt.date(2024, 1, 2),
        "word": OrderItemStatus.ACTIVE,
        "pair": (1, 2.5),
        "left out": None,
    }

    assert json.loads(json.dumps(to_body(given))) == {
        "cloud": {"config": "c"},
        "legend": [{"label": "x"}, {"min": None}],
        "when": "2024-01-02T03:00:00+02:00",
        "day": "2024-01-02",
        "word": "ACTIVE",
        "pair": [1, 2.5],
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (object(), "object"),
        (b"x", "bytes"),
        (float("nan"), "nan"),
        ({1: 2}, "int"),
        ([{1j}], "complex"),
        (to_wire, "function"),
    ],
)
def test_what_has_no_place_in_json_is_refused(given: Any, told: str) -> None:
    """The error names the type, at any depth."""
    with pytest.raises(ConfigError, match=told):
        to_body({"value": [given]})


def test_what_holds_itself_is_refused() -> None:
    """An endless value is an error of the caller's, not of the interpreter's."""
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(ConfigError, match="nested"):
        to_body({"value": endless})


@pytest.mark.parametrize("body", [{}, {"a": 1, "b": 2}])
def test_exactly_one_is_one(body: dict[str, Any]) -> None:
    """None and two are refused, at the top or in each row."""
    assert require_one({"a": 1}, "a", "b") == {"a": 1}
    for arguments, each in ((body, ""), ({"rows": [body]}, "rows")):
        with pytest.raises(ConfigError, match="exactly one of a and b"):
            require_one(arguments, "a", "b", each=each)


def test_needed_only_then() -> None:
    """A member may be needed only when another one has a certain value."""
    assert require_when({"mode": "theoretical"}, "bins", mode="dynamic")
    assert require_when({"mode": "dynamic", "bins": 3}, "bins", mode="dynamic")
    with pytest.raises(ConfigError, match="bins is needed when mode is 'dynamic'"):
        require_when({"mode": "dynamic"}, "bins", mode="dynamic")


def test_tasks_hold_no_names_but_their_own() -> None:
    """Models take keywords only, and no names that they do not have."""
    with pytest.raises(TypeError):
        JobTask(nonsense=1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        JobTask().nonsense = 1  # type: ignore[attr-defined]
