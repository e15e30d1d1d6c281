"""Convert the arguments of a method to command-line parameters, and back; objects are passed as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

import click

from ...errors import ConfigError
from .. import options
from ..choose.text_file import read_text
from ..errors import CommandError
from .signatures import ArgumentKind, CommandArgument, ResourceMethod

_JSON_LIMIT = 64 << 20
"""Maximum characters of a JSON file."""

SECRET = frozenset({"secrets"})
"""Arguments accepted from a file only: command lines are visible in the process list."""


def to_dashes(name: str) -> str:
    """Convert a Python name to its command-line form."""
    return name.replace("_", "-")


def create_parameter(argument: CommandArgument, names: Collection[str] = ()) -> click.Parameter:
    """Create the click argument or option of a method's argument.

    Args:
        names: the arguments of the method. A geometry is also taken as `--geometry` and `--bbox`, unless another
            argument has that name.
    """
    if argument.positional:
        return click.Argument([argument.name], metavar=argument.name.upper())
    facts: dict[str, Any] = {"help": argument.help, **_FACTS[argument.kind]}
    if argument.name == "timeout":
        help_ = "Maximum wait: 90s, 30m, 6h [`poll.timeout` of the settings, 6h]."
        facts = {"metavar": "SPAN", "callback": options.as_duration, "help": help_}
    further = [f"--{name}" for name in ("geometry", "bbox") if argument.kind == "area" and name not in names]
    return click.Option([f"--{to_dashes(argument.name)}", *further, argument.name], default=None, **facts)


def merge_arguments(method: ResourceMethod, path: str | None, entered: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the arguments of a file with those of the command line, which take precedence.

    Args:
        path: path of a JSON object of arguments by name; `-` is stdin.
        entered: values of the command line; None where omitted.

    Raises:
        CommandError: an unknown or missing argument.
    """
    names = {each.name: each for each in method.arguments}
    arguments = _read_json(path) if path is not None else {}
    if unknown := sorted(arguments.keys() - names):
        valid = f"it has {', '.join(names)}"
        raise CommandError(f"--json: {method.resource}.{method.name} has no {', '.join(unknown)}; {valid}")
    arguments |= {name: value for name, value in entered.items() if value is not None}
    missing = [name for name, each in names.items() if each.required and name not in arguments]
    if missing:
        flags = " and ".join("--json FILE" if name in SECRET else f"--{to_dashes(name)}" for name in missing)
        raise CommandError(f"{' and '.join(missing)} missing: pass {flags}, or --json FILE with all arguments")
    return arguments


def _read_json(path: str) -> dict[str, Any]:
    text = read_text(path, "--json", limit=_JSON_LIMIT)
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise CommandError(f"--json {path} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise CommandError(f"--json {path} must hold an object of arguments by name")
    return document


def _parse_with(expected: str, read: Callable[[str], Any]) -> Callable[..., Any]:
    """Create an option callback from a parser that raises `ValueError`."""

    def callback(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        try:
            return None if text is None else read(text)
        except ValueError:
            raise click.BadParameter(f"{text!r} is not {expected}") from None

    return callback


def _parse_area(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    """Read an area: GeoJSON or well-known text, a file of it, a box, or `-` for stdin."""
    from ..._area import area

    if text is None:
        return None
    try:
        return area(read_text("-", "the area", limit=_JSON_LIMIT) if text == "-" else text)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


def _split_texts(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


def _split_numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


_FACTS: Mapping[ArgumentKind, dict[str, Any]] = {
    "text": {"type": click.STRING},
    "whole": {"type": click.INT},
    "number": {"type": click.FLOAT},
    "switch": {"is_flag": True},
    "texts": {"metavar": "A,B", "callback": _parse_with("a comma-separated list", _split_texts)},
    "numbers": {"metavar": "X,Y", "callback": _parse_with("a comma-separated list of numbers", _split_numbers)},
    "area": {"metavar": "FILE|SHAPE", "callback": _parse_area},
    "json": {"metavar": "JSON", "callback": _parse_with("JSON", json.loads)},
}
