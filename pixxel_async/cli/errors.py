"""What a command says when it cannot do its work, and the exit code that goes with it."""

from __future__ import annotations

from enum import IntEnum

from ..errors import (
    ConfigError,
    ConnectionFailed,
    DecodeError,
    DiskFull,
    DownloadError,
    Forbidden,
    KeyRefused,
    NameTaken,
    NotFound,
    PackageTimedOut,
    PixxelError,
)
from .text import printable


class Exit(IntEnum):
    """The exit codes; scripts rely on them."""

    DONE = 0
    """All done, or nothing new."""
    BUG = 1
    """A fault of this program."""
    USAGE = 2
    """An argument, a setting or a file that cannot be used as given."""
    FAILED = 3
    """Something failed that running again will hardly mend."""
    KEY = 4
    """The API key was refused."""
    DISK = 5
    """The folder cannot be written, or is full."""
    UNFINISHED = 6
    """Not done yet: a deadline, still packing, a service that is away. Run it again."""
    DAMAGED = 7
    """`verify` found files that are not what was recorded."""
    PIPE = 141
    """Whoever read our output has gone."""


class Refusal(Exception):
    """A command stops here.

    Args:
        message: one line that says what to do.
        code: the exit code.
    """

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


class Interrupted(Exception):
    """A signal asked the command to stop, and it did.

    Args:
        signal: the signal's number; the exit code is 128 more.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.signal = signal


class Unread(Exception):
    """Whoever read our output has gone; nothing is to be said about it."""


_CODES: tuple[tuple[type[PixxelError], Exit], ...] = (
    (ConfigError, Exit.USAGE),
    (KeyRefused, Exit.KEY),
    (Forbidden, Exit.KEY),
    (DiskFull, Exit.DISK),
    (PackageTimedOut, Exit.UNFINISHED),
)

_ADVICE: tuple[tuple[type[PixxelError], str], ...] = (
    (KeyRefused, "`pixxel check` shows which key is used"),
    (Forbidden, "the key is unknown or lacks a permission: `pixxel check` shows what it may see"),
    (NameTaken, "move it away, or choose other names with --name; nothing was written over"),
    (DecodeError, "if this is not Pixxel's API, mend PIXXEL_BASE_URL or the proxy; `pixxel check` tests them"),
    (ConnectionFailed, "check the network, PIXXEL_BASE_URL and the proxy; `pixxel check` tests them"),
)


_LISTED = "`pixxel workflows` and `pixxel jobs --workflow W` list what there is"


def code_of(error: BaseException) -> Exit:
    """The exit code of a command that ends with this error."""
    if isinstance(error, Refusal):
        return error.code
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    if isinstance(error, PixxelError):
        again = error.retryable and not isinstance(error, DownloadError)
        return Exit.UNFINISHED if again else Exit.FAILED
    return Exit.DISK if isinstance(error, OSError) else Exit.BUG


def one_line(error: BaseException) -> str:
    """The error as one harmless line, with advice where its own text has none."""
    text = printable(" ".join(str(error).split())) or type(error).__name__
    if isinstance(error, OSError) and not isinstance(error, PixxelError):
        text = f"{printable(str(error.filename or 'the disk'))}: {error.strerror}; make room or mend it, and run again"
    if getattr(error, "hint", ""):
        return text
    advice = next((words for kind, words in _ADVICE if isinstance(error, kind)), "")
    if isinstance(error, NotFound):
        advice = _LISTED if "/workflows" in error.path else "`pixxel api --help` names the resources, which list theirs"
    return f"{text.rstrip('.')}; {advice}" if advice else text
