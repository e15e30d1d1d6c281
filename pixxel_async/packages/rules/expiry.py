"""How long a signed link lives, read from the link itself.

Each storage signs the time of expiry, so what the link says is what the storage will hold it to.
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

UNTOLD_LIFE = 60.0
"""Seconds for which a link is kept that does not say when it ends."""
MARGIN = 60.0
"""Seconds that a link should have left when a body is begun."""


def expires_at(url: str) -> datetime | None:
    """When the link ends, by the clock of who signed it; None when it does not say so, or not readably."""
    try:
        query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
        return _signed(query, "x-amz") or _signed(query, "x-goog") or _azure(query) or _epoch(query) or _policy(query)
    except (ValueError, OverflowError, RecursionError):
        return None


def good_until(expiry: datetime | None, server_now: datetime, clock_now: float) -> float | None:
    """The client's time at which the link ends.

    Args:
        expiry: by the signer's clock.
        server_now: the server's time when the link came, so that a wrong clock here does not matter.
        clock_now: the client's time at the same moment.
    """
    return None if expiry is None else clock_now + (expiry - server_now).total_seconds()


def still_good(left: float, age: float, min_lifetime: float) -> bool:
    """Whether a link that is kept may be handed out again.

    Args:
        left: seconds that it has left; infinite when it does not say.
        age: seconds since it came.
        min_lifetime: seconds that whoever asks for it needs.
    """
    return left >= min_lifetime and (left != math.inf or age < UNTOLD_LIFE)


def margin(life: float) -> float:
    """Seconds that a kept link must have left to read by it: half its life at most, lest a short one is never kept.

    Args:
        life: seconds that it had when it came.
    """
    return min(MARGIN, life / 2)


def _signed(query: Mapping[str, str], scheme: str) -> datetime | None:
    signed, life = query.get(f"{scheme}-date"), query.get(f"{scheme}-expires")
    if signed is None or life is None:
        return None
    return datetime.strptime(signed, STAMP).replace(tzinfo=UTC) + timedelta(seconds=int(life))


def _azure(query: Mapping[str, str]) -> datetime | None:
    if "se" not in query or "sig" not in query:
        return None
    told = datetime.fromisoformat(query["se"])
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)


def _epoch(query: Mapping[str, str]) -> datetime | None:
    return datetime.fromtimestamp(int(query["expires"]), UTC) if "expires" in query else None


def _policy(query: Mapping[str, str]) -> datetime | None:
    if "policy" not in query:
        return None
    # CloudFront writes base64 with characters that may stand in a query.
    text = base64.b64decode(query["policy"].translate(str.maketrans("-_~", "+=/")), validate=True)
    try:
        ends = json.loads(text)["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"]
    except (KeyError, IndexError, TypeError):
        return None
    return datetime.fromtimestamp(int(ends), UTC) if isinstance(ends, (int, float, str)) else None
