"""The kinds of values that options take, and the options that commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import click

from ..downloads.disk.locations import store_url, where
from ..errors import ConfigError
from .show.rows import FORMS

F = TypeVar("F", bound=Callable[..., Any])

Last = Literal["last"]

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt]?)(i?)b?)?")
_PARTS = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
_LEAST_RATE = 1024
_SECONDS = (86400.0, 3600.0, 60.0, 1.0)


def duration(text: str) -> float:
    """Seconds of a text such as `90s`, `30m`, `1h30m`, `2d` or `90`; raises `ValueError`."""
    found = _PARTS.fullmatch(text.strip().lower())
    total = sum(float(part or 0) * unit for part, unit in zip(found.groups(), _SECONDS, strict=True)) if found else 0
    if total <= 0:
        raise ValueError(text)
    return total


def amount(text: str) -> int:
    """Bytes of a text such as `500MB`, `2GiB`, `1.5G` or `4096`; raises `ValueError`."""
    found = _AMOUNT.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(text)
    number, unit, binary = found.groups()
    power = " kmgt".index(unit or " ")
    return round(float(number) * float(1024 if binary else 1000) ** power)


def date(text: str) -> datetime:
    """The time of an ISO 8601 text; without an offset it is UTC, as the API's times are. Raises `ValueError`."""
    when = datetime.fromisoformat(text.strip())
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def as_duration(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """The value of an option that takes a span, in seconds."""
    try:
        return None if text is None else duration(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time span; write it as 90s, 30m, 6h or 1h30m") from None


def as_amount(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """The value of an option that takes an amount of data, in bytes."""
    try:
        return None if text is None else amount(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no amount of data; write it as 500MB, 2GiB or 4096") from None


def as_rate(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """The value of an option that takes an amount of data for each second, in bytes."""
    rate = as_amount(context, parameter, text)
    if rate is not None and rate < _LEAST_RATE:
        raise click.BadParameter(f"{text!r} is less than 1KiB a second, with which nothing ever comes")
    return rate


def as_shard(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """The value of an option that takes a share, such as `2/3`."""
    if text is None:
        return None
    i, _, n = text.partition("/")
    if not (i.isdecimal() and n.isdecimal() and 1 <= int(i) <= int(n)):
        raise click.BadParameter(f"{text!r} is no share; the machines of three take 1/3, 2/3 and 3/3")
    return int(i), int(n)


def as_since(context: click.Context, parameter: click.Parameter, text: str | None) -> datetime | Last | None:
    """The value of an option that takes a time, or the word `last`."""
    try:
        return date(text) if text is not None and text != "last" else cast("Last | None", text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no date; write it as 2026-01-31, 2026-01-31T12:00Z or last") from None


class LocationType(click.Path):
    """A path that was given: an empty one is a script's unset variable, and does not mean the folder one is in."""

    name = "path"

    def __init__(self, *, dir_okay: bool = True, urls: bool = False) -> None:
        super().__init__(dir_okay=dir_okay, path_type=Path)
        self._urls = urls

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; where object stores are welcome, too, their URL as text."""
        if not str(value).strip():
            self.fail("it is empty", param, ctx)
        try:
            url = store_url(value) if self._urls and isinstance(value, str) else None
        except ConfigError as error:
            self.fail(str(error), param, ctx)
        return url or super().convert(value, param, ctx)


_FORM: dict[str, Any] = {"type": click.Choice(FORMS), "help": "Form of the data on stdout [table]."}


def output(command: F) -> F:
    """Add `--output`."""
    return click.option("--output", "form", default="table", **_FORM)(command)


def output_on_earth(command: F) -> F:
    """Add `--output`, with GeoJSON among its forms."""
    forms = {**_FORM, "type": click.Choice([*FORMS, "geojson"])}
    return click.option("--output", "form", default="table", **forms)(command)


def folder(command: F) -> F:
    """Add the argument FOLDER, which may be an object store, and `--spool`; the command gets one `Where` of both."""
    return _located(command, "FOLDER|URL")


def folder_or_sums(command: F) -> F:
    """The same, for a command that takes the path of a list of sums, too."""
    return _located(command, "FOLDER|URL|SHA256SUMS")


def _located(command: F, metavar: str) -> F:
    @wraps(command)
    def located(*arguments: Any, folder: str | Path, spool: Path | None, **given: Any) -> Any:
        return command(*arguments, folder=where(folder, spool), **given)

    return spool(click.argument("folder", metavar=metavar, type=LocationType(urls=True))(cast(F, located)))


def spool(command: F) -> F:
    """Add `--spool`."""
    return click.option(
        "--spool",
        metavar="FOLDER",
        type=LocationType(),
        help="With an object store: where record and part files are [below ~/.local/state/pixxel].",
    )(command)


def record(command: F) -> F:
    """Add `--record`."""
    return click.option(
        "--record",
        metavar="FILE",
        type=LocationType(dir_okay=False),
        help="Record of what is done [FOLDER/.pixxel/record.sqlite].",
    )(command)


def sandbox(command: F) -> F:
    """Add `--sandbox`."""
    return click.option(
        "--sandbox", is_flag=True, help="Use an API of our own in this process: no account, no network, made-up data."
    )(command)


def transfer(command: F) -> F:
    """Add the options of commands that download; without `--output` a quiet one writes no data."""
    for option in (
        click.option("--output", "form", **_FORM),
        click.option("--quiet", "-q", is_flag=True, help="Say nothing unless something failed."),
        click.option(
            "--progress",
            "progress",
            type=click.Choice(["auto", "bars", "lines", "json"]),
            default="auto",
            help="How stderr shows the run: JSON is every event on a line [bars on a terminal, else lines].",
        ),
        click.option("--no-keep-archive", is_flag=True, help="With --extract: keep the files alone."),
        click.option("--extract", is_flag=True, help="Unpack each archive into a folder beside it."),
        click.option(
            "--keep-free", metavar="SIZE", callback=as_amount, help="Leave so much of the disk free [256MiB]."
        ),
        click.option(
            "--bwlimit", metavar="SIZE", callback=as_rate, help="Take so much a second at most, all streams together."
        ),
        click.option(
            "--deadline", metavar="SPAN", callback=as_duration, help="Stop after 90s, 30m, 6h; run again to go on."
        ),
        click.option(
            "--parallel",
            metavar="N",
            type=click.IntRange(1, 256),
            help="Packages streamed at once [8].",
        ),
    ):
        command = option(command)
    return command
