"""`pixxel api RESOURCE METHOD`: commands for every operation, generated from method signatures at run time."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import anyio.to_thread
import click
from attrs import frozen

from ...resources import RESOURCES
from .. import options
from ..errors import CommandError, Exit
from ..output_file import write_output
from ..running import run
from ..session import Session
from ..show.rows import OutputFormat, OutputRow, create_writer
from .arguments import SECRET, create_parameter, merge_arguments, to_dashes
from .signatures import (
    ResourceMethod,
    describe,
    flat_members,
    geometry_member,
    method_names,
    read_method,
    table_members,
)

_STAC: Mapping[str, tuple[OutputFormat]] = {"STACItem": ("stac",), "Catalog": ("stac",)}
"""The further format of models that STAC items are made from."""
_NO_PROPERTIES = {
    "assets",
    "bbox",
    "details",
    "geometry",
    "links",
    "properties",
    "stac_extensions",
    "stac_version",
    "type",
}
"""Members of a row that are no properties of its GeoJSON feature."""
_MOST = 8
"""Maximum columns of a table; the other formats have all members."""


class Resources(options.SuggestingGroup):
    """Group with a subgroup per resource of the client, created on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the resources and of `ping`."""
        return sorted([*super().list_commands(ctx), *map(to_dashes, RESOURCES)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Create a resource's group; None for an unknown name."""
        name = cmd_name.replace("-", "_")
        return Methods(name) if name in RESOURCES else super().get_command(ctx, cmd_name)


class Methods(options.SuggestingGroup):
    """Group with a command per method of a resource.

    Args:
        resource: name of the client's attribute.
    """

    def __init__(self, resource: str) -> None:
        names = ", ".join(map(to_dashes, method_names(resource)))
        super().__init__(to_dashes(resource), help=describe(resource), short_help=f"{describe(resource)} {names}")
        self._resource = resource

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the methods in the order of the API's documentation."""
        return list(map(to_dashes, method_names(self._resource)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Create a method's command; None for an unknown name."""
        name = cmd_name.replace("-", "_")
        return _create_command(read_method(self._resource, name)) if name in method_names(self._resource) else None


@click.group(cls=Resources)
def api() -> None:
    """Call any operation of the API.

    Listings are written as rows, images and reports as they are, everything else as JSON. Pass objects as JSON: in
    their option, or with --json FILE, an object of arguments by name. For example:
    `pixxel api jobs list W --status failed --output ndjson`.
    """


@api.command()
@options.sandbox
@click.pass_obj
def ping(session: Session, sandbox: bool) -> int:
    """Test the connection to the API, without a key."""

    async def main() -> int:
        async with session.client(sandbox=sandbox) as client:
            click.echo(await client.ping())
        return Exit.DONE

    return run(main)


@frozen(kw_only=True)
class OutputOptions:
    """Options for the output of a call.

    Attributes:
        form: format of rows.
        first: maximum of rows; None for all.
        to: file for an image or a report; None for stdout.
    """

    form: OutputFormat = "json"
    first: int | None = None
    to: Path | None = None


def _create_command(method: ResourceMethod) -> click.Command:
    """Create the command of a method: its arguments as parameters, and the options that all methods share."""

    @click.pass_obj
    def call(session: Session, /, sandbox: bool, json_: str | None, yes: bool = False, **values: Any) -> int:
        output = OutputOptions(**{name: values.pop(name) for name in ("form", "first", "to") if name in values})
        arguments = merge_arguments(method, json_, values)
        if not isinstance(arguments.get("dry_run", False), bool):
            raise CommandError(f"dry_run must be true or false, not {arguments['dry_run']!r}")
        if method.paid and not yes and not arguments.get("dry_run"):
            raise CommandError(f"{method.resource}.{method.name} costs tokens and cannot be undone; confirm with --yes")
        if method.gives is bytes and output.to is None and sys.stdout.isatty():
            raise CommandError("the response is a file: save it with --to FILE, or redirect stdout")
        return run(lambda: _call(session, sandbox, method, arguments, output))

    first = method.about.partition("\n")[0]
    names = [each.name for each in method.arguments]
    parameters = [create_parameter(each, names) for each in method.arguments if each.name not in SECRET]
    command = click.Command(
        to_dashes(method.name), params=parameters, callback=call, help=method.about, short_help=first
    )
    click.option("--json", "json_", metavar="FILE", help="JSON object of arguments by name; `-` is stdin.")(command)
    if method.paid:
        click.option("--yes", is_flag=True, help="Confirm an operation that costs tokens.")(command)
    if method.paged:
        click.option("--first", metavar="N", type=click.IntRange(0), help="Only the first N rows.")(command)
    if method.listed:
        further: list[OutputFormat] = ["geojson"] if geometry_member(method.gives) else []
        options.output_with(*further, *(_STAC.get(method.gives.__name__, ())))(command)
    if method.gives is bytes:
        click.option("--to", metavar="FILE", type=options.LocationType(), help="Output file [stdout].")(command)
    return options.sandbox(command)


async def _call(
    session: Session, sandbox: bool, method: ResourceMethod, arguments: Mapping[str, Any], output: OutputOptions
) -> int:
    """Call the method and write its result."""
    async with session.client(sandbox=sandbox) as client:
        result = getattr(getattr(client, method.resource), method.name)(**arguments)
        if not isinstance(result, AsyncIterable):
            result = await result
        if method.listed:
            await _write_rows(result if output.first is None else result.take(output.first), method, output.form)
        elif isinstance(result, bytes):
            await anyio.to_thread.run_sync(write_output, output.to or Path("-"), result)
        elif result is not None:
            click.echo(json.dumps(result.to_dict(), indent=1))
    return Exit.DONE


async def _write_rows(rows: AsyncIterable[Any] | Iterable[Any], method: ResourceMethod, form: OutputFormat) -> None:
    columns = {"table": table_members(method.gives)[:_MOST], "csv": flat_members(method.gives)}.get(form, [])
    out, convert = create_writer(form, columns, sys.stdout), _choose_converter(method, form)
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            out.add(convert(row))
    else:
        for row in rows:
            out.add(convert(row))
    out.end()
    if out.blank:
        click.echo("the listing is empty", err=True)


def _choose_converter(method: ResourceMethod, form: OutputFormat) -> Callable[[Any], OutputRow]:
    """Return the function that converts a row of the API to a row of the output.

    Raises:
        ConfigError: STAC items need an extra that is not installed.
    """
    if form == "stac":
        from ...integrations.stac import to_item

        return lambda row: to_item(row).to_dict(include_self_link=False)
    if form == "geojson":
        return lambda row: feature_members(row.to_dict(), geometry_member(method.gives) or "geometry")
    return lambda row: row.to_dict()


def feature_members(row: Mapping[str, Any], place: str) -> OutputRow:
    """Return the members of a GeoJSON feature, the geometry among them; a STAC item's properties are its own.

    Args:
        place: member that holds the geometry, `geometry` or `details.geometry`.
    """
    source: Mapping[str, Any] = (row.get("details") or {}) if place.startswith("details.") else row
    nested = source.get("properties")
    inner: Mapping[str, Any] = nested if isinstance(nested, Mapping) else {}
    outer = {name: value for name, value in row.items() if name not in _NO_PROPERTIES}
    return {**outer, **inner, "geometry": source.get("geometry")}
