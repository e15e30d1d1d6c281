"""Settings of a client, validated when created; durations are seconds, sizes are bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import evolve, field, fields_dict, frozen

from .._protocol.hosts import host_of, is_loopback
from ..errors import ConfigError
from .assign import assign
from .checks import one_of, origin_of, part
from .constants import Constants, MiB
from .options import DownloadOptions
from .parts import DownloadSettings, HTTPSettings, OnExisting, OnMissing, PollSettings, RetrySettings, Verify
from .secret import KeySource, Secret, mask_argument, mask_key
from .sources import Environment, gather
from .timing import Timing

__all__ = [
    "DownloadOptions",
    "DownloadSettings",
    "HTTPSettings",
    "KeySource",
    "MiB",
    "OnExisting",
    "OnMissing",
    "PollSettings",
    "RetrySettings",
    "Secret",
    "Settings",
    "Timing",
    "Verify",
    "mask_key",
]


def _key(value: Any) -> Secret | KeySource:
    return Secret("") if value is None else mask_key(value)


@mask_argument("api_key", mask_key)
@frozen(kw_only=True)
class Settings:
    """Settings of a client.

    `Settings.load()` reads arguments, environment and profile file; the constructor takes its arguments only.

    Example:
        settings = Settings.load(**{"download.max_bandwidth": 5_000_000})
        settings = Settings(api_key=key, http=HTTPSettings(connect_timeout=5))
    """

    api_key: Secret | KeySource = field(default=None, converter=_key)
    """API key, or an async callable that returns it; a `str` becomes a `Secret`, which no repr shows."""
    key_source: str = "argument"
    """Source of the key, shown by `pixxel check`."""
    auth: Literal["auto", "raw", "bearer"] = field(default="auto", validator=one_of("auto", "raw", "bearer"))
    """Form of the Authorization header: the bare key (`raw`), `Bearer` and the key, or `auto` to detect it."""
    base_url: str = field(default="https://api.pixxel.space", converter=origin_of)
    """Origin of the API."""
    origin: str = ""
    """Origin that download records are bound to; empty for that of `base_url`."""
    http: HTTPSettings = field(factory=HTTPSettings, validator=part(HTTPSettings))
    retry: RetrySettings = field(factory=RetrySettings, validator=part(RetrySettings))
    poll: PollSettings = field(factory=PollSettings, validator=part(PollSettings))
    download: DownloadSettings = field(factory=DownloadSettings, validator=part(DownloadSettings))
    constants: Constants = field(factory=Constants, repr=False, metadata={"internal": True})
    """Values for tests and measurements; see `pixxel_async.settings.constants`."""

    def __attrs_post_init__(self) -> None:
        if self.base_url.startswith("http:") and not self.http.allow_http and not is_loopback(host_of(self.base_url)):
            raise ConfigError("base_url is http://, which sends the key unencrypted; use https, or set http.allow_http")

    def __repr__(self) -> str:
        shown = [name for name, each in fields_dict(type(self)).items() if each.repr]
        present = [name for name in shown if hasattr(self, name)]  # fewer where the constructor failed
        return f"Settings({', '.join(f'{name}={getattr(self, name)!r}' for name in present)})"

    @classmethod
    def load(
        cls,
        api_key: str | Secret | KeySource | None = None,
        profile: str | None = None,
        environ: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Self:
        """Read settings from arguments, else the environment, else the profile file, else the defaults.

        Args:
            api_key: key, or source of keys; None for PIXXEL_API_KEY, PIXXEL_API_KEY_FILE or the profile's.
            profile: table of the profile file; None for PIXXEL_PROFILE, else `default`.
            environ: environment variables; None for those of the process.
            values: settings by dotted name, as in `**{"http.connect_timeout": 5}`; text is converted.

        Raises:
            ConfigError: unknown name, value out of bounds, or unusable file.
        """
        api_key, variables = mask_key(api_key), Environment(os.environ if environ is None else environ)
        del environ  # it holds the key, and this frame is shown by crash reports
        gathered = gather(profile, variables)
        key = {"api_key": gathered.key, "key_source": gathered.key_source or "nowhere"}
        return cls().with_values(api_key, **{**key, **gathered.values, **values})

    def with_values(self, api_key: str | Secret | KeySource | None = None, /, **values: Any) -> Self:
        """Return a copy with some settings changed; arguments as in `load`."""
        api_key = mask_key(api_key)
        if "api_key" in values:
            values["api_key"] = mask_key(values["api_key"])
        changed = assign(self, values)
        return changed if api_key is None else evolve(changed, api_key=api_key, key_source="argument")
