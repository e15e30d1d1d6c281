"""Expiry of signed links, read from their query, and the rule for reusing a cached link.

The expiry is part of what the storage signs, so the storage enforces exactly what the link states.
Sources: the signing schemes of S3 (version 4 and 2), Google Cloud Storage (the same two), Azure's shared access
signatures and CloudFront (canned and custom policies).
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

STAMP = "%Y%m%dT%H%M%SZ"
"""Format of `X-Amz-Date` and `X-Goog-Date`."""
UNKNOWN_LIFETIME = 60.0
"""Seconds for which a link of unknown expiry is cached."""
MARGIN = 60.0
"""Minimum remaining lifetime in seconds of a link with which a body is opened."""


def expires_at(url: str) -> datetime | None:
    """Return the expiry time by the signer's clock; None if the URL states none that can be read, or means never.

    Never raises, whatever the URL holds: a time beyond the year 9999 means never.
    """
    try:
        query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
        return (
            _parse_presigned(query, "x-amz")
            or _parse_presigned(query, "x-goog")
            or _parse_azure(query)
            or _parse_epoch(query)
            or _parse_policy(query)
        )
    except (ValueError, OverflowError, OSError, RecursionError):  # OSError: a time that the platform cannot hold
        return None


def good_until(expiry: datetime | None, server_now: datetime, clock_now: float) -> float | None:
    """Convert an expiry time to the client's monotonic clock: clock_now + (expiry - server_now), in seconds.

    Args:
        expiry: expiry by the signer's clock; None for unknown.
        server_now: the server's time when the link arrived (its Date header), so that local clock skew cancels out.
        clock_now: the client's monotonic clock at the same moment.
    """
    return None if expiry is None else clock_now + (expiry - server_now).total_seconds()


def is_reusable(lifetime: float, age: float, min_lifetime: float) -> bool:
    """Decide whether a cached link may be used again.

    Args:
        lifetime: remaining lifetime in seconds; infinite if unknown.
        age: seconds since the link arrived.
        min_lifetime: remaining lifetime in seconds that the caller needs.
    """
    return lifetime >= min_lifetime and (lifetime != math.inf or age < UNKNOWN_LIFETIME)


def margin(lifetime: float) -> float:
    """Return the minimum remaining lifetime to read by a cached link: min(MARGIN, lifetime / 2), in seconds.

    Half the lifetime, so that links shorter than MARGIN are cached, too.

    Args:
        lifetime: seconds that the link had when it arrived.
    """
    return min(MARGIN, lifetime / 2)


def _parse_presigned(query: Mapping[str, str], scheme: str) -> datetime | None:
    signed, life = query.get(f"{scheme}-date"), query.get(f"{scheme}-expires")
    if signed is None or life is None:
        return None
    return datetime.strptime(signed, STAMP).replace(tzinfo=UTC) + timedelta(seconds=int(life))


def _parse_azure(query: Mapping[str, str]) -> datetime | None:
    if "se" not in query or "sig" not in query:
        return None
    expiry = datetime.fromisoformat(query["se"])
    return expiry.replace(tzinfo=UTC) if expiry.tzinfo is None else expiry.astimezone(UTC)


def _parse_epoch(query: Mapping[str, str]) -> datetime | None:
    return datetime.fromtimestamp(int(query["expires"]), UTC) if "expires" in query else None


def _parse_policy(query: Mapping[str, str]) -> datetime | None:
    if "policy" not in query:
        return None
    # CloudFront writes base64 with characters that may stand in a query.
    text = base64.b64decode(query["policy"].translate(str.maketrans("-_~", "+=/")), validate=True)
    try:
        ends = json.loads(text)["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"]
    except (KeyError, IndexError, TypeError):
        return None
    return datetime.fromtimestamp(int(ends), UTC) if isinstance(ends, (int, float, str)) else None
