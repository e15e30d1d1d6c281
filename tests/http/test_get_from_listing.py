"""`get` for resources without a GET of a single object finds it in the listing by its id."""

from __future__ import annotations

from typing import Any

import pytest

from pixxel_async import NotFound
from tests.support.clients import client_for
from tests.support.raw_server import RawServer, answer


def page(*rows: dict[str, Any], total: int | None = None) -> bytes:
    return answer(body={"visualization": list(rows), "pagination": {"total": total}})


async def test_the_row_with_the_id_is_returned() -> None:
    """The row with that id, in any letter case, is returned after one request."""
    async with RawServer(page({"id": "V-1", "status": "success"}, total=1)) as server, client_for(server.url) as client:
        assert (await client.visualizations.get("a", "v-1")).status == "success"
    assert [seen.target for seen in server.requests] == ["/v0/aois/a/visualizations?visualization_id=v-1"]


async def test_a_single_row_without_an_id_is_returned() -> None:
    """A single row without an id is taken as the requested object."""
    async with RawServer(page({"status": "success"}, total=1)) as server, client_for(server.url) as client:
        assert (await client.visualizations.get("a", "v")).status == "success"


@pytest.mark.parametrize("rows", [[], [{"id": "other"}], [{"id": "other"}, {"id": "third"}], [{}, {}]])
async def test_a_row_with_another_id_is_not_returned(rows: list[dict[str, Any]]) -> None:
    """If the filter is ignored or finds nothing, NotFound is raised; a row with another id is never returned."""
    async with RawServer(page(*rows, total=len(rows))) as server, client_for(server.url) as client:
        with pytest.raises(NotFound, match="no visualization v"):
            await client.visualizations.get("a", "v")


async def test_later_pages_are_searched() -> None:
    """Later pages are searched when the service ignores the filter."""
    first, second = page({"id": "u"}, total=2), page({"id": "v"}, total=2)
    async with RawServer(first, second) as server, client_for(server.url) as client:
        assert (await client.visualizations.get("a", "v")).id == "v"
    assert len(server.requests) == 2
