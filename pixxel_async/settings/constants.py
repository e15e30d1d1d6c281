"""Values that are part of the design rather than of a configuration: unit, reason and origin of each.

`Final` values hold for every client. The fields of `Constants` hold for one client, so that tests and measurements can
vary them: `Settings(constants=Constants(chunk_bytes=65536))`. Neither is read from the environment or from profiles.
"""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

from .checks import between

__all__ = ["Constants"]

MiB: Final = 1 << 20

MAX_ERROR_BODY: Final = 1_000_000
"""Bytes read of an error's body: far beyond any error document, and harmless to hold. Chosen."""

MAX_PAGES: Final = 100_000
"""Pages of one listing before it is taken for an endless one: five million rows at the server's 50 a page. Chosen."""

RETRY_COST: Final = 5.0
"""Tokens of the retry quota that one retry takes; a retry after a timeout takes twice as many. With the quota of 500
and the gain of 1 it limits sustained retries to a fifth of the successes, the ratio that AWS SDKs use."""

SUCCESS_GAIN: Final = 1.0
"""Tokens that one success gives back to the retry quota. Chosen together with `RETRY_COST`."""

MAX_TOTAL_DELAY: Final = 120.0
"""Seconds that one call may spend between its attempts. Eight attempts with backoff sleep 52 s at most; the rest leaves
room for one Retry-After of the longest kind that is waited for (60 s). Chosen."""

POLL_MULTIPLIER: Final = 1.25
"""Growth of the poll interval per response: from 2 s to the ceiling of 30 s in 13 polls, 138 s. Chosen."""

POLL_JITTER: Final = 0.2
"""Share by which a poll interval moves up or down at random, so that waits started together spread out. Chosen."""

AGE_SHARE: Final = 0.25
"""Share of a package's age below which `wait` does not repeat its PUT: if a PUT restarts the packing, intervals that
grow with the age become longer than the packing, and it ends. An assumption until a real account was measured."""

MAX_REQUESTS_AHEAD: Final = 100_000
"""Packages requested before there is a free stream for them. Chosen: no bound that a batch meets."""

MAX_PENDING: Final = 100_000
"""Packages that a manager knows and has not finished; reading the source pauses beyond. At up to 400 bytes each they
take 40 MB. Chosen."""

MAX_LINK_RENEWALS: Final = 3
"""Fresh links for one package without progress in between: a storage that refuses the third will refuse the fourth.
Chosen."""

PROGRESS_STEP: Final = 4 * MiB
"""Bytes of a body that count as progress and reset its attempts and link renewals: less could be what sockets hold
when a connection is cut over and over. Chosen."""

MAX_BUSY_TIME: Final = 900.0
"""Seconds for which a storage may answer 429 or 503 to a body without progress before that costs attempts. Chosen:
longer than the usual throttling of an object store, shorter than a lost night."""


@frozen(kw_only=True)
class Constants:
    """Constants of one client, for tests and measurements; for no other use, and without a promise to stay.

    Attributes:
        retry_quota: tokens for retries, shared by all calls to one origin. An outage then gets 100 retries, not one
            storm per call. 500 is what AWS SDKs use.
        user_agent: words before ours in the User-Agent header. Empty: nothing is added.
        retry_paid_calls_on_429: whether a paid call that was refused with 429 is sent again. False: money is only
            spent by a request that the caller sees.
        extra_ready_statuses: further status words that mean that a package is ready, for a service that learns one
            before this library does.
        chunk_bytes: bytes gathered before one write; two buffers a stream. Gathered bytes are lost in a kill. 384 KiB:
            with the unread bytes, half a MiB is fetched twice. Chosen: smaller ones cost more thread switches.
        least_range: bytes of one range request at least, where a body comes over several connections; how long it is
            follows from rate and round trip. 1 MiB: the window of a connection over a long way. Chosen.
        stall_timeout: seconds of the window in which `stall_bytes` must arrive; three windows in a row without are
            `Stalled`. None: `http.read_timeout`.
        stall_bytes: bytes that must arrive in each window. 1: slow is no error. Chosen.
        resume_without_validator: whether a part file without an ETag or date is continued, and left to the archive's
            checksums to prove. False: a joined file of two versions is found only after its last byte.
        max_failed_runs: runs on different days in which the API itself must have refused a package before it is given
            up. 3: one night could be an incident, a week of nights would be noise. Chosen.
        max_extracted_bytes: bytes that one archive may unpack to. None: a hundred times its own and a gibibyte, far
            beyond what rasters compress to.
    """

    retry_quota: float = field(default=500.0, validator=between(0))
    user_agent: str = ""
    retry_paid_calls_on_429: bool = False
    extra_ready_statuses: tuple[str, ...] = ()
    chunk_bytes: int = field(default=384 * 1024, validator=between(64 * 1024, 64 * MiB))
    least_range: int = field(default=MiB, validator=between(64 * 1024))
    stall_timeout: float | None = field(default=None, validator=between(0.01))
    stall_bytes: int = field(default=1, validator=between(1))
    resume_without_validator: bool = False
    max_failed_runs: int = field(default=3, validator=between(1))
    max_extracted_bytes: int | None = field(default=None, validator=between(1))
