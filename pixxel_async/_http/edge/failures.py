"""Translation of aiohttp's exceptions into `TransportFailure` values."""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from ..._redact import one_line
from ...errors import ConnectionFailed, TimedOut
from ..reply import Stage, TransportFailure

__all__ = ["FAILURES", "MAX_LINE", "READ_FAILURES", "to_failure"]

MAX_LINE = 65_536
"""Bytes of one header line of a response; signed URLs in a Location have up to 16 KiB."""

FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError)
READ_FAILURES = (*FAILURES, RuntimeError)
"""aiohttp raises a bare RuntimeError when a body is read after its connection was dropped."""


_UNKNOWN_ISSUERS = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's verify codes for a certificate whose issuer is not known here."""


def to_failure(error: BaseException, stage: Stage, host: str, late: str, proxied: str = "") -> TransportFailure:
    """Translate an exception of aiohttp; only the system's reason is kept of it.

    Args:
        host: scheme and host, for the message.
        late: the message of a timeout.
        proxied: names the proxy in use, or one that the environment has and that is not used; empty without.
    """
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _as_final("connect", f"the proxy answered {error.status} when asked for {host}")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _as_final("connect", certificate_reason(error.certificate_error, host))
    if isinstance(error, ssl.SSLCertVerificationError):
        return _as_final("connect", certificate_reason(error, host))
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return _as_final("connect", tls_reason(error, host))
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        late_error = TimedOut(f"{host}: no connection in time (http.connect_timeout){proxied}")
        return TransportFailure("connect", late_error, timed_out=True)
    if isinstance(error, TimeoutError):
        return TransportFailure(
            stage, TimedOut(f"{host}: {late}{proxied if stage == 'connect' else ''}"), timed_out=True
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = one_line(error.strerror or str(error.os_error) or "", 120)
        return TransportFailure("connect", ConnectionFailed(f"{host}: no connection: {reason}{proxied}"))
    if (too_long := _oversized_part(error)) is not None:
        return _as_final(stage, f"{host}: {too_long} of the response is longer than {MAX_LINE // 1024} KiB")
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        return TransportFailure(stage, ConnectionFailed(f"{host}: the response is not HTTP"))
    reason_text = "the body was cut" if stage == "body" else "the connection broke before the response"
    return TransportFailure(stage, ConnectionFailed(f"{host}: {reason_text}"))


def certificate_reason(error: Exception, host: str) -> str:
    """Return why the certificate was rejected, in OpenSSL's words, with advice."""
    reason = one_line(getattr(error, "verify_message", "") or str(error), 160)
    text = f"the TLS certificate of {host} was not accepted: {reason}"
    if getattr(error, "verify_code", None) in _UNKNOWN_ISSUERS:
        text += ". For a certificate authority of your own set SSL_CERT_FILE to its file, or pass ssl="
    return text


def tls_reason(error: Exception, host: str) -> str:
    """Return why the TLS handshake failed."""
    inner = getattr(error, "os_error", error)
    reason = getattr(inner, "reason", None) or "the handshake failed"
    text = f"{host}: no TLS connection: {one_line(str(reason), 120)}"
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        text += "; the server seems to speak plain http on this port"
    return text


def _oversized_part(error: BaseException) -> str | None:
    """Name the part of a response's head that exceeded the parser's limit; None for other errors."""
    text = str(getattr(error, "message", "") or error)
    inner = error.__cause__ or error.__context__
    if isinstance(error, LineTooLong) or isinstance(inner, LineTooLong) or ("more than" in text and "bytes" in text):
        return "the status line" if "tatus line" in text else "a header"
    return None


def _as_final(stage: Stage, text: str) -> TransportFailure:
    error = ConnectionFailed(text)
    error.retryable = False
    return TransportFailure(stage, error)
