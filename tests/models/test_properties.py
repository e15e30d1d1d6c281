"""Whatever JSON comes, for every class: reading never raises, nothing is lost, types never lie."""

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
    """Lists and objects of values."""
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)


JSON = st.recursive(SCALARS, nested, max_leaves=6)


def wire_names(model: type[Model]) -> list[str]:
    """The members of a class as the API spells them."""
    kind: Any = model
    told = [(a.name, a.metadata) for a in attrs.fields(kind) if not a.metadata.get("lent")]
    return [facts.get("within") or facts.get("wire", name) for name, facts in told]


@st.composite
def objects(draw: st.DrawFn) -> tuple[type[Model], dict[str, Any]]:
    """A class, and an object with any JSON in any of its members and in others."""
    model = draw(st.sampled_from(CLASSES))
    names = st.sampled_from(wire_names(model)) | st.text(max_size=5)
    return model, draw(st.dictionaries(names, JSON, max_size=6))


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of an annotated type, inside too."""
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
    """Whether nothing got lost: equal but for null, empty and never, the spelling of times, and "1" for 1."""
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
    """Any JSON in any member of any class is read, and can be had again."""
    model, sent = case
    made = model.from_dict(sent)

    assert same(sent, made.to_dict())
    assert model.from_dict(made.to_dict()) == made
    assert isinstance(repr(made), str)


@pytest.mark.fault("D-07")
@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(objects())
def test_types_never_lie(case: tuple[type[Model], dict[str, Any]]) -> None:
    """Every attribute of what the API sends is of its announced type, or its default."""
    model, sent = case
    kind: Any = model
    made = model.from_dict(sent)
    if any(field.default is attrs.NOTHING for field in attrs.fields(kind)) or "Mapping" in str(kind.__annotations__):
        return

    for field in attrs.fields(attrs.resolve_types(kind)):
        assert fits(getattr(made, field.name), field.type), field.name


def test_all_classes_are_here() -> None:
    """The properties look at every class and leave out the words."""
    words = [name for name in models.__all__ if issubclass(getattr(models, name), OpenEnum)]

    assert len(CLASSES) + len(words) == len(models.__all__)
    assert len(CLASSES) > 55


def test_many_threads_may_read_at_once() -> None:
    """Answers are read in threads; a class may be compiled by the first of several."""

    @attrs.define(kw_only=True, slots=True)
    class Fresh(models.Job):
        """A class that nobody has read yet."""

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: Fresh.from_dict({"id": str(n), "tasks": [{"id": "t"}]}), range(200)))

    assert [each.id for each in made] == [str(n) for n in range(200)]
    assert {each.tasks[0].job_id for each in made} == {str(n) for n in range(200)}
