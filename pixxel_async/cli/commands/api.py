"""`pixxel api <resource> <method>`: every operation, made at run time of the methods' signatures."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

import anyio.to_thread
import click
from attrs import frozen

from ...packages.reading.save import save
from ...resources import RESOURCES
from .. import options
from ..errors import Exit, Refusal
from ..running import run
from ..session import Session
from ..show.rows import OutputForm, writer
from .arguments import SECRET, dashed, gathered, parameter
from .signatures import ResourceMethod, about, members, methods, read_method, short_members

_MOST = 8
"""Columns of a table at most; the other forms have all members."""


class Resources(click.Group):
    """One group for each resource of the client, made when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The resources, and what belongs to none."""
        return sorted([*super().list_commands(ctx), *map(dashed, RESOURCES)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One resource; None when there is none of this name."""
        name = cmd_name.replace("-", "_")
        return Methods(name) if name in RESOURCES else super().get_command(ctx, cmd_name)


class Methods(click.Group):
    """The methods of one resource, each a command.

    Args:
        resource: its name on the client.
    """

    def __init__(self, resource: str) -> None:
        names = ", ".join(map(dashed, methods(resource)))
        super().__init__(dashed(resource), help=about(resource), short_help=f"{about(resource)} {names}")
        self._resource = resource

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The methods, as the documentation orders them."""
        return list(map(dashed, methods(self._resource)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One method; None when there is none of this name."""
        name = cmd_name.replace("-", "_")
        return _command(read_method(self._resource, name)) if name in methods(self._resource) else None


@click.group(cls=Resources)
def api() -> None:
    """Call any operation of the API.

    Listings come as rows, everything else as JSON, pictures and reports as they are. Whatever has members is given as
    JSON: as the value of its option, or with --json FILE, an object with the arguments by their names. For example:
    `pixxel api jobs list W --status failed --output ndjson`.
    """


@api.command()
@options.sandbox
@click.pass_obj
def ping(session: Session, sandbox: bool) -> int:
    """Ask whether the API is there."""

    async def main() -> int:
        async with session.client(sandbox=sandbox) as client:
            click.echo(await client.ping())
        return Exit.DONE

    return run(main)


@frozen(kw_only=True)
class OutputOptions:
    """How a call's answer is wanted.

    Attributes:
        form: form of rows.
        first: rows at most; None for all.
        to: the file that gets a picture or a report; None for stdout.
    """

    form: OutputForm = "json"
    first: int | None = None
    to: Path | None = None


def _command(method: ResourceMethod) -> click.Command:
    @click.pass_obj
    def call(session: Session, /, sandbox: bool, json_: str | None, yes: bool = False, **given: Any) -> int:
        asked = OutputOptions(**{name: given.pop(name) for name in ("form", "first", "to") if name in given})
        arguments = gathered(method, json_, given)
        if method.paid and not yes and not arguments.get("dry_run"):
            raise Refusal(f"{method.resource}.{method.name} costs tokens and cannot be taken back; --yes does it")
        if method.gives is bytes and asked.to is None and sys.stdout.isatty():
            raise Refusal("the answer is a file: say where it goes with --to FILE, or pass it on with > or |")
        return run(lambda: _answered(session, sandbox, method, arguments, asked))

    first = method.about.partition("\n")[0]
    parameters = [parameter(each) for each in method.arguments if each.name not in SECRET]
    command = click.Command(dashed(method.name), params=parameters, callback=call, help=method.about, short_help=first)
    return _with_options(command, method)


def _with_options(command: click.Command, method: ResourceMethod) -> click.Command:
    """The command with the options that are ours, not the method's."""
    click.option("--json", "json_", metavar="FILE", help="JSON object with the arguments by name; `-` is stdin.")(
        command
    )
    if method.paid:
        click.option("--yes", is_flag=True, help="Really do what costs tokens.")(command)
    if method.paged:
        click.option("--first", metavar="N", type=click.IntRange(0), help="Only the first N rows.")(command)
    if method.listed:
        options.output(command)
    if method.gives is bytes:
        click.option("--to", metavar="FILE", type=options.LocationType(), help="Where the file goes [stdout].")(command)
    return options.sandbox(command)


async def _answered(
    session: Session, sandbox: bool, method: ResourceMethod, arguments: Mapping[str, Any], asked: OutputOptions
) -> int:
    """Call, and write what comes."""
    async with session.client(sandbox=sandbox) as client:
        answer = getattr(getattr(client, method.resource), method.name)(**arguments)
        if not isinstance(answer, AsyncIterable):
            answer = await answer
        if method.listed:
            await _rows(answer if asked.first is None else answer.take(asked.first), method, asked.form)
        elif isinstance(answer, bytes):
            await _keep(answer, asked.to)
        elif answer is not None:
            click.echo(json.dumps(answer.to_dict(), indent=1))
    return Exit.DONE


async def _rows(rows: AsyncIterable[Any] | Iterable[Any], method: ResourceMethod, form: OutputForm) -> None:
    columns = {"table": short_members(method.gives)[:_MOST], "csv": members(method.gives)}.get(form, [])
    out = writer(form, columns, sys.stdout)
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            out.add(row.to_dict())
    else:
        for row in rows:
            out.add(row.to_dict())
    out.end()
    if out.blank:
        click.echo("nothing is listed", err=True)


async def _keep(content: bytes, to: Path | None) -> None:
    """Write what is no JSON to stdout, or to a file, which is there whole or not at all."""

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    if to is not None and await anyio.to_thread.run_sync(_replaceable, to):
        await save(pieces(), to, replace=True)
    else:
        await anyio.to_thread.run_sync(_write, content, to)


def _replaceable(to: Path) -> bool:
    """Whether it may become a new file; a device or a pipe is written into."""
    return to.is_file() or not to.exists()


def _write(content: bytes, to: Path | None) -> None:
    if to is not None:
        to.write_bytes(content)
        return
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
