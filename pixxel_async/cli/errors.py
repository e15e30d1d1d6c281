"""Exit codes, the errors of commands, and the one line that is printed for an error."""

from __future__ import annotations

from enum import IntEnum

from ..errors import (
    ConfigError,
    ConnectionFailed,
    DecodeError,
    DiskError,
    DownloadError,
    Forbidden,
    IncompleteListing,
    KeyRefused,
    NameTaken,
    NotFound,
    PackageTimedOut,
    PixxelError,
)
from .text import printable


class Exit(IntEnum):
    """Exit codes of all commands; part of the public interface."""

    DONE = 0
    """All done, or nothing new."""
    BUG = 1
    """A bug in this program."""
    USAGE = 2
    """An invalid argument, setting or input file."""
    FAILED = 3
    """A permanent failure: running again is unlikely to help."""
    KEY = 4
    """The API key was refused."""
    DISK = 5
    """The folder is not writable, or the disk is full."""
    UNFINISHED = 6
    """A transient failure: deadline exceeded, still packing, service unavailable. Run again."""
    DAMAGED = 7
    """`verify` found files that differ from the record."""
    PIPE = 141
    """The reader of stdout closed it (128 + SIGPIPE)."""


class CommandError(Exception):
    """End the command with a message and an exit code.

    Args:
        message: one line that says what to do.
        code: the exit code.
    """

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


class Interrupted(Exception):
    """The command was stopped by a signal and has cleaned up.

    Args:
        signal: number of the signal; the exit code is 128 + signal.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.signal = signal


class OutputClosed(Exception):
    """The reader of stdout closed it; ends the command without a message."""


_CODES: tuple[tuple[type[PixxelError], Exit], ...] = (
    (ConfigError, Exit.USAGE),
    (KeyRefused, Exit.KEY),
    (Forbidden, Exit.KEY),
    (DiskError, Exit.DISK),
    (IncompleteListing, Exit.FAILED),
    (PackageTimedOut, Exit.UNFINISHED),
)

_ADVICE: tuple[tuple[type[PixxelError], str], ...] = (
    (KeyRefused, "`pixxel check` shows which key is used"),
    (Forbidden, "the key is unknown or lacks a permission: `pixxel check` shows its projects"),
    (NameTaken, "move the file away or choose other names with --name; nothing was overwritten"),
    (DecodeError, "if this is not Pixxel's API, correct PIXXEL_BASE_URL or the proxy; `pixxel check` tests them"),
    (ConnectionFailed, "check the network, PIXXEL_BASE_URL and the proxy; `pixxel check` tests them"),
)
"""Advice for errors without a hint of their own; the first matching class counts."""


def exit_code_of(error: BaseException) -> Exit:
    """Return the exit code of a command that ends with this error."""
    if isinstance(error, CommandError):
        return error.code
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    if isinstance(error, PixxelError):
        transient = error.retryable and not isinstance(error, DownloadError)
        return Exit.UNFINISHED if transient else Exit.FAILED
    return Exit.DISK if isinstance(error, OSError) else Exit.BUG


def format_error(error: BaseException, *, advice: bool = True) -> str:
    """Format the error as one line without control characters, with advice unless the error has a hint."""
    text = printable(" ".join(str(error).split())) or type(error).__name__
    if isinstance(error, OSError) and not isinstance(error, PixxelError):
        text = f"{printable(str(error.filename or 'the disk'))}: {error.strerror}; free space or fix it, then run again"
    if getattr(error, "hint", "") or not advice:
        return text
    words = next((words for kind, words in _ADVICE if isinstance(error, kind)), "")
    if isinstance(error, NotFound):
        workflows = "`pixxel workflows` and `pixxel jobs --workflow W` list the valid ids"
        generic = "`pixxel api RESOURCE list` lists the valid ids; `pixxel api --help` names the resources"
        words = workflows if "/workflows" in error.path else generic
    return f"{text.rstrip('.')}; {words}" if words else text
