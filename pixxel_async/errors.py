"""Every error that leaves the package, in one tree under `PixxelError`.

Facts are attributes, the text says what to do next. No error holds an API key or a signed URL, none keeps a library's
exception as its cause, and all of them survive `pickle`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

__all__ = [
    "APIError",
    "BadRequest",
    "ClientClosed",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "Corrupt",
    "DecodeError",
    "DiskError",
    "DiskFull",
    "DownloadError",
    "DownloadStage",
    "Forbidden",
    "IncompleteListing",
    "KeyRefused",
    "LinkExpired",
    "NameTaken",
    "NoRanges",
    "NoSuchMember",
    "NotAPackage",
    "NotFound",
    "OutcomeUnknown",
    "PackageFailed",
    "PackageTimedOut",
    "PixxelError",
    "RateLimited",
    "ServerError",
    "Stalled",
    "TimedOut",
    "TooLarge",
    "UnexpectedRedirect",
    "UnsafeLink",
    "WaitFailed",
]


class PixxelError(Exception):
    """The base of everything that this package raises on purpose.

    Args:
        message: one line for people: the problem and the remedy.
    """

    retryable: bool = False
    """Whether the same call may succeed later without anybody changing anything."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.message, self.__dict__)


def _restore(kind: type[PixxelError], message: str, facts: dict[str, Any]) -> PixxelError:
    error = kind.__new__(kind, message)
    error.__dict__.update(facts)
    return error


class ConfigError(PixxelError, ValueError):
    """A setting, an argument, a file or a folder cannot be used as given; nothing was sent."""


class ClientClosed(PixxelError, RuntimeError):
    """A client or manager was used after it was closed, or in another event loop or process than its own."""


class APIError(PixxelError):
    """The API answered with an error.

    Attributes:
        status: HTTP status of the answer.
        code: the vendor's error code; there is no published list of them.
        details: whatever JSON the answer put beside the message.
        request_id: the answer's request id header, for a support ticket; empty when none came.
        method, path: the request, as method and path template.
        hint: the remedy, if known.
        from_api: whether the body has the API's own error form, `{"error": {"code": …, "message": …}}`; the page of a
            gateway or proxy has not.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        code: str = "",
        details: Any = None,
        request_id: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
        from_api: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details
        self.request_id = request_id
        self.method = method
        self.path = path
        self.hint = hint
        self.from_api = from_api

    def __str__(self) -> str:
        request = f" ({self.method} {self.path})" if self.path else ""
        text = self.message or "no message"
        return f"{self.status} {text}{request}" + (f". {self.hint}" if self.hint else "")


class BadRequest(APIError):
    """400, 422 or another 4xx without a class of its own: the request itself is at fault."""


class KeyRefused(APIError):
    """401: the API does not know this key."""


class Forbidden(APIError):
    """403: the key is unknown or lacks a permission; the vendor uses one status for both."""


class NotFound(APIError):
    """404, or a listing by id that came back empty."""


class Conflict(APIError):
    """409: the name is taken, or the state does not allow it."""


class RateLimited(APIError):
    """429, or a requested pause that is longer than allowed here.

    Attributes:
        retry_after: seconds that the server asked to wait; None when it did not say.
    """

    retryable = True

    def __init__(self, message: str = "", *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class ServerError(APIError):
    """5xx after all attempts that were allowed."""

    retryable = True


class UnexpectedRedirect(APIError):
    """3xx from the API, which is never followed: key and body go to the configured origin only."""


class ConnectionFailed(PixxelError, ConnectionError):
    """No usable response: connecting failed, the connection broke, or the response was not HTTP."""

    retryable = True


class TimedOut(PixxelError, TimeoutError):
    """A deadline passed; the text names which one."""

    retryable = True


class OutcomeUnknown(PixxelError):
    """The answer to a call that must not be repeated got lost: the server may have done the work.

    Attributes:
        operation: the operation, such as `orders.create`.
        reconcile: the call that shows the outcome, such as `client.orders.list()`.
    """

    def __init__(self, message: str = "", *, operation: str = "", reconcile: str = "") -> None:
        super().__init__(message)
        self.operation = operation
        self.reconcile = reconcile


class DecodeError(PixxelError):
    """The answer is not JSON of the announced kind at all.

    Attributes:
        status: HTTP status of the answer.
        operation: the operation that was called.
        body: the first bytes of the body, printable characters only.
    """

    def __init__(self, message: str = "", *, status: int = 0, operation: str = "", body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.operation = operation
        self.body = body


class IncompleteListing(PixxelError):
    """A listing ended with fewer rows than the service announced; raised after the rows that came.

    Attributes:
        operation: the operation, such as `orders.list`.
        announced: rows that the service announced; None if only the limit of pages was reached.
        received: rows that came.
    """

    retryable = True

    def __init__(
        self, message: str = "", *, operation: str = "", announced: int | None = None, received: int = 0
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.announced = announced
        self.received = received


class WaitFailed(PixxelError):
    """The object of a wait has ended badly.

    Attributes:
        value: the last state read, such as the failed `Job`.
    """

    def __init__(self, message: str = "", *, value: Any = None) -> None:
        super().__init__(message)
        self.value = value


DownloadStage = Literal["ask", "wait", "stream", "prove", "publish", "extract"]
"""Where a package failed: at the request for it, in packing, in its body, its proof, its name, or in unpacking."""


class DownloadError(PixxelError):
    """A package did not reach the disk.

    Attributes:
        package: the package in its text form, such as `job:W/J`.
        stage: where it ended.
        status: HTTP status of the storage's answer where one decided; else 0.
    """

    stage_default: ClassVar[DownloadStage] = "stream"

    def __init__(
        self, message: str = "", *, package: str = "", stage: DownloadStage | None = None, status: int = 0
    ) -> None:
        super().__init__(message)
        self.package = package
        self.stage: DownloadStage = stage or self.stage_default
        self.status = status


class PackageFailed(DownloadError):
    """Packing ended without a package, by the service's status."""

    stage_default = "wait"


class PackageTimedOut(DownloadError, TimeoutError):
    """The package was not ready, or not fetched, by its deadline.

    Attributes:
        retry_after: seconds after which asking again makes sense, where the service or the settings say; else None.
    """

    retryable = True
    stage_default = "wait"

    def __init__(self, message: str = "", *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class LinkExpired(DownloadError):
    """The storage refuses the signed link, also after asking for fresh ones."""

    retryable = True


class Stalled(DownloadError):
    """Too few bytes arrived for too long, also on new connections."""

    retryable = True


class Corrupt(DownloadError):
    """The bytes fail their proof, twice from byte 0."""

    retryable = True
    stage_default = "prove"


class NoRanges(DownloadError):
    """The storage serves packages whole only, so that no single member of one can be fetched."""


class NoSuchMember(DownloadError):
    """No member of the package, or more than one, is meant by that name."""


class NotAPackage(DownloadError):
    """The link served a page or a message where an archive was promised."""

    stage_default = "prove"


class DiskError(DownloadError):
    """The disk cannot be written: removed, read-only, without permission, or failing. It ends the whole run."""

    retryable = True


class DiskFull(DiskError):
    """The disk, or the reserve that is kept free on it, has no room for more."""


class NameTaken(DownloadError):
    """A file that is not in the record has the package's name."""

    stage_default = "publish"


class TooLarge(DownloadError):
    """The body is larger than the limit that was set for it."""


class UnsafeLink(DownloadError):
    """The signed link points where no package can lie: a bad scheme, a bad host, an address that is off limits."""

    stage_default = "ask"
