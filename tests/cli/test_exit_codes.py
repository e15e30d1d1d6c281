"""Every exception ends a command with one line and its exit code."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner, Result

from pixxel_async.cli.app import CommandGroup
from pixxel_async.cli.errors import CommandError, Exit, Interrupted, OutputClosed, exit_code_of, format_error
from pixxel_async.errors import (
    BadRequest,
    ConfigError,
    ConnectionFailed,
    Corrupt,
    DecodeError,
    DiskError,
    DiskFull,
    Forbidden,
    IncompleteListing,
    KeyRefused,
    NotFound,
    PackageTimedOut,
    PixxelError,
    RateLimited,
    TimedOut,
)


def ended(error: BaseException) -> Result:
    """Return the result of a command that raises `error`."""

    @click.group(cls=CommandGroup)
    def program() -> None:
        pass

    @program.command()
    def work() -> None:
        raise error

    return CliRunner().invoke(program, ["work"], prog_name="pixxel")


@pytest.fixture
def loud() -> Iterator[None]:
    logger = logging.getLogger("pixxel_async")
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("no"), 2),
        (CommandError("no"), 2),
        (CommandError("no", Exit.DISK), 5),
        (DiskError("no"), 5),
        (KeyRefused("no", status=401), 4),
        (IncompleteListing("no", operation="jobs.list", announced=4, received=2), 3),
        (Forbidden("no", status=403), 4),
        (NotFound("no", status=404), 3),
        (BadRequest("no", status=400), 3),
        (DecodeError("no"), 3),
        (Corrupt("no"), 3),
        (DiskFull("no"), 5),
        (PackageTimedOut("no"), 6),
        (TimedOut("no"), 6),
        (ConnectionFailed("no"), 6),
        (RateLimited("no", status=429), 6),
        (OSError(28, "No space left on device", "SHA256SUMS"), 5),
        (Interrupted(2), 130),
        (Interrupted(15), 143),
    ],
)
def test_codes(error: BaseException, code: int) -> None:
    """Each class of error has its exit code and one line on stderr."""
    result = ended(error)

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("pixxel: ")
    assert result.stderr.count("\n") == 1


def test_closed_stdout() -> None:
    """Nothing more is written after the reader of stdout has closed the pipe; the exit code is 141."""
    result = ended(OutputClosed())

    assert (result.exit_code, result.stderr) == (141, "")


def test_unexpected_exception() -> None:
    """An unexpected exception ends with exit code 1 and one line that suggests `pixxel -v`."""
    result = ended(ZeroDivisionError("division by zero"))

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "division by zero" in result.stderr
    assert "pixxel -v" in result.stderr


@pytest.mark.usefixtures("loud")
def test_unexpected_exception_with_traceback() -> None:
    """With `-v` the traceback is printed before the line."""
    lines = ended(ZeroDivisionError("division by zero")).stderr.splitlines()

    assert lines[0].startswith("Traceback")
    assert lines[-1].startswith("pixxel: ")


@pytest.mark.fault("D-10")
@pytest.mark.parametrize(
    "error",
    [NotFound("no \x1b[31msuch\r\n\tjob"), DecodeError("a \u202epage"), ConfigError("a\x00b"), PixxelError("\x9b2J")],
)
def test_messages_are_one_printable_line(error: PixxelError) -> None:
    """A message from a server is printed on one line, with control characters escaped."""
    text = format_error(error)

    assert text.isprintable()
    assert exit_code_of(error) in (2, 3)
