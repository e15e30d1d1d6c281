"""`pixxel mcp` offers operations and packages as tools, over a pipe and in process."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pixxel_async import PixxelClient, Settings
from pixxel_async.cli.mcp.tools import operation_tools
from pixxel_async.sandbox import Sandbox

if TYPE_CHECKING:
    from pixxel_async.cli.mcp.server import ToolServer

FETCH = "packages_fetch"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as served:
        yield served


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    settings = Settings(api_key=sandbox.api_key).with_values(base_url=sandbox.url, origin=sandbox.origin)
    async with PixxelClient(settings=settings) as opened:
        yield opened


def tool_server(client: PixxelClient, **options: Any) -> ToolServer:
    """Return a server of the client's tools; the library `mcp` takes a second to import, so only its tests do."""
    from pixxel_async.cli.mcp.server import ToolServer

    return ToolServer(client, **options)


async def called(tools: ToolServer, name: str, **arguments: Any) -> Any:
    """Call a tool and return its JSON; raise AssertionError with its text if it failed."""
    result = await tools.call(name, arguments)
    assert not result.is_error, result.content[0].text
    return json.loads(result.content[0].text)


async def refused(tools: ToolServer, name: str, **arguments: Any) -> str:
    result = await tools.call(name, arguments)
    assert result.is_error
    return result.content[0].text


def test_paid_operations_are_offered_by_permission_only() -> None:
    """Without --allow-paid no tool costs tokens; no tool takes secrets or watches without end."""
    free = {tool.name for tool in operation_tools(allow_paid=False)}
    assert {tool.name for tool in operation_tools(allow_paid=True)} - free == {
        "insights_create",
        "jobs_create",
        "orders_create",
    }
    assert {"projects_list", "jobs_wait", "workflows_estimate"} <= free
    assert not {"stores_create", "jobs_watch"} & free


@pytest.mark.slow
async def test_a_paid_operation_needs_its_dry_run(client: PixxelClient, sandbox: Sandbox) -> None:
    """The first call of a paid operation returns its price; the confirmation carries out the same call once."""
    tools = tool_server(client, allow_paid=True)
    workflow = (await client.workflows.list())[0]
    given = {"workflow_id": workflow.id, "project_id": workflow.project_id}
    before = len(await called_rows(tools, "jobs_list", workflow_id=workflow.id))
    price = await called(tools, "jobs_create", **given)

    assert price["dry_run"]
    assert len(await called_rows(tools, "jobs_list", workflow_id=workflow.id)) == before
    other = given | {"project_id": "another"}
    assert "repeat the dry run" in await refused(tools, "jobs_create", **other, confirmation=price["confirmation"])
    price = await called(tools, "jobs_create", **given)
    job = await called(tools, "jobs_create", **given, confirmation=price["confirmation"])
    assert job["id"]
    assert "repeat the dry run" in await refused(tools, "jobs_create", **given, confirmation=price["confirmation"])
    assert len(await called_rows(tools, "jobs_list", workflow_id=workflow.id)) == before + 1


async def called_rows(tools: ToolServer, name: str, **arguments: Any) -> list[Any]:
    rows: list[Any] = (await called(tools, name, rows=200, **arguments))["rows"]
    return rows


@pytest.mark.slow
async def test_listings_are_bounded(client: PixxelClient) -> None:
    """A listing returns as many rows as asked for and says whether there are more."""
    tools = tool_server(client)
    page = await called(tools, "archives_search", rows=2)
    assert len(page["rows"]) == 2
    assert page["has_more"] is True


@pytest.mark.slow
async def test_no_result_holds_a_signed_link(client: PixxelClient) -> None:
    """The query of every URL in a result is masked, because it would give access to the package."""
    tools = tool_server(client)
    workflow = (await client.workflows.list())[0]
    job = (await client.jobs.list(workflow.id, status="completed"))[0]
    answer = await tools.call("jobs_request_download", {"workflow_id": workflow.id, "job_id": job.id})
    text = answer.content[0].text
    assert "signed_url" in text
    assert "?" not in text.replace("?***", "")


@pytest.mark.slow
async def test_wrong_arguments_are_results(client: PixxelClient) -> None:
    """A call with wrong arguments returns an error result that says what is wrong."""
    tools = tool_server(client)
    assert "workflow_id" in await refused(tools, "jobs_list")
    assert "no tool" in await refused(tools, "jobs_crate")
    assert "no tool" in await refused(tools, "jobs_create", workflow_id="w", project_id="p")
    assert "no tool" in await refused(tools, FETCH, packages=["job:W/J"])
    assert "404" in await refused(tools, "workflows_get", workflow_id="w", project_id="p")


@pytest.mark.slow
async def test_packages_are_fetched_into_the_folder(client: PixxelClient, tmp_path: Path) -> None:
    """With a folder a package is requested, downloaded and verified; the result names its file."""
    tools = tool_server(client, folder=tmp_path)
    workflow = (await client.workflows.list())[0]
    job = (await client.jobs.list(workflow.id, status="completed"))[0]
    (done,) = await called(tools, FETCH, packages=[f"job:{workflow.id}/{job.id}"])
    assert done["outcome"] == "fetched"
    assert Path(done["path"]).is_file()  # noqa: ASYNC240


@pytest.mark.slow
async def test_over_a_pipe() -> None:
    """A protocol client starts the command, lists its tools and calls them; the command ends with its stdin."""
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    server = StdioServerParameters(command=sys.executable, args=["-m", "pixxel_async", "mcp", "--sandbox"])
    async with stdio_client(server) as (reader, writer), ClientSession(reader, writer) as session:
        await session.initialize()
        names = {tool.name for tool in (await session.list_tools()).tools}
        answer = await session.call_tool("projects_list", {})
    assert "projects_list" in names
    assert FETCH not in names
    assert not answer.is_error
    assert json.loads(answer.content[0].text)["rows"]
