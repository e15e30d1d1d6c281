"""What aiohttp raises, as values of ours."""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from ..._redact import printable
from ...errors import ConnectionFailed, TimedOut
from ..reply import Stage, TransportFailure

__all__ = ["FAILURES", "READ_FAILURES", "as_broken"]

FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError)
READ_FAILURES = (*FAILURES, RuntimeError)
"""A body that is read on after its connection was dropped raises a bare RuntimeError."""


def as_broken(error: BaseException, stage: Stage, where: str, late: str) -> TransportFailure:
    """Our value for what went wrong; nothing of the exception is kept but the system's words for it."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _final("connect", f"the proxy answered {error.status} when asked for {where}")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return _final("connect", f"the TLS certificate of {where} was not accepted")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return TransportFailure(
            "connect", TimedOut(f"{where}: no connection in time (http.connect_timeout)"), timed_out=True
        )
    if isinstance(error, TimeoutError):
        return TransportFailure(stage, TimedOut(f"{where}: {late}"), timed_out=True)
    if isinstance(error, aiohttp.ClientConnectorError):
        return TransportFailure(
            "connect", ConnectionFailed(f"{where}: no connection: {printable(error.strerror or '', 120)}")
        )
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        return TransportFailure(stage, ConnectionFailed(f"{where}: what came back is not HTTP"))
    what = "the body was cut" if stage == "body" else "the connection broke before the answer"
    return TransportFailure(stage, ConnectionFailed(f"{where}: {what}"))


def _final(stage: Stage, text: str) -> TransportFailure:
    error = ConnectionFailed(text)
    error.retryable = False
    return TransportFailure(stage, error)
