"""Translate obstore's errors into ours, without anything that could be a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from ...errors import ConfigError, ConnectionFailed, DownloadError, PixxelError

__all__ = ["translating", "unusable"]

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_LACKS = re.compile(r"\b(?:Account|Container|Bucket|Region) must be specified|not found in credential chain")
_USELESS = frozenset({301, 307, 400, 401, 403, 404})
"""Responses that mean that the bucket cannot be used as given."""


@contextmanager
def translating(action: str, title: str) -> Iterator[None]:
    """Turn a store's errors into a transient `DownloadError`: the package is not at fault.

    Args:
        action: the attempted operation.
        title: the object's name for messages.
    """
    try:
        yield
    except PixxelError:
        raise
    except Exception as error:
        status, reason = _reason(error)
        failure = DownloadError(f"could not {action} {title}: {reason}", stage="publish", status=status)
        failure.retryable = True
        try:
            raise failure from None
        finally:
            failure.__context__ = None  # which `from None` hides, and keeps: a store's words may hold a secret


def unusable(error: Exception, url: str) -> PixxelError:
    """Return the error of a store that cannot be used, or not now."""
    if isinstance(error, PixxelError):
        return error
    status, reason = _reason(error)
    lasting = status in _USELESS or not _was_sent(error)
    hint = "; is AWS_REGION the bucket's?" if status in (301, 400) and url.startswith("s3") else ""
    return (ConfigError if lasting else ConnectionFailed)(f"{url} cannot be used: {reason}{hint}")


def _was_sent(error: Exception) -> bool:
    """Return whether a request was sent; if not, the settings are at fault."""
    return "Error performing" in str(error)


def _reason(error: Exception) -> tuple[int, str]:
    """Return the HTTP status (0 without one) and a reason in known words."""
    text = str(error)
    status, code, lacks = _STATUS.search(text), _CODE.search(text), _LACKS.search(text)
    reason = " ".join(match[1] for match in (status, code) if match is not None)
    if reason.startswith(("401", "403")) or isinstance(error, PermissionDeniedError | UnauthenticatedError):
        reason = f"the credentials are refused ({reason})" if reason else "the credentials are refused"
    elif lacks is not None:
        reason = lacks[0]
    elif not reason:
        reason = "the store does not answer" if _was_sent(error) else type(error).__name__
    return (int(status[1]) if status is not None else 0), reason
