"""Presigned links in the S3 manner: made and judged without state."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote, urlencode

from .ids import signature

Verdict = Literal["good", "unsigned", "damaged", "expired"]
_STAMP = "%Y%m%dT%H%M%SZ"


def sign(path: str, secret: bytes, now: float, life: int) -> str:
    """The path with the query that opens it for `life` seconds from `now` on; with 0 it never does.

    Such links know whole seconds only: one that is signed within a second lives that much less.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime(_STAMP)
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"SANDBOX/{stamp[:8]}/us-east-1/s3/aws4_request",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(life),
        "X-Amz-SignedHeaders": "host",
    }
    query["X-Amz-Signature"] = signature(secret, _signed(path, query))
    return f"{quote(path)}?{urlencode(query)}"


def judge(path: str, query: Mapping[str, str], secret: bytes, now: float) -> Verdict:
    """Whether this query opens this path now."""
    given = query.get("X-Amz-Signature")
    if given is None:
        return "unsigned"
    rest = {name: value for name, value in query.items() if name != "X-Amz-Signature"}
    if not hmac.compare_digest(signature(secret, _signed(path, rest)).encode(), given.encode()):
        return "damaged"
    return "good" if now < ends(rest) and int(rest["X-Amz-Expires"]) > 0 else "expired"


def ends(query: Mapping[str, str]) -> float:
    """When such a query stops to open anything, in seconds since 1970."""
    begun = datetime.strptime(query["X-Amz-Date"], _STAMP).replace(tzinfo=UTC)
    return begun.timestamp() + int(query["X-Amz-Expires"])


def _signed(path: str, query: Mapping[str, str]) -> str:
    return f"GET\n{path}\n{urlencode(sorted(query.items()))}"
