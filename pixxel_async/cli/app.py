"""The root command: global options, lazy subcommands, and the mapping of errors to messages and exit codes."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import click

from .._version import __version__
from ..errors import PixxelError
from . import options
from .errors import CommandError, Exit, Interrupted, OutputClosed, exit_code_of, format_error
from .running import rerun_command
from .text import printable

COMMANDS = {
    "api": ("commands.api:api", "Call any operation of the API."),
    "check": ("commands.check:check", "Test the API key and list the projects visible to it."),
    "export": ("commands.export:export", "Download packages into a folder or an object store."),
    "jobs": ("commands.browse:jobs", "List jobs."),
    "list": ("commands.folder:list_", "List a folder's packages."),
    "mcp": ("mcp.command:mcp", "Serve the API as tools of the Model Context Protocol."),
    "record": ("commands.record:record", "Merge the records of several machines."),
    "report": ("commands.report:report", "Summarise a folder by month or day."),
    "retry": ("commands.retry:retry", "Retry failed and unfinished packages."),
    "sandbox": ("commands.sandbox:sandbox", "Serve a simulated API on this machine."),
    "status": ("commands.folder:status", "Count a folder's packages by state."),
    "verify": ("commands.folder:verify", "Verify the checksum of every fetched file."),
    "workflows": ("commands.browse:workflows", "List the workflows visible to the key."),
}
"""Location (`module:name`) and short help of each command, so that `pixxel --help` imports none of them."""


class CommandGroup(options.SuggestingGroup):
    """Group that imports subcommands on use and ends every error with one line on stderr and an exit code.

    Args:
        lazy: location (`module:name`) and short help of each subcommand, by name.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self._lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *self._lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None for an unknown name."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f".{module}", __package__), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the name and short help of each command without importing the lazy ones."""
        with formatter.section("Commands"):
            own = {name: command.get_short_help_str() for name, command in self.commands.items()}
            lazy = {name: short_help for name, (_, short_help) in self._lazy.items()}
            formatter.write_dl(sorted((own | lazy).items()))

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        extra["standalone_mode"] = False
        try:
            code = int(super().main(*args, **extra) or 0)
            sys.stdout.flush()
        except SystemExit as end:  # 0 after shell completion; else stdout was closed while click wrote a help text
            code = _report(BrokenPipeError()) if end.code else Exit.DONE
        except Exception as error:
            code = _report(error)
        sys.exit(code)


def _report(error: Exception) -> int:
    """Print one line for the error and return the exit code."""
    if isinstance(error, (OutputClosed, BrokenPipeError)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return Exit.PIPE
    if isinstance(error, (click.exceptions.Abort, Interrupted)):
        number = error.signal if isinstance(error, Interrupted) else 2
        _print_error(f"stopped; nothing is lost. Go on with: {rerun_command()}")
        return 128 + number
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        hint = f"; see {context.command_path} --help" if context else ""
        _print_error(error.format_message().rstrip(".") + hint)
        return error.exit_code
    if isinstance(error, (PixxelError, CommandError, OSError)):
        _print_error(format_error(error))
        return exit_code_of(error)
    if logging.getLogger("pixxel_async").isEnabledFor(logging.INFO):
        traceback.print_exception(error)
    _print_error(f"bug in pixxel_async: {format_error(error)}; run again with `pixxel -v …` and report the output")
    return Exit.BUG


def _print_error(text: str) -> None:
    click.echo(f"pixxel: {text}", err=True)


class WarningHandler(logging.Handler):
    """Print each warning of the library as one line on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        _print_error(printable(record.getMessage()))


_WARNINGS = WarningHandler(logging.WARNING)


def _configure_logging(verbose: int) -> None:
    """Print warnings; with `-v` log INFO, with `-vv` DEBUG to stderr."""
    logger = logging.getLogger("pixxel_async")
    if not verbose:
        logger.addHandler(_WARNINGS)
        return
    logger.removeHandler(_WARNINGS)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    logger.setLevel(logging.DEBUG if verbose > 1 else logging.INFO)


@click.group(
    cls=CommandGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="pixxel", message="%(prog)s %(version)s")
@click.option("--profile", metavar="NAME", help="Profile in the settings file [PIXXEL_PROFILE, else default].")
@click.option(
    "--set",
    "sets",
    metavar="A.B=C",
    multiple=True,
    help="A setting, as `http.call_timeout=60`; repeatable.",
)
@click.option("--api-key-file", metavar="FILE", help="File with the API key; `-` reads stdin.")
@click.option("-v", "--verbose", count=True, help="Log to stderr; -vv logs every API call.")
@click.pass_context
def pixxel(
    context: click.Context, profile: str | None, sets: tuple[str, ...], api_key_file: str | None, verbose: int
) -> None:
    """Browse Pixxel's API and export hyperspectral packages from it.

    The API key is read from --api-key-file, PIXXEL_API_KEY, PIXXEL_API_KEY_FILE or the profile file, in this order.
    To try it without an account: `pixxel export --sandbox --to exports`.

    Start with `pixxel check` and `pixxel workflows`, preview with
    `pixxel export --workflow W --to exports --dry-run`, then run the same command without --dry-run.

    Exit codes: 0 done or nothing new, 2 usage, 3 some failed, 4 key refused, 5 disk, 6 unfinished (run it again),
    7 verify found damage, 130 and 143 interrupted.
    """
    from .session import Session

    _configure_logging(verbose)
    context.obj = Session(profile, sets, api_key_file)
