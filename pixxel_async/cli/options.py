"""Parsers of option values, and the options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import click

from ..errors import ConfigError
from .show.rows import FORMATS, OutputFormat
from .text import did_you_mean
from .values import BandwidthSchedule, array_shard, parse_duration, parse_limit, parse_size, parse_time

F = TypeVar("F", bound=Callable[..., Any])

Last = Literal["last"]

_BROKEN_URL = re.compile(r"(s3a?|gs|az|azure|abfss?|file|memory|https?):(?!//)", re.IGNORECASE)
"""The scheme of an object store without both slashes, which would become a local folder `s3:`."""


def as_duration(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Convert an option's duration to seconds."""
    try:
        return None if text is None else parse_duration(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a duration; write it as 90s, 30m, 6h or 1h30m") from None


def as_size(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Convert an option's size to bytes."""
    try:
        return None if text is None else parse_size(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a size; write it as 500MB, 2GiB or 4096") from None


def as_bandwidth(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> int | BandwidthSchedule | Literal["off"] | None:
    """Convert an option's rate, or its timetable of rates."""
    try:
        return None if text is None else parse_limit(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def as_shard(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """Convert an option's shard, such as `2/3`, or `auto` in a job array."""
    if text is None:
        return None
    i, _, n = text.partition("/")
    if i == "auto":
        try:
            return array_shard(os.environ, n)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    if not (i.isdecimal() and n.isdecimal() and 1 <= int(i) <= int(n)):
        raise click.BadParameter(f"{text!r} is not a shard; three machines use 1/3, 2/3 and 3/3")
    return int(i), int(n)


def as_since(context: click.Context, parameter: click.Parameter, text: str | None) -> datetime | Last | None:
    """Convert an option's time, or the word `last`."""
    try:
        return parse_time(text) if text is not None and text != "last" else cast("Last | None", text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a date; write it as 2026-01-31, 2026-01-31T12:00Z or last") from None


def as_until(context: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    """Convert an option's time."""
    try:
        return None if text is None else parse_time(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a date; write it as 2026-02-01 or 2026-02-01T12:00Z") from None


_INSTEAD = {
    **dict.fromkeys(("download", "fetch", "get"), "pixxel export"),
    **dict.fromkeys(("search", "archive", "images"), "pixxel api archives search"),
    **dict.fromkeys(("run", "submit"), "pixxel api jobs create"),
    **dict.fromkeys(("order", "orders", "buy"), "pixxel api orders create"),
    **dict.fromkeys(("aoi", "aois"), "pixxel api aois"),
    **dict.fromkeys(("login", "auth", "configure"), "pixxel check"),
}
"""Commands by the names that other tools have for them."""


class SuggestingGroup(click.Group):
    """Group that names similar commands where one is unknown."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of an argument list; raise `UsageError` with similar commands."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            outermost = ctx.parent is None and name in _INSTEAD
            similar = f"; use `{_INSTEAD[name]}`" if outermost else did_you_mean(name, self.list_commands(ctx))
            ctx.fail(f"No such command {name!r}{similar}")
        return super().resolve_command(ctx, args)


class LocationType(click.Path):
    """Path or object store URL; an empty text (a script's unset variable) is refused, not read as `.`."""

    name = "path"

    def __init__(self, *, dir_okay: bool = True, urls: bool = False) -> None:
        super().__init__(dir_okay=dir_okay, path_type=Path)
        self._urls = urls

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or the URL as text where object stores are allowed."""
        if not str(value).strip():
            self.fail("it is empty", param, ctx)
        if self._urls and (broken := _BROKEN_URL.match(str(value))):
            self.fail(f"{value!r} is not a URL: write {broken[1]}://bucket/prefix", param, ctx)
        from ..downloads.disk.store_urls import parse_store_url

        try:
            url = parse_store_url(value) if self._urls and isinstance(value, str) else None
        except ConfigError as error:
            self.fail(str(error), param, ctx)
        return url or super().convert(value, param, ctx)


_FORM: dict[str, Any] = {"type": click.Choice(FORMATS), "help": "Format of the data on stdout [table]."}


def output(command: F) -> F:
    """Add `--output`."""
    return click.option("--output", "form", default="table", **_FORM)(command)


def output_with(*further: OutputFormat) -> Callable[[F], F]:
    """Add `--output` with further formats, for rows that have a geometry."""
    forms = {**_FORM, "type": click.Choice([*FORMATS, *further])}
    return click.option("--output", "form", default="table", **forms)


def folder(command: F) -> F:
    """Add the argument FOLDER|URL and `--spool`; the command receives both as one `LocationSpec`."""
    return _add_location(command, "FOLDER|URL")


def folder_or_sums(command: F) -> F:
    """Add the argument FOLDER|URL|SHA256SUMS and `--spool`, as `folder` does."""
    return _add_location(command, "FOLDER|URL|SHA256SUMS")


def _add_location(command: F, metavar: str) -> F:
    @wraps(command)
    def located(*arguments: Any, folder: str | Path, spool: Path | None, **options: Any) -> Any:
        from ..downloads.disk.locations import locate

        return command(*arguments, folder=locate(folder, spool), **options)

    return spool(click.argument("folder", metavar=metavar, type=LocationType(urls=True))(cast(F, located)))


def spool(command: F) -> F:
    """Add `--spool`."""
    return click.option(
        "--spool",
        metavar="FOLDER",
        type=LocationType(),
        help="With an object store: local folder of the record and part files [below ~/.local/state/pixxel].",
    )(command)


def record(command: F) -> F:
    """Add `--record`."""
    return click.option(
        "--record",
        metavar="FILE",
        type=LocationType(dir_okay=False),
        help="Record (SQLite file) of the folder's packages [FOLDER/.pixxel/record.sqlite].",
    )(command)


def sandbox(command: F) -> F:
    """Add `--sandbox`."""
    return click.option(
        "--sandbox", is_flag=True, help="Use a simulated API in this process: no account, no network, random data."
    )(command)


def transfer(command: F) -> F:
    """Add the options of commands that download; with `--quiet` data is written only if `--output` is present."""
    for option in (
        click.option("--output", "form", **_FORM),
        click.option("--quiet", "-q", is_flag=True, help="Print only failures."),
        click.option(
            "--progress",
            "progress",
            type=click.Choice(["auto", "bars", "lines", "json"]),
            default="auto",
            help="Progress on stderr; json writes one event a line [bars on a terminal, else lines].",
        ),
        click.option("--no-keep-archive", is_flag=True, help="With --extract: delete the archive after unpacking."),
        click.option("--extract", is_flag=True, help="Unpack each archive into a folder beside it."),
        click.option("--keep-free", metavar="SIZE", callback=as_size, help="Minimum free disk space [256MiB]."),
        click.option(
            "--bwlimit",
            metavar="RATE|TIMETABLE",
            callback=as_bandwidth,
            help="Bytes per second of all downloads: 10MB, or by local time '08:00,1MB 19:00,off'.",
        ),
        click.option(
            "--deadline", metavar="SPAN", callback=as_duration, help="Stop after 90s, 30m, 6h; run again to resume."
        ),
        click.option("--parallel", metavar="N", type=click.IntRange(1, 256), help="Concurrent downloads [8]."),
    ):
        command = option(command)
    return command
