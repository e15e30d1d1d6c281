"""Values that are part of the design rather than of a configuration: unit, origin and meaning of each."""

from __future__ import annotations

from typing import Final

MAX_ERROR_BODY: Final = 1_000_000
"""Bytes read of an error's body: far beyond any error document, and harmless to hold. A bound, not measured."""

MAX_PAGES: Final = 100_000
"""Pages of one listing before it is taken for an endless one: five million rows at the server's 50 a page. A bound."""

RETRY_COST: Final = 5.0
"""Tokens of the retry quota that one retry takes; a retry after a time-out takes twice as many. With the quota of 500
and the gain of 1 it limits sustained retries to a fifth of the successes, the ratio that AWS SDKs use."""

SUCCESS_GAIN: Final = 1.0
"""Tokens that one success gives back to the retry quota."""

AGE_SHARE: Final = 0.25
"""Share of a package's age below which `wait` does not repeat its PUT: if a PUT restarts the packing, intervals that
grow with the age become longer than the packing, and it ends. An assumption until a real account was measured."""

PROGRESS_STEP: Final = 4 * 1024 * 1024
"""Bytes of a body that count as progress and reset its attempts and link renewals: less could be what sockets hold
when a connection is cut over and over. A choice."""

MAX_BUSY_TIME: Final = 900.0
"""Seconds for which a storage may answer 429 or 503 to a body without progress before that costs attempts. A choice:
longer than the usual throttling of an object store, shorter than a lost night."""
