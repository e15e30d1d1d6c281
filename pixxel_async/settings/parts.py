"""The groups of settings: every time-out, bound, cap, interval, limit and size, in seconds and bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import field, frozen

from ..errors import ConfigError
from .checks import between, function_or_between, one_of, optional_one_of

MiB = 1 << 20


@frozen(kw_only=True)
class HTTPSettings:
    """How calls travel.

    Attributes:
        connect_timeout: seconds for name lookup, connection and TLS together.
        headers_timeout: seconds from the request to the answer's headers, whatever trickles in.
        read_timeout: seconds without a byte of the body before a connection is given up.
        call_timeout: seconds for one API call with all its attempts and waits; None for no limit.
        max_concurrent_calls: API calls at the same time, for all keys of one client together.
        calls_per_second: API calls a second that the client allows itself, and plans downloads by; None for no
            limit of its own.
        max_connections_per_host: requests to one storage host at the same time, bodies under way included; None
            for no limit of its own.
        max_response_bytes: bytes of one JSON answer, counted after decompression.
        trust_env: whether proxy variables of the environment count; netrc never does.
        proxy: a proxy's URL for the API and the storage.
        allow_http: whether `http://` may be used beyond loopback; the key is readable on the way then.
        block_private_hosts: whether signed links may not point into private networks; web backends set it.
        page_size: rows a page when a call does not say; None leaves it to the server (catalogs: 50).
        user_agent: put before our own in the User-Agent header.
    """

    connect_timeout: float = field(default=10.0, validator=between(0.01))
    headers_timeout: float = field(default=30.0, validator=between(0.01))
    read_timeout: float = field(default=60.0, validator=between(0.01))
    call_timeout: float | None = field(default=300.0, validator=between(0.01))
    max_concurrent_calls: int = field(default=8, validator=between(1))
    calls_per_second: float | None = field(default=None, validator=between(0.001))
    max_connections_per_host: int | None = field(default=None, validator=between(1))
    max_response_bytes: int = field(default=256 * 1000 * 1000, validator=between(1024))
    trust_env: bool = False
    proxy: str | None = field(default=None, repr=lambda value: repr("***" if value else value))
    allow_http: bool = False
    block_private_hosts: bool = False
    page_size: int | None = field(default=None, validator=between(1))
    user_agent: str = ""


@frozen(kw_only=True)
class RetrySettings:
    """How often, and how patiently, a call that may be repeated is repeated.

    Attributes:
        initial_delay: seconds; the first wait is drawn from [0, initial_delay], and doubles from there.
        max_delay: seconds; no drawn wait is longer.
        max_total_delay: seconds that one call may spend waiting between its attempts.
        max_attempts: attempts of one call at most.
        max_retry_after: seconds; a longer Retry-After is raised as `RateLimited` instead of waited for.
        quota: tokens for repeats, shared by all calls to one origin.
        retry_paid_calls_on_429: whether a paid call that was refused with 429 waits and goes again, instead of
            raising.
    """

    initial_delay: float = field(default=0.5, validator=between(0))
    max_delay: float = field(default=20.0, validator=between(0))
    max_total_delay: float = field(default=120.0, validator=between(0))
    max_attempts: int = field(default=8, validator=between(1))
    max_retry_after: float = field(default=60.0, validator=between(0))
    quota: float = field(default=500.0, validator=between(0))
    retry_paid_calls_on_429: bool = False


@frozen(kw_only=True)
class PollSettings:
    """How what takes its time is asked about.

    Attributes:
        initial_interval: seconds before the first asking again.
        multiplier: how much longer each wait is than the one before.
        max_interval: seconds; the ceiling of the waits, except for packages that are asked for by PUT.
        jitter: share by which each wait is moved up or down at random.
        timeout: seconds; how long `wait` waits when the call does not say.
    """

    initial_interval: float = field(default=2.0, validator=between(0.001))
    multiplier: float = field(default=1.25, validator=between(1.0))
    max_interval: float = field(default=30.0, validator=between(0.001))
    jitter: float = field(default=0.2, validator=between(0, 1))
    timeout: float = field(default=6 * 3600.0, validator=between(0.001))


Verify = Literal["full", "structure", "size"]
OnExisting = Literal["skip", "error", "replace"]
OnMissing = Literal["skip", "redo"]


@frozen(kw_only=True)
class DownloadSettings:
    """How packages get to disk; each field is a keyword of `fetch`, `fetch_all` and `submit` too.

    Attributes:
        max_concurrent_downloads: bodies streamed at the same time.
        max_concurrent_requests: requests for packages in flight at the same time.
        max_requests_ahead: packages asked for before there is room to stream them.
        max_pending: packages known to the manager and not yet done; reading the source waits beyond.
        timeout: seconds for one package, from its first request to its last byte; waiting for a free stream
            does not count.
        total_timeout: seconds for a whole `fetch_all`; None for no limit.
        verify: `full`: structure and the CRC of every member; `structure`: no CRCs; `size`: the announced
            length alone.
        checksum: the digest computed on the way and recorded; None saves about half of the CPU time.
        on_existing: what a file at the final name means: `skip` it if recorded as ours, else `NameTaken`;
            `error`; `replace` it.
        on_missing: what a recorded file that is gone means: it stays done, or it is fetched again.
        name_template: template of the name below the folder, as `{workflow_name}/{finished_at:%Y-%m}/{job_id}`;
            a suffix is added.
        max_link_renewals: fresh links for one package without real progress in between.
        max_attempts: connections for one body without real progress in between.
        max_connections_per_download: connections for one body at most, where streams are free and one
            connection is given no more; 1 for never.
        split_piece: bytes that one of several connections asks for at a time; a body with less than two of them
            left is not split.
        max_bandwidth: bytes per second of all streams of a manager together; None for no limit. A function without
            arguments is called for each chunk and returns the limit that applies now.
        stall_timeout: seconds: the window in which `stall_bytes` must arrive.
        stall_bytes: bytes that must arrive in each window, else the connection is given up; three times in a
            row is `Stalled`.
        max_package_bytes: bytes of one package at most; None: what the answer announces, else what the disk can
            hold.
        min_free_space: bytes that stay free on the disk.
        chunk_bytes: bytes gathered before one write; two buffers a stream.
        resume_without_validator: whether a part file without any validator is continued and left to the
            archive's checksums to prove.
        extra_ready_statuses: further status words that mean that a package is ready.
        shard: (i, n): of n machines this is machine i, counted from 1; it takes every n-th package by hash.
        extract: whether the files of a ZIP are unpacked into a folder beside it, all or none; or what chooses
            among its members, given as `zipfile.ZipInfo`.
        keep_archive: whether the archive stays once its files are unpacked.
        max_extracted_bytes: bytes that one archive may unpack to; None: a hundred times its own and a gibibyte.
        max_failed_runs: runs on different days in which the API itself must have refused a package before it is
            asked for no more.
    """

    max_concurrent_downloads: int = field(default=8, validator=between(1, 256))
    max_concurrent_requests: int = field(default=4, validator=between(1, 64))
    max_requests_ahead: int = field(default=100_000, validator=between(1))
    max_pending: int = field(default=100_000, validator=between(1))
    timeout: float = field(default=6 * 3600.0, validator=between(0.001))
    total_timeout: float | None = field(default=None, validator=between(0.001))
    verify: Verify = field(default="full", validator=one_of("full", "structure", "size"))
    checksum: Literal["sha256"] | None = field(default="sha256", validator=optional_one_of("sha256"))
    on_existing: OnExisting = field(default="skip", validator=one_of("skip", "error", "replace"))
    on_missing: OnMissing = field(default="skip", validator=one_of("skip", "redo"))
    name_template: str | None = None
    max_link_renewals: int = field(default=3, validator=between(0))
    max_attempts: int = field(default=6, validator=between(1))
    max_connections_per_download: int = field(default=8, validator=between(1, 64))
    split_piece: int = field(default=32 * MiB, validator=between(64 * 1024))
    max_bandwidth: float | Callable[[], float | None] | None = field(default=None, validator=function_or_between(1024))
    stall_timeout: float = field(default=60.0, validator=between(0.01))
    stall_bytes: int = field(default=1, validator=between(1))
    max_package_bytes: int | None = field(default=None, validator=between(1))
    min_free_space: int = field(default=256 * MiB, validator=between(0))
    chunk_bytes: int = field(default=1 * MiB, validator=between(64 * 1024, 64 * MiB))
    resume_without_validator: bool = False
    extra_ready_statuses: tuple[str, ...] = ()
    shard: tuple[int, int] | None = None
    extract: bool | Callable[[Any], bool] = False
    keep_archive: bool = True
    max_extracted_bytes: int | None = field(default=None, validator=between(1))
    max_failed_runs: int = field(default=3, validator=between(1))

    def __attrs_post_init__(self) -> None:
        if self.shard is not None and not _is_shard(self.shard):
            raise ConfigError(f"shard must be (i, n) with 1 <= i <= n, not {self.shard}")


def _is_shard(pair: object) -> bool:
    match pair:
        case (int(i), int(n)):
            return 1 <= i <= n
    return False
