"""Signed links. A signed link is a bearer credential, so its text forms mask it."""

from __future__ import annotations

import math
from datetime import datetime
from urllib.parse import urlsplit

from attrs import field, frozen


@frozen(repr=False)
class Link:
    """A signed link to a package's bytes; fetched without the API key.

    Attributes:
        url: the signed URL, exactly as the API returned it.
        expires_at: expiry time read from the URL; None if the URL has none.
        good_until: expiry on the client's monotonic clock, in seconds; None if unknown.
    """

    url: str
    expires_at: datetime | None = None
    good_until: float | None = field(default=None, eq=False)

    def good_for(self, clock: float) -> float:
        """Return the remaining lifetime in seconds at `clock`; infinite if the expiry is unknown."""
        return math.inf if self.good_until is None else self.good_until - clock

    def __repr__(self) -> str:
        return f"Link({masked(self.url)}, expires_at={self.expires_at})"


def masked(url: str) -> str:
    """Return scheme and host of a URL; path and query are masked, since they may be secret."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}/…"
    except ValueError:
        return "…"
