"""A signed link: who holds it may fetch the package, so it shows itself in no text."""

from __future__ import annotations

import math
from datetime import datetime
from urllib.parse import urlsplit

from attrs import field, frozen


@frozen(repr=False)
class Link:
    """A link to a package's bytes, fetched without the API key.

    Attributes:
        url: the link, exactly as the API gave it.
        expires_at: when it ends, as the link itself says; None when it does not.
        good_until: the same in the client's time.
    """

    url: str
    expires_at: datetime | None = None
    good_until: float | None = field(default=None, eq=False)

    def good_for(self, clock: float) -> float:
        """Seconds that are left at this moment of the client's clock; infinite when the link does not say."""
        return math.inf if self.good_until is None else self.good_until - clock

    def __repr__(self) -> str:
        return f"Link({masked(self.url)}, expires_at={self.expires_at})"


def masked(url: str) -> str:
    """Scheme and host of a link; all else may be a secret."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}/…"
    except ValueError:
        return "…"
