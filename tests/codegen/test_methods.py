"""Calls that generated methods pass to the API."""

from __future__ import annotations

import datetime as dt
from types import ModuleType
from typing import Any, get_type_hints

import pytest


class Recorder:
    """An API that records each call and returns it."""

    async def fetch(self, call: Any, model: Any, *, unwrap: str = "") -> Any:
        return call, model, unwrap

    fetch_list = fetch

    def pages(self, call: Any, model: Any, paging: Any) -> Any:
        return call, model, paging

    async def find(self, rows: Any, what: str, id: str) -> Any:
        return rows, what, id

    async def fetch_bytes(self, call: Any) -> Any:
        return call

    send = fetch_bytes

    async def wait(self, wait: Any, *, timeout: float | None = None) -> Any:
        return wait, timeout

    watch = wait


@pytest.fixture
def boats(made: ModuleType) -> Any:
    """Return the generated resource on a recorder."""
    return made.resources.Boats(Recorder())


@pytest.mark.slow
def test_a_listing_is_lazy_and_knows_its_rows(boats: Any, made: ModuleType) -> None:
    """A listing sends nothing yet and knows path, query under wire names, paging style and row class."""
    call, model, paging = boats.list("h", limit=5, crew_ids=["a", "b"])

    assert call.path == {"harbour_id": "h"}
    assert call.query == {"id": None, "since": None, "crewIds": ["a", "b"], "limit": 5}
    assert (paging.style, paging.rows, paging.limit) == ("offset", "boats", None)
    assert model is made.models.Boat


@pytest.mark.slow
def test_lent_members_are_passed_with_the_call(boats: Any) -> None:
    """`x-lend` is stored in the operation, so that the decoder fills the member from the path."""
    call, *_ = boats.list("h")

    assert call.lent == {"harbour_id": "h"}


async def test_a_body_leaves_out_none(boats: Any) -> None:
    """Arguments that are None are left out of the body; a false flag is sent."""
    call, *_ = await boats.create("h", name="Ada", sail="lug")

    assert call.body == {"name": "Ada", "sail": "lug", "trial": False}
    assert call.repeat is None


async def test_an_argument_can_make_a_call_safe(boats: Any) -> None:
    """`x-repeat-unless`: a dry run of a paid operation may be repeated."""
    call, *_ = await boats.create("h", name="Ada", sail="lug", trial=True)

    assert call.repeat == "safe"


async def test_a_geometry_may_be_anything_that_is_one(boats: Any) -> None:
    """A feature is unwrapped where a bare geometry is needed."""
    point = {"type": "Point", "coordinates": [1, 2]}
    call, *_ = await boats.create("h", name="Ada", sail="lug", place={"type": "Feature", "geometry": point})

    assert call.body["place"] == point


@pytest.mark.parametrize("arguments", [{}, {"sail": "lug", "engine": "steam"}, {"engine": "diesel"}])
async def test_arguments_that_do_not_fit_are_refused(boats: Any, made: ModuleType, arguments: dict[str, str]) -> None:
    """`x-exactly-one` and `x-requires` are checked before anything is sent."""
    with pytest.raises(made.errors.ConfigError):
        await boats.create("h", name="Ada", **arguments)


async def test_rows_of_a_body_are_checked_too(boats: Any, made: ModuleType) -> None:
    """`x-exactly-one` of a schema is checked for each row, whether a model or a mapping."""
    with pytest.raises(made.errors.ConfigError):
        await boats.load([made.models.NewLoad(weight=1.0, crate="a"), {"weight": 2}])


async def test_a_list_of_objects_may_be_positional_and_is_unwrapped(boats: Any, made: ModuleType) -> None:
    """The only required list of objects is positional, and the result is read below its wrapping member."""
    call, model, unwrap = await boats.load([made.models.NewLoad(weight=1.0, crate="a", hold_id="h")])

    assert call.body == {"loads": [{"weight": 1.0, "crate": "a", "hold": {"hold_id": "h"}}]}
    assert (model, unwrap) == (made.models.Boat, "loads")


async def test_a_variant_fixes_members_and_reads_another_class(boats: Any, made: ModuleType) -> None:
    """`x-variants`: a variant has fixed members, its own class and its own repeat class."""
    call, model, _ = await boats.price("h", name="Ada", sail="lug")

    assert call.body["only_price"] is True
    assert (call.repeat, model) == ("safe", made.models.Price)


async def test_a_listing_serves_as_get(boats: Any) -> None:
    """`x-get-from`: get lists with the filter, returns the first row, and names what is missing."""
    (call, *_), what, id = await boats.get("h", "b")

    assert (call.query["id"], what, id) == ("b", "boat", "b")


