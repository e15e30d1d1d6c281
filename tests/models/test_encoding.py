"""Encoding of models and users' values as JSON."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
from typing import Any

import pytest

from pixxel_async._http.codec.geometry import feature_collection, geometry_of
from pixxel_async._http.codec.model import require_one, require_when, to_body, to_wire
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
    """An object with `__geo_interface__`, as other libraries pass it."""

    def __init__(self, geo: dict[str, Any]) -> None:
        self.__geo_interface__ = geo


def test_writing_uses_wire_names_and_leaves_out_defaults() -> None:
    """Defaults are left out, names are wire names, and times are RFC 3339 with Z."""
    item = STACItem.from_dict({"properties": {"eo:cloud_cover": 3, "created": "2024-01-02 03:04:05"}, "links": []})

    assert item.to_dict() == {"properties": {"eo:cloud_cover": 3, "created": "2024-01-02T03:04:05Z"}}


def test_a_set_value_replaces_a_kept_one() -> None:
    """A value set by the user replaces the kept one of a wrong type."""
    job = Job.from_dict({"id": 5})
    job.id = "j"

    assert job.to_dict() == {"id": "j"}


def test_a_time_needs_a_zone() -> None:
    """A naive time is refused, as in a query."""
    with pytest.raises(ConfigError, match="time zone"):
        to_body({"since": dt.datetime(2024, 1, 2)})


@pytest.mark.parametrize("rows", ["x", ["x"], [None], None])
def test_rows_that_are_not_objects_are_refused(rows: Any) -> None:
    """Rows that are not objects raise ConfigError."""
    with pytest.raises(ConfigError):
        require_one(to_body({"rows": rows}), "a", "b", each="rows")


def test_an_empty_list_counts_as_absent() -> None:
    """An empty list counts as not given for `require_one`."""
    with pytest.raises(ConfigError, match="not 0"):
        require_one({"a": []}, "a", "b")


def test_a_text_in_place_of_a_list_is_refused() -> None:
    """A text in place of a list of texts raises ConfigError in models, too."""
    with pytest.raises(ConfigError, match="item_ids takes a list"):
        NewOrderItem(project_id="p", usecase="u", geometry=POINT, item_ids="abc").to_dict()


def test_models_copy_compare_and_pickle() -> None:
    """A model can be copied, compared, pickled and rebuilt from its dict."""
    job = Job.from_dict({"id": "j", "status": "paused", "new": 1, "tasks": [{"id": "t"}]})

    assert pickle.loads(pickle.dumps(job)) == copy.deepcopy(job) == job
    assert Job.from_dict(job.to_dict()) == job
    assert job != Job(id="j")


@pytest.mark.parametrize(
    "given", [POINT, FEATURE, COLLECTION, Shape(POINT), Shape(COLLECTION), Geometry.from_dict(POINT)]
)
def test_geometries_are_converted(given: Any) -> None:
    """Geometries, features and collections of one are converted to the form of the call."""
    assert geometry_of(given) == POINT
    assert feature_collection(given)["features"][0]["geometry"] == POINT


def test_order_items_wrap_their_geometry() -> None:
    """An order item wraps its geometry in a collection and its bandset in an object."""
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
    """A member with one possible value is always written."""
    assert FeatureCollection().to_dict() == {"type": "FeatureCollection"}


@pytest.mark.parametrize("given", ["nowhere", 5, {"no": "type"}, {"type": "FeatureCollection", "features": []}])
def test_invalid_geometries_are_refused(given: Any) -> None:
    """Text, numbers and empty collections are refused as geometries."""
    with pytest.raises(ConfigError):
        geometry_of(given)


def test_models_are_geojson_for_others() -> None:
    """Geometries and items offer `__geo_interface__`."""
    item = STACItem.from_dict({"type": "Feature", "geometry": POINT})

    assert item.__geo_interface__ == {"type": "Feature", "geometry": POINT}


def test_values_of_users_become_json() -> None:
    """Models, words, times, dates, tuples and mappings become JSON at any depth; null is kept below the top."""
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
    ("given", "message"),
    [
        (object(), "object"),
        (b"x", "bytes"),
        (float("nan"), "nan"),
        ({1: 2}, "int"),
        ([{1j}], "complex"),
        (to_wire, "function"),
    ],
)
def test_values_outside_json_are_refused(given: Any, message: str) -> None:
    """A value that JSON cannot hold is refused with its type, at any depth."""
    with pytest.raises(ConfigError, match=message):
        to_body({"value": [given]})


def test_recursive_values_are_refused() -> None:
    """A value that contains itself raises ConfigError, not RecursionError."""
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(ConfigError, match="nested"):
        to_body({"value": endless})


@pytest.mark.parametrize("body", [{}, {"a": 1, "b": 2}])
def test_require_one(body: dict[str, Any]) -> None:
    """None or two of exclusive arguments are refused, at the top or in each row."""
    assert require_one({"a": 1}, "a", "b") == {"a": 1}
    for arguments, each in ((body, ""), ({"rows": [body]}, "rows")):
        with pytest.raises(ConfigError, match="exactly one of a and b"):
            require_one(arguments, "a", "b", each=each)


def test_require_when() -> None:
    """`require_when` requires an argument only for a certain value of another."""
    assert require_when({"mode": "theoretical"}, "bins", mode="dynamic")
    assert require_when({"mode": "dynamic", "bins": 3}, "bins", mode="dynamic")
    with pytest.raises(ConfigError, match="bins is needed when mode is 'dynamic'"):
        require_when({"mode": "dynamic"}, "bins", mode="dynamic")


def test_unknown_members_are_refused() -> None:
    """Models accept keywords of their own members only."""
    with pytest.raises(TypeError):
        JobTask(nonsense=1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        JobTask().nonsense = 1  # type: ignore[attr-defined]
