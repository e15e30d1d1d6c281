"""Serve the tools over the Model Context Protocol: calls of the API, dry runs before paid ones, package downloads."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ImageContent,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from ..._redact import mask_value
from ..._version import __version__
from ...downloads import DownloadManager
from ...errors import PixxelError
from ..errors import CommandError, format_error
from ..show.summary import outcome_row
from .tools import DEFAULT_ROWS, MAX_WAIT, REHEARSALS, OperationTool, operation_tools

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext

    from ...client import PixxelClient

FETCH = "packages_fetch"
_PACKAGES = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "maxItems": 100,
    "description": "Packages such as job:WORKFLOW/JOB, task:WORKFLOW/JOB/TASK or insight:AOI/INSIGHT.",
}
_PNG = b"\x89PNG"


class ToolServer:
    """The tools of one client.

    Args:
        client: an open client; its key and its signed links reach no result.
        allow_paid: offer operations that cost tokens, each after a dry run.
        folder: destination of fetched packages; None: packages cannot be fetched.
    """

    def __init__(self, client: PixxelClient, *, allow_paid: bool = False, folder: Path | None = None) -> None:
        self._client = client
        self._folder = folder
        self._tools = {tool.name: tool for tool in operation_tools(allow_paid=allow_paid)}
        self._confirmations: dict[str, str] = {}

    def list_tools(self) -> list[Tool]:
        """Return the descriptions of all tools."""
        listed = [
            Tool(
                name=tool.name,
                description=tool.description,
                input_schema=tool.schema,
                annotations=ToolAnnotations(read_only_hint=tool.read_only, destructive_hint=tool.destructive),
            )
            for tool in self._tools.values()
        ]
        if self._folder is not None:
            schema = {"type": "object", "properties": {"packages": _PACKAGES}, "required": ["packages"]}
            about = "Request packages, wait until they are packed, download and verify them; returns their paths."
            listed.append(Tool(name=FETCH, description=about, input_schema=schema))
        return listed

    async def call(self, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """Call a tool; errors of the API and of the arguments are results, so that the model can react."""
        try:
            if name == FETCH and self._folder is not None:
                return _as_json(await self._fetch(self._folder, arguments))
            tool = self._tools.get(name)
            if tool is None:
                raise CommandError(f"there is no tool {name!r}")
            _check(tool, arguments)
            if tool.method.paid:
                return _as_json(await self._call_paid(tool, dict(arguments)))
            return await self._call(tool, dict(arguments))
        except (PixxelError, CommandError, OSError) as error:
            return CallToolResult(content=[TextContent(text=format_error(error, advice=False))], is_error=True)

    async def _call(self, tool: OperationTool, arguments: dict[str, Any]) -> CallToolResult:
        rows = arguments.pop("rows", DEFAULT_ROWS)
        if "timeout" in tool.schema["properties"]:
            arguments["timeout"] = min(float(arguments.get("timeout", MAX_WAIT)), MAX_WAIT)
        result: Any = getattr(getattr(self._client, tool.method.resource), tool.method.name)(**arguments)
        if tool.method.paged:
            fetched = [each.to_dict() async for each in result.take(rows + 1)]
            return _as_json({"rows": fetched[:rows], "has_more": len(fetched) > rows})
        result = await result
        if isinstance(result, bytes):
            return _as_content(result)
        if isinstance(result, list):
            return _as_json([each.to_dict() for each in result])
        return _as_json(result.to_dict() if result is not None else {"done": True})

    async def _call_paid(self, tool: OperationTool, arguments: dict[str, Any]) -> Any:
        """Price the operation, or, with the confirmation of its dry run, carry it out once."""
        confirmation = arguments.pop("confirmation", None)
        request = json.dumps([tool.name, arguments], sort_keys=True)
        resource, method = tool.method.resource, tool.method.name
        if confirmation is not None:
            if self._confirmations.pop(confirmation, None) != request:
                raise CommandError("the confirmation is not of a dry run with these arguments; repeat the dry run")
            return (await getattr(getattr(self._client, resource), method)(**arguments)).to_dict()
        rehearsal, names = REHEARSALS[f"{resource}.{method}"]
        resource, method = rehearsal.split(".")
        chosen = {name: arguments[name] for name in names} if names else dict(arguments)
        if "dry_run" in {each.name for each in tool.method.arguments}:
            chosen["dry_run"] = True
        price = await getattr(getattr(self._client, resource), method)(**chosen)
        confirmation = secrets.token_hex(8)
        self._confirmations[confirmation] = request
        return {"dry_run": price.to_dict(), "confirmation": confirmation}

    async def _fetch(self, folder: Path, arguments: Mapping[str, Any]) -> Any:
        packages = arguments.get("packages")
        if not (isinstance(packages, list) and packages and all(isinstance(each, str) for each in packages)):
            raise CommandError("packages must be a list of texts such as job:WORKFLOW/JOB")
        async with DownloadManager(self._client, folder) as manager, manager.fetch_all(packages) as outcomes:
            return [outcome_row(outcome) async for outcome in outcomes]


def _check(tool: OperationTool, arguments: Mapping[str, Any]) -> None:
    """Check arguments by the tool's schema; raises `CommandError` with the first violation."""
    error = next(Draft202012Validator(tool.schema).iter_errors(dict(arguments)), None)
    if error is not None:
        member = ".".join(map(str, error.path))
        raise CommandError(f"{tool.name}: {member + ': ' if member else ''}{error.message[:300]}")


def _as_json(value: Any) -> CallToolResult:
    """Return a JSON result with all URLs masked: a signed link is a credential."""
    return CallToolResult(content=[TextContent(text=json.dumps(mask_value(value, depth=32), default=str))])


def _as_content(data: bytes) -> CallToolResult:
    if data.startswith(_PNG):
        content = ImageContent(data=base64.b64encode(data).decode(), mime_type="image/png")
        return CallToolResult(content=[content])
    return CallToolResult(content=[TextContent(text=data.decode("utf-8", errors="replace"))])


async def serve(tools: ToolServer) -> None:
    """Serve the tools on stdin and stdout until the peer closes stdin."""

    async def list_tools(context: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools.list_tools())

    async def call_tool(context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        return await tools.call(params.name, params.arguments or {})

    server: Server[Any] = Server("pixxel_async", version=__version__, on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())