async def test_waiting_knows_group_id_and_ends(boats: Any) -> None:
    """`x-wait`: waiting knows group, id, final words and the two operations to poll with."""
    wait, timeout = await boats.wait("h", "b", timeout=3)

    assert (wait.kind, wait.group, wait.id, timeout) == ("boats", ("h",), "b", 3)
    assert (wait.good, wait.bad) == ({"afloat"}, {"sunk"})
    assert wait.list()[0].operation.name == "boats.list"


async def test_bytes_and_empty_responses(boats: Any) -> None:
    """A response that is not JSON is returned as bytes, an empty one as None; path arguments keep the path's order."""
    assert (await boats.log()).operation.path == "/log"
    assert (await boats.delete("h", "b")) is None


def test_operations_carry_their_facts(made: ModuleType) -> None:
    """All operations are listed by name with their attributes, including those without a resource."""
    operations = made.resources.OPERATIONS

    assert operations["ping"].path == "/ping"
    assert operations["boats.delete"].gone_is_done
    assert operations["boats.create"].reconcile == "client.boats.list(harbour_id)"
    assert [operations[f"boats.{verb}"].repeat for verb in ("list", "create", "load")] == ["safe", "paid", "once"]
    assert list(made.resources.RESOURCES) == ["boats"]


@pytest.mark.parametrize("one", ["a-1", {"weight": 1}])
async def test_a_single_value_is_no_list(boats: Any, made: ModuleType, one: Any) -> None:
    """A single text or object in place of a list raises ConfigError."""
    with pytest.raises(made.errors.ConfigError, match="crew_ids takes a list"):
        boats.list("h", crew_ids=one)
    with pytest.raises(made.errors.ConfigError, match="loads takes a list"):
        await boats.load(one)


def test_free_operations_may_be_repeated(made: ModuleType) -> None:
    """`x-free`: the docstring says that repeating the call costs nothing."""
    assert made.resources.OPERATIONS["boats.load"].free
    assert "repeating it costs nothing." in made.resources.Boats.load.__doc__


def test_sources_are_spelled_out(made: ModuleType) -> None:
    """A docstring spells out the source tags of the description."""
    assert "Taken from the vendor's document; by a guess (our inference)." in made.resources.Boats.load.__doc__


def test_annotations_can_be_resolved(made: ModuleType) -> None:
    """get_type_hints() resolves every class in the annotations, `Pages` included."""
    hints = get_type_hints(made.resources.Boats.list)

    assert hints["return"].__origin__.__name__ == "Pages"


def test_docstrings_describe_the_result(made: ModuleType) -> None:
    """A docstring has a first line on the action, then arguments, result and raised errors."""
    about = made.resources.Boats.create.__doc__

    assert "name: Painted on the bow." in about
    assert "OutcomeUnknown: " in about
    assert made.resources.Boats.list.__doc__.startswith("List boats.\n")


def test_classes_have_python_names_and_read_wire_names(made: ModuleType) -> None:
    """Members have Python names and are read and written under their wire names."""
    wire = {"eo:bands": ["b1"], "builtAt": "2024-01-01T00:00:00Z", "from": "x", "hull": "glass-fibre"}
    boat = made.models.Boat.from_dict(wire)

    assert (boat.eo_bands, boat.from_, boat.built_at) == (["b1"], "x", dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    assert boat.hull == made.models.Hull.GLASS_FIBRE
    assert boat.to_dict() == wire


def test_rows_know_the_object_that_holds_them(made: ModuleType) -> None:
    """`x-lent`: ids that are not on the wire come from the parent and are never written."""
    boat = made.models.Boat.from_dict({"id": "b", "harbour_id": "h", "crew": [{"name": "Jo"}]})

    assert (boat.crew[0].boat_id, boat.crew[0].harbour_id) == ("b", "h")
    assert boat.crew[0].to_dict() == {"name": "Jo"}


def test_secrets_are_not_in_a_repr(made: ModuleType) -> None:
    """`x-secret` members are masked in the repr."""
    assert "k-1" not in repr(made.models.Boat.from_dict({"id": "b", "key": "k-1"}))


def test_modules_follow_first_use_or_the_description(made: ModuleType) -> None:
    """A class is placed in the module of the resource that uses it first, unless `x-module` says otherwise."""
    homes = {name: getattr(made.models, name).__module__.rpartition(".")[2] for name in ("Boat", "Geometry")}

    assert homes == {"Boat": "boats", "Geometry": "geojson"}
