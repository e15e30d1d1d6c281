"""The four groups of settings; durations are seconds, sizes are bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import field, frozen

from ..errors import ConfigError
from .checks import between, function_or_between, one_of, optional_one_of
from .constants import MiB


@frozen(kw_only=True)
class HTTPSettings:
    """Connections, timeouts, limits and proxies of HTTP requests.

    Attributes:
        connect_timeout: seconds for name lookup, TCP connection and TLS handshake together.
        headers_timeout: seconds from the end of the request to the end of the response headers.
        read_timeout: seconds without a byte of the response body before the connection is dropped.
        call_timeout: seconds for one API call, all attempts and backoff included; None for no limit.
        max_concurrent_calls: API calls in flight, over all keys of a client.
        calls_per_second: client-side rate limit of API calls; downloads are scheduled by it. None for no limit.
        max_connections_per_host: requests in flight to one storage host, streaming bodies included; None for no
            limit.
        max_response_bytes: bytes of one JSON response after decompression.
        trust_env: whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY are used; netrc files never are.
        proxy: URL of a proxy for API and storage.
        allow_http: whether `base_url` may be `http://` beyond loopback, which sends the key unencrypted.
        block_private_hosts: whether signed links into private networks are refused; set it in web backends.
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


@frozen(kw_only=True)
class RetrySettings:
    """Retries of API calls and of downloads that were cut, with exponential backoff and full jitter.

    Attributes:
        max_attempts: attempts of one API call; connections of one body without progress in between.
        initial_delay: seconds; upper bound of the first backoff, doubled with each attempt.
        max_delay: seconds; upper bound of every backoff.
        max_retry_after: seconds; a longer Retry-After raises `RateLimited` instead of being waited for.
    """

    max_attempts: int = field(default=8, validator=between(1))
    initial_delay: float = field(default=0.5, validator=between(0))
    max_delay: float = field(default=20.0, validator=between(0))
    max_retry_after: float = field(default=60.0, validator=between(0))


@frozen(kw_only=True)
class PollSettings:
    """Intervals at which jobs, orders and packages are polled until they are ready.

    Attributes:
        initial_interval: seconds before the second request; each interval is 1.25 times the one before.
        max_interval: seconds; upper bound of the interval. Packages that are polled by PUT exceed it, because a PUT may
            restart the packing.
        timeout: seconds after which `wait` gives up, where the call has no `timeout`.
    """

    initial_interval: float = field(default=2.0, validator=between(0.001))
    max_interval: float = field(default=30.0, validator=between(0.001))
    timeout: float = field(default=6 * 3600.0, validator=between(0.001))


Verify = Literal["full", "structure", "size"]
OnExisting = Literal["skip", "error", "replace"]
OnMissing = Literal["skip", "redo"]


@frozen(kw_only=True)
class DownloadSettings:
    """Scheduling, verification and naming of downloads; each field is a keyword of `fetch`, `fetch_all` and `submit`.

    Attributes:
        max_concurrent_downloads: bodies streaming at the same time; bounds memory and part files.
        max_connections: connections to one storage host at most. As many as there may be bodies are always allowed;
            more only where the storage is far, and as long as they raise the sum of the rates.
        max_concurrent_requests: package requests in flight at the same time.
        timeout: seconds for one package, from its first request to its last byte; waiting for a free stream is not
            counted.
        total_timeout: seconds for a whole `fetch_all`; None for no limit.
        verify: proof of a download: `full` (structure and the CRC of every member), `structure` (no CRCs), or `size`
            (the announced length only).
        checksum: digest that is computed while streaming and recorded; None saves about half of the CPU time.
        on_existing: handling of a file at the final path: `skip` it if it is recorded as ours, else raise
            `NameTaken`; `error` always raises; `replace` overwrites it.
        on_missing: handling of a recorded file that is gone: `skip` counts it as done, `redo` fetches it again.
        name_template: path below the folder, such as `{workflow_name}/{finished_at:%Y-%m}/{job_id}`; the suffix is
            appended.
        max_bandwidth: bytes per second of all streams of a manager together; None for no limit. A function without
            arguments is called for each chunk and returns the limit that applies now.
        max_package_bytes: bytes of one package; None for the announced length, or the free space where none is
            announced.
        min_free_space: bytes that stay free on the disk.
        shard: (i, n): this machine is number i of n, counted from 1, and fetches the packages whose hash falls to it.
        extract: whether ZIP members are unpacked into a folder beside the archive; a callable chooses members by their
            `zipfile.ZipInfo`.
        keep_archive: whether the archive stays after its members are unpacked.
    """

    max_concurrent_downloads: int = field(default=8, validator=between(1, 256))
    max_connections: int = field(default=64, validator=between(1, 1024))
    max_concurrent_requests: int = field(default=4, validator=between(1, 64))
    timeout: float = field(default=6 * 3600.0, validator=between(0.001))
    total_timeout: float | None = field(default=None, validator=between(0.001))
    verify: Verify = field(default="full", validator=one_of("full", "structure", "size"))
    checksum: Literal["sha256"] | None = field(default="sha256", validator=optional_one_of("sha256"))
    on_existing: OnExisting = field(default="skip", validator=one_of("skip", "error", "replace"))
    on_missing: OnMissing = field(default="skip", validator=one_of("skip", "redo"))
    name_template: str | None = None
    max_bandwidth: float | Callable[[], float | None] | None = field(default=None, validator=function_or_between(1024))
    max_package_bytes: int | None = field(default=None, validator=between(1))
    min_free_space: int = field(default=256 * MiB, validator=between(0))
    shard: tuple[int, int] | None = None
    extract: bool | Callable[[Any], bool] = False
    keep_archive: bool = True

    def __attrs_post_init__(self) -> None:
        if self.shard is not None and not _is_shard(self.shard):
            raise ConfigError(f"shard must be (i, n) with 1 <= i <= n, not {self.shard}")


def _is_shard(pair: object) -> bool:
    match pair:
        case (int(i), int(n)):
            return 1 <= i <= n
    return False
