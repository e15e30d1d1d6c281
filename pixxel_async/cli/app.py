"""The command group: global options, and one way out for all errors."""

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
from .errors import Exit, Interrupted, Refusal, Unread, code_of, one_line
from .running import same_line
from .text import printable

COMMANDS = {
    "api": ("commands.api:api", "Call any operation of the API."),
    "check": ("commands.check:check", "Test the key and show what it sees."),
    "export": ("commands.export:export", "Fetch packages into a folder or an object store."),
    "jobs": ("commands.browse:jobs", "List the jobs of a workflow."),
    "list": ("commands.folder:list_", "List a folder's packages."),
    "record": ("commands.record:record", "Look after records of what is done."),
    "report": ("commands.report:report", "Sum up what came when."),
    "retry": ("commands.folder:retry", "Fetch again what failed or is unfinished."),
    "sandbox": ("commands.sandbox:sandbox", "Serve an API of our own on this machine."),
    "status": ("commands.folder:status", "Count a folder's packages by state."),
    "verify": ("commands.folder:verify", "Read every fetched file and compare."),
    "workflows": ("commands.browse:workflows", "List the workflows that the key sees."),
}
"""Where each command is, `module:name`, and what it does, so that `pixxel --help` need not import them all."""


class Program(click.Group):
    """A group whose `main` turns every error into one line on stderr and an exit code.

    Args:
        late: where further commands are, `module:name`, and what they do, by their names; a module is imported when
            its command is used.
    """

    def __init__(self, *args: Any, late: Mapping[str, tuple[str, str]] | None = None, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self._late = late or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted({*super().list_commands(ctx), *self._late})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command; None when there is none of this name."""
        if cmd_name not in self._late:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._late[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f".{module}", __package__), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What each command does."""
        with formatter.section("Commands"):
            own = {name: command.get_short_help_str() for name, command in self.commands.items()}
            about = own | {name: told for name, (_, told) in self._late.items()}
            formatter.write_dl(sorted(about.items()))

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        extra["standalone_mode"] = False
        try:
            code = int(super().main(*args, **extra) or 0)
            sys.stdout.flush()
        except SystemExit:  # click's way of leaving when nobody reads a help text
            code = _told(BrokenPipeError())
        except Exception as error:
            code = _told(error)
        sys.exit(code)


def _told(error: Exception) -> int:
    if isinstance(error, (Unread, BrokenPipeError)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return Exit.PIPE
    if isinstance(error, (click.exceptions.Abort, Interrupted)):
        number = error.signal if isinstance(error, Interrupted) else 2
        _say(f"stopped; nothing is lost. Go on with: {same_line()}")
        return 128 + number
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    if isinstance(error, click.ClickException):
        where = getattr(error, "ctx", None)
        hint = f"; see {where.command_path} --help" if where else ""
        _say(error.format_message().rstrip(".") + hint)
        return error.exit_code
    if isinstance(error, (PixxelError, Refusal, OSError)):
        _say(one_line(error))
        return code_of(error)
    return _bug(error)


def _bug(error: Exception) -> int:
    if logging.getLogger("pixxel_async").isEnabledFor(logging.INFO):
        traceback.print_exception(error)
    _say(
        f"this is a fault of pixxel_async, {one_line(error)}; run it again with `pixxel -v …` and report what it shows"
    )
    return Exit.BUG


def _say(text: str) -> None:
    click.echo(f"pixxel: {text}", err=True)


class Warnings(logging.Handler):
    """Tells people what the library warns of, each on one line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one."""
        _say(printable(record.getMessage()))


_WARNINGS = Warnings(logging.WARNING)


def _log(verbose: int) -> None:
    """Tell warnings on stderr, or log to it if asked to."""
    logger = logging.getLogger("pixxel_async")
    if not verbose:
        logger.addHandler(_WARNINGS)
        return
    logger.removeHandler(_WARNINGS)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    logger.setLevel(logging.DEBUG if verbose > 1 else logging.INFO)


@click.group(
    cls=Program, late=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="pixxel", message="%(prog)s %(version)s")
@click.option("--profile", metavar="NAME", help="Table of the profile file [PIXXEL_PROFILE, else default].")
@click.option("--set", "sets", metavar="A.B=C", multiple=True, help="A setting: `download.streams=4`; repeatable.")
@click.option("--api-key-file", metavar="FILE", help="File that holds the API key; `-` reads it from stdin.")
@click.option("-v", "--verbose", count=True, help="Log what happens; twice: every call.")
@click.pass_context
def pixxel(
    context: click.Context, profile: str | None, sets: tuple[str, ...], api_key_file: str | None, verbose: int
) -> None:
    """Export hyperspectral packages from Pixxel's API, and look at what there is.

    The key comes from --api-key-file, PIXXEL_API_KEY, PIXXEL_API_KEY_FILE or the profile file, whichever is first.
    Without an account: `pixxel export --sandbox --to exports`.

    Begin with `pixxel check`, look with `pixxel workflows`, try `pixxel export --workflow W --to exports --dry-run`,
    and fetch with the same line without --dry-run.

    Exit codes: 0 done or nothing new, 2 usage, 3 some failed, 4 key refused, 5 disk, 6 unfinished (run it again),
    7 verify found damage, 130 and 143 interrupted.
    """
    from .session import Session

    _log(verbose)
    context.obj = Session(profile, sets, api_key_file)
