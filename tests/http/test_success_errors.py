"""Successful statuses whose body is an error, an envelope or of the wrong kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pixxel_async import (
    APIError,
    DecodeError,
    NotAPackage,
    NotFound,
    OutcomeUnknown,
    PixxelClient,
    PollSettings,
    ServerError,
    Settings,
)
from pixxel_async.resources import OPERATIONS
from tests.support.clients import ITEM, client_for
from tests.support.raw_server import RawServer, answer

ERRORS = [
    {"error": {"message": "it is down"}},
    {"error": "it is down"},
    {"errors": [{"message": "it is down"}]},
    {"message": "it is down", "code": "E1"},
    {"status": "error", "message": "it is down"},
    {"success": False, "message": "it is down"},
]


@pytest.mark.parametrize("body", ERRORS)
async def test_an_error_body_is_an_error(body: Any) -> None:
    """An error body with status 200 raises `APIError` with its message, for reads, lists, creates and files."""
    async with RawServer(answer(body=body)) as server, client_for(server.url) as client:
        with pytest.raises(APIError, match="it is down"):
            await client.jobs.get("w", "j")
        with pytest.raises(APIError, match="it is down"):
            await client.orders.create([ITEM])
        with pytest.raises(APIError, match="it is down"):
            await client.projects.list()
        with pytest.raises(APIError, match="it is down"):
            await client.reports.orders()


@pytest.mark.parametrize(("code", "kind"), [(404, NotFound), ("503", ServerError), ("E404", APIError)])
async def test_the_status_in_the_body_chooses_the_class(code: object, kind: type[APIError]) -> None:
    """The HTTP status in an error body chooses the exception class."""
    async with (
        RawServer(answer(body={"error": {"message": "no", "code": code}})) as server,
        client_for(server.url) as client,
    ):
        with pytest.raises(APIError) as caught:
            await client.jobs.get("w", "j")
    assert type(caught.value) is kind


async def test_a_failed_object_is_not_an_error_body() -> None:
    """An object with its own status and an `error` member is returned, not raised."""
    async with (
        RawServer(answer(body={"id": "j", "status": "failed", "error": "disk full"})) as server,
        client_for(server.url) as client,
    ):
        job = await client.jobs.get("w", "j")
    assert (job.id, job.status) == ("j", "failed")


@pytest.mark.parametrize("name", ["data", "result"])
async def test_an_envelope_is_unwrapped(name: str) -> None:
    """`{"data": …}` around an object is unwrapped and counted as drift."""
    async with (
        RawServer(answer(body={name: {"id": "j", "status": "completed"}, "status": "ok"})) as server,
        client_for(server.url) as client,
    ):
        assert (await client.jobs.get("w", "j")).id == "j"
        assert client.drift().members == {f"Job in {name!r}": 1}


@pytest.mark.parametrize("body", [{}, {"status": "created"}, {"id": None, "status": "created"}, {"id": ""}])
async def test_a_create_without_an_id_is_unknown(body: Any) -> None:
    """A create whose response has no id is OutcomeUnknown; a dry run needs no id."""
    async with RawServer(answer(body=body)) as server, client_for(server.url) as client:
        with pytest.raises(OutcomeUnknown, match="no id"):
            await client.jobs.create("w", project_id="p")
        await client.orders.create([ITEM], dry_run=True)


SHAPE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
CREATES: dict[str, Callable[[PixxelClient], Awaitable[object]]] = {
    "aois.create": lambda client: client.aois.create(
        name="n", description="d", satellite_id="s", provider="p", project_id="p", geometry=SHAPE, item_ids=["i"]
    ),
    "deliveries.create": lambda client: client.deliveries.create(
        [{"catalog_ids": ["c"], "cloud_info": {"config": "s"}}]
    ),
    "indices.create": lambda client: client.indices.create(
        name="n", description="d", rescale=[0, 1], expression="b1", colormap="c", satellite_id="s", expression_type="e"
    ),
    "insights.create": lambda client: client.insights.create("a", block={"id": "b"}, input={}),
    "jobs.create": lambda client: client.jobs.create("w", project_id="p"),
    "orders.create": lambda client: client.orders.create([ITEM]),
    "stores.create": lambda client: client.stores.create(name="n", type="s3", configs={}, secrets={}),
    "visualizations.create": lambda client: client.visualizations.create("a", index_id="i"),
    "assets.request_download": lambda client: client.assets.request_download("a", asset_ids=["i"]),
    "catalogs.request_download": lambda client: client.catalogs.request_download(catalog_ids=["c"]),
}


def test_the_table_has_every_create() -> None:
    """The table below holds every operation that creates something."""
    assert CREATES.keys() == {name for name, operation in OPERATIONS.items() if operation.creates}


@pytest.mark.slow
@pytest.mark.parametrize("name", CREATES)
async def test_creates_raise_for_error_bodies(name: str) -> None:
    """Every create raises for an error body, and OutcomeUnknown for a response without an id."""
    for body in ({"error": {"message": "it is down"}}, {"message": "it is down", "code": "E1"}):
        async with RawServer(answer(body=body)) as server, client_for(server.url) as client:
            with pytest.raises(APIError, match="it is down"):
                await CREATES[name](client)
    for body in (b"{}", b'{"id": ""}', b"7", b"null", b'"done"', b"<html>"):
        async with RawServer(answer(body=body)) as server, client_for(server.url) as client:
            with pytest.raises(OutcomeUnknown):
                await CREATES[name](client)
            assert len(server.requests) == 1


async def test_a_package_without_a_status_ends_the_wait() -> None:
    """A few responses without status, link and id end the wait with DecodeError."""
    settings = Settings(api_key="k", poll=PollSettings(initial_interval=0.01, timeout=60))
    async with RawServer(answer(body={})) as server, PixxelClient(settings=settings, base_url=server.url) as client:
        with pytest.raises(DecodeError, match="no status"):
            await client.packages.wait("job:w/j")
        assert len(server.requests) == 3


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b'{"a": 1}', b"\xef\xbb\xbf <!doctype html>"])
async def test_html_is_not_a_file(body: bytes) -> None:
    """HTML or JSON in place of a table or image is refused."""
    async with RawServer(answer(200, body)) as server, client_for(server.url) as client:
        with pytest.raises(NotAPackage, match=r"reports\.orders"):
            await client.reports.orders()


async def test_a_table_is_a_file() -> None:
    """Other bytes are returned unchanged."""
    async with (
        RawServer(answer(200, b"id,cost\n1,2\n", Content_Type="text/csv")) as server,
        client_for(server.url) as client,
    ):
        assert await client.reports.orders() == b"id,cost\n1,2\n"


@pytest.mark.fault("D-02")
@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "1" * 5000])
async def test_an_invalid_number_affects_only_its_member(number: str) -> None:
    """NaN, infinite and very long numbers are set aside in their member; the other members and rows are read."""
    body = b'{"orders": [{"id": "a", "total_cost": %b, "x": %b}, {"id": "b"}]}' % ((number.encode(),) * 2)
    async with RawServer(answer(200, body)) as server, client_for(server.url) as client:
        page = await client.orders.list()
    assert [order.id for order in page] == ["a", "b"]
    assert "x" in page[0].to_dict()
