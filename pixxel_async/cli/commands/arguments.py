"""What `pixxel api` takes for the arguments of a method: words, options, and JSON for whatever has members."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from .. import options
from ..errors import Refusal
from .signatures import ArgumentKind, CommandArgument, ResourceMethod

SECRET = frozenset({"secrets"})
"""Arguments that are read from a file alone: a command line shows in the list of processes."""


def dashed(name: str) -> str:
    """A name as it is typed."""
    return name.replace("_", "-")


def parameter(argument: CommandArgument) -> click.Parameter:
    """What is typed for an argument: a word, or an option."""
    if argument.positional:
        return click.Argument([argument.name], metavar=argument.name.upper())
    facts: dict[str, Any] = {"help": argument.help, **_FACTS[argument.kind]}
    if argument.name == "deadline":
        told = "Wait for 90s, 30m, 6h at most; else for the `waiting.deadline` of the settings, 6h."
        facts = {"metavar": "SPAN", "callback": options.as_duration, "help": told}
    return click.Option([f"--{dashed(argument.name)}", argument.name], default=None, **facts)


def gathered(method: ResourceMethod, path: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a file, and before them those of the command line.

    Args:
        path: a file with a JSON object, the arguments by their names; `-` is stdin.
        given: what was typed; None for what was not.

    Raises:
        Refusal: the file holds no arguments of this method, or some are missing.
    """
    names = {each.name: each for each in method.arguments}
    arguments = _members(path) if path is not None else {}
    if unknown := sorted(arguments.keys() - names):
        raise Refusal(f"--json: {method.resource}.{method.name} has no {', '.join(unknown)}; it has {', '.join(names)}")
    arguments |= {name: value for name, value in given.items() if value is not None}
    missing = [name for name, each in names.items() if each.required and name not in arguments]
    if missing:
        ways = " and ".join("--json FILE" if name in SECRET else f"--{dashed(name)}" for name in missing)
        raise Refusal(f"{' and '.join(missing)} missing: give {ways}, or --json FILE with an object that has it all")
    return arguments


def _members(path: str) -> dict[str, Any]:
    try:
        found = json.loads(sys.stdin.read() if path == "-" else Path(path).read_text("utf-8"))
    except OSError as error:
        raise Refusal(f"--json {path}: {error.strerror}") from None
    except ValueError as error:
        raise Refusal(f"--json {path} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise Refusal(f"--json {path} must hold an object, the arguments by their names")
    return found


def _read_as(what: str, read: Callable[[str], Any]) -> Callable[..., Any]:
    """A callback of an option whose text is read by a function that raises `ValueError`."""

    def callback(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        try:
            return None if text is None else read(text)
        except ValueError:
            raise click.BadParameter(f"{text!r} is not {what}") from None

    return callback


def _texts(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


def _numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


_FACTS: Mapping[ArgumentKind, dict[str, Any]] = {
    "text": {"type": click.STRING},
    "whole": {"type": click.INT},
    "number": {"type": click.FLOAT},
    "switch": {"is_flag": True},
    "texts": {"metavar": "A,B", "callback": _read_as("a list with commas", _texts)},
    "numbers": {"metavar": "X,Y", "callback": _read_as("a list of numbers with commas", _numbers)},
    "json": {"metavar": "JSON", "callback": _read_as("JSON", json.loads)},
}
