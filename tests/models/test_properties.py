"""For any JSON and every class, decoding never raises and loses nothing, and attributes have their types."""

from __future__ import annotations

import datetime as dt
import typing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixxel_async import models
from pixxel_async._http.codec.model import Model, OpenEnum

CLASSES = [kind for name in models.__all__ if issubclass(kind := getattr(models, name), Model)]

TEXTS = ["nan", "inf", "12", "1.5", "", "0001-01-01T00:00:00Z", "2024-01-02 03:04:05", "2024-05-06T00:00Z"]
NUMBERS = st.integers() | st.floats(allow_nan=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.sampled_from(TEXTS)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return lists and objects of values."""
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)


JSON = st.recursive(SCALARS, nested, max_leaves=6)


def wire_names(model: type[Model]) -> list[str]:
    """Return the members of a class under their wire names."""
    kind: Any = model
    fields = [(a.name, a.metadata) for a in attrs.fields(kind) if not a.metadata.get("lent")]
    return [facts.get("within") or facts.get("wire", name) for name, facts in fields]


@st.composite
def objects(draw: st.DrawFn) -> tuple[type[Model], dict[str, Any]]:
    """Return a class, and an object with arbitrary JSON in known and unknown members."""
    model = draw(st.sampled_from(CLASSES))
    names = st.sampled_from(wire_names(model)) | st.text(max_size=5)
    return model, draw(st.dictionaries(names, JSON, max_size=6))


def fits(value: Any, kind: Any) -> bool:
    """Return whether a value is of an annotated type, nested values included."""
    arguments = typing.get_args(kind)
    origin = typing.get_origin(kind)
    if kind is Any:
        return True
    if origin is list:
        return isinstance(value, list) and all(fits(each, arguments[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(each, arguments[1]) for each in value.values())
    if arguments:
        return value is None or any(fits(value, each) for each in arguments)
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind


def same(sent: Any, written: Any) -> bool:
    """Return whether nothing was lost, up to null, empty, zero times, spelling of times, and "1" for 1."""
    if isinstance(sent, dict) and isinstance(written, dict):
        return all(same(sent.get(name), written.get(name)) for name in sent.keys() | written.keys())
    if isinstance(sent, list) and isinstance(written, list):
        meant = sent if len(sent) == len(written) else [each for each in sent if each is not None]
        return len(meant) == len(written) and all(map(same, meant, written))
    if sent is None:
        return written in (None, "Feature", "FeatureCollection")  # members with one possible value are always written
    if written is None:
        empty = isinstance(sent, dict) and not any(each is not None for each in sent.values())
        return empty or sent in ("", []) or str(sent).startswith("0001-01-01")
    if isinstance(sent, str) and isinstance(written, str):
        return sent == written or dt.datetime.fromisoformat(sent).replace(tzinfo=dt.UTC) is not None
    return bool(sent == written) or float(sent) == written


@pytest.mark.fault("D-02")
@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(objects())
def test_reading_never_raises_and_loses_nothing(case: tuple[type[Model], dict[str, Any]]) -> None:
    """Any JSON in any member of any class is decoded and written back."""
    model, sent = case
    made = model.from_dict(sent)

    assert same(sent, made.to_dict())
    assert model.from_dict(made.to_dict()) == made
    assert isinstance(repr(made), str)


@pytest.mark.fault("D-07")
@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(objects())
def test_attributes_have_their_types(case: tuple[type[Model], dict[str, Any]]) -> None:
    """Every decoded attribute has its annotated type or is the default."""
    model, sent = case
    kind: Any = model
    made = model.from_dict(sent)
    if any(field.default is attrs.NOTHING for field in attrs.fields(kind)) or "Mapping" in str(kind.__annotations__):
        return

    for field in attrs.fields(attrs.resolve_types(kind)):
        assert fits(getattr(made, field.name), field.type), field.name


def test_all_classes_are_covered() -> None:
    """The properties cover every model class except the word classes."""
    words = [name for name in models.__all__ if issubclass(getattr(models, name), OpenEnum)]

    assert len(CLASSES) + len(words) == len(models.__all__)
    assert len(CLASSES) > 55


def test_threads_may_decode_concurrently() -> None:
    """Responses may be decoded in threads concurrently, even for a class decoded for the first time."""

    @attrs.define(kw_only=True, slots=True)
    class Fresh(models.Job):
        """A class that was not decoded before."""

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: Fresh.from_dict({"id": str(n), "tasks": [{"id": "t"}]}), range(200)))

    assert [each.id for each in made] == [str(n) for n in range(200)]
    assert {each.tasks[0].job_id for each in made} == {str(n) for n in range(200)}
