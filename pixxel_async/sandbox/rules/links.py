"""Presigned URLs in the schemes of three storages: signed and verified without state."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote, urlencode

from .ids import signature

SigningStyle = Literal["s3", "azure", "gcs"]
LinkVerdict = Literal["good", "unsigned", "damaged", "expired"]
SIGNATURES = frozenset({"X-Amz-Signature", "X-Goog-Signature", "sig"})
"""Query arguments that grant access."""
_STAMP = "%Y%m%dT%H%M%SZ"
_AZURE = "%Y-%m-%dT%H:%M:%SZ"


def sign(path: str, secret: bytes, now: float, life: int, style: SigningStyle = "s3") -> str:
    """Sign a path for `life` seconds from `now`; with 0 it is already expired.

    The schemes know whole seconds only: a URL signed within a second expires that much earlier.
    """
    signed_at = datetime.fromtimestamp(now, UTC)
    if style == "azure":
        ends = signed_at.replace(microsecond=0) + timedelta(seconds=life)
        query = {
            "sv": "2024-11-04",
            "st": signed_at.strftime(_AZURE),
            "se": ends.strftime(_AZURE),
            "sr": "b",
            "sp": "r",
        }
        name = "sig"
    else:
        name, query = _date_members("Amz" if style == "s3" else "Goog", signed_at.strftime(_STAMP), life)
    query[name] = signature(secret, _signed_text(path, query))
    return f"{quote(path)}?{urlencode(query)}"


def _date_members(brand: str, stamp: str, life: int) -> tuple[str, dict[str, str]]:
    algorithm, scope = ("AWS4-HMAC-SHA256", "s3/aws4") if brand == "Amz" else ("GOOG4-RSA-SHA256", "storage/goog4")
    query = {
        f"X-{brand}-Algorithm": algorithm,
        f"X-{brand}-Credential": f"SANDBOX/{stamp[:8]}/us-east-1/{scope}_request",
        f"X-{brand}-Date": stamp,
        f"X-{brand}-Expires": str(life),
        f"X-{brand}-SignedHeaders": "host",
    }
    return f"X-{brand}-Signature", query


def judge(path: str, query: Mapping[str, str], secret: bytes, now: float) -> LinkVerdict:
    """Verify a query's signature for a path now."""
    signature_given = next((query[name] for name in SIGNATURES if name in query), None)
    if signature_given is None:
        return "unsigned"
    rest = {name: value for name, value in query.items() if name not in SIGNATURES}
    if not hmac.compare_digest(signature(secret, _signed_text(path, rest)).encode(), signature_given.encode()):
        return "damaged"
    return "good" if _begins(rest) < ends(rest) and now < ends(rest) else "expired"


def style_of(query: Mapping[str, str]) -> SigningStyle:
    """Return the signing scheme of a query."""
    return "azure" if "se" in query else "gcs" if "X-Goog-Date" in query else "s3"


def ends(query: Mapping[str, str]) -> float:
    """Return when a signed query expires, in seconds since 1970."""
    if "se" in query:
        return _seconds(query["se"], _AZURE)
    return _begins(query) + int(query["X-Amz-Expires" if "X-Amz-Expires" in query else "X-Goog-Expires"])


def _begins(query: Mapping[str, str]) -> float:
    if "st" in query:
        return _seconds(query["st"], _AZURE)
    return _seconds(query["X-Amz-Date" if "X-Amz-Date" in query else "X-Goog-Date"], _STAMP)


def _seconds(text: str, form: str) -> float:
    return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()


def _signed_text(path: str, query: Mapping[str, str]) -> str:
    return f"GET\n{path}\n{urlencode(sorted(query.items()))}"
