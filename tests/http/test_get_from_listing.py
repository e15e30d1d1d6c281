"""`get` for resources without a GET of a single object: found in the listing by id."""

from __future__ import annotations

from typing import Any

import pytest

from pixxel_async import NotFound
from tests.support.clients import client_for
from tests.support.raw_server import RawServer, answer


def page(*rows: dict[str, Any], total: int | None = None) -> bytes:
    return answer(body={"visualization": list(rows), "pagination": {"total": total}})


async def test_the_filter_did_its_work() -> None:
    """The row that bears the id is the one, in whatever case the service spells it; the listing is asked once."""
    async with RawServer(page({"id": "V-1", "status": "success"}, total=1)) as server, client_for(server.url) as client:
        assert (await client.visualizations.get("a", "v-1")).status == "success"
    assert [seen.target for seen in server.requests] == ["/v0/aois/a/visualizations?visualization_id=v-1"]


async def test_a_lone_row_without_an_id_is_the_one() -> None:
    """A service that leaves the id out has still answered the question."""
    async with RawServer(page({"status": "success"}, total=1)) as server, client_for(server.url) as client:
        assert (await client.visualizations.get("a", "v")).status == "success"


@pytest.mark.parametrize("rows", [[], [{"id": "other"}], [{"id": "other"}, {"id": "third"}], [{}, {}]])
async def test_another_thing_is_not_given_out(rows: list[dict[str, Any]]) -> None:
    """Where the filter was ignored, or finds nothing, there is no such thing: never a row of another id."""
    async with RawServer(page(*rows, total=len(rows))) as server, client_for(server.url) as client:
        with pytest.raises(NotFound, match="no visualization v"):
            await client.visualizations.get("a", "v")


async def test_it_is_looked_for_on_every_page() -> None:
    """A service that ignores the filter has the row on a later page."""
    first, second = page({"id": "u"}, total=2), page({"id": "v"}, total=2)
    async with RawServer(first, second) as server, client_for(server.url) as client:
        assert (await client.visualizations.get("a", "v")).id == "v"
    assert len(server.requests) == 2
