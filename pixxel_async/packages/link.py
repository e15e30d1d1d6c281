"""Signed links. A signed link is a bearer credential, so its text forms mask it."""

from __future__ import annotations

import math
from datetime import datetime

from attrs import field, frozen

from .._redact import redact_url


@frozen
class Link:
    """A signed link to a package's bytes; fetched without the API key.

    Attributes:
        url: the signed URL, exactly as the API returned it.
        expires_at: expiry time read from the URL; None if the URL has none.
        good_until: expiry on the client's monotonic clock, in seconds; None if unknown.
    """

    url: str = field(repr=redact_url)
    expires_at: datetime | None = None
    good_until: float | None = field(default=None, eq=False, repr=False)

    def good_for(self, clock: float) -> float:
        """Return the remaining lifetime in seconds at `clock`; infinite if the expiry is unknown."""
        return math.inf if self.good_until is None else self.good_until - clock
