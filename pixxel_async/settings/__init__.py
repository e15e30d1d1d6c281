"""Settings: every time-out, bound, cap, interval, limit and size, in seconds and bytes, checked when made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import evolve, field, fields_dict, frozen

from .._protocol.hosts import host_of, is_loopback
from ..errors import ConfigError
from .assign import assign
from .checks import one_of, origin_of
from .options import DownloadOptions
from .parts import DownloadSettings, HTTPSettings, MiB, OnExisting, OnMissing, PollSettings, RetrySettings, Verify
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
    """Everything that a client can be told.

    `Settings.load()` gathers arguments, the environment and the profile file; a value made by hand is used as it is.
    """

    api_key: Secret | KeySource = field(default=None, converter=_key)
    """The key, or an async callable that returns one; text is wrapped and masked."""
    key_source: str = "argument"
    """Where the key came from, for `pixxel check`."""
    auth: Literal["auto", "raw", "bearer"] = field(default="auto", validator=one_of("auto", "raw", "bearer"))
    """How the key stands in the Authorization header; `auto` finds out."""
    base_url: str = field(default="https://api.pixxel.space", converter=origin_of)
    """The API's origin."""
    origin: str = ""
    """What records of finished downloads are bound to; empty: the origin of `base_url`."""
    http: HTTPSettings = field(factory=HTTPSettings)
    retry: RetrySettings = field(factory=RetrySettings)
    poll: PollSettings = field(factory=PollSettings)
    download: DownloadSettings = field(factory=DownloadSettings)

    def __attrs_post_init__(self) -> None:
        if self.base_url.startswith("http:") and not self.http.allow_http and not is_loopback(host_of(self.base_url)):
            raise ConfigError("base_url is http:, which shows the key on the way; use https, or set http.allow_http")

    def __repr__(self) -> str:
        known = [name for name in fields_dict(type(self)) if hasattr(self, name)]  # fewer where the constructor failed
        return f"Settings({', '.join(f'{name}={getattr(self, name)!r}' for name in known)})"

    @classmethod
    def load(
        cls,
        api_key: str | Secret | KeySource | None = None,
        profile: str | None = None,
        environ: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Self:
        """Arguments first, then the environment, then the profile file, then the defaults.

        Args:
            api_key: the key; None for PIXXEL_API_KEY, PIXXEL_API_KEY_FILE or the profile's.
            profile: a table of the profile file; None for PIXXEL_PROFILE, else `default`.
            environ: the environment; None for that of the process.
            values: further settings by dotted name, as in `**{"http.connect_timeout": 5}`; text is converted.

        Raises:
            ConfigError: an unknown name, a value out of bounds, a file that cannot be used.
        """
        api_key, variables = mask_key(api_key), Environment(os.environ if environ is None else environ)
        del environ  # it holds the key, and this frame is shown by crash reports
        found = gather(profile, variables)
        key = {"api_key": found.key, "key_source": found.key_source or "nowhere"}
        return cls().with_values(api_key, **{**key, **found.values, **values})

    def with_values(self, api_key: str | Secret | KeySource | None = None, /, **values: Any) -> Self:
        """These settings with further ones put in, named as in `load`."""
        api_key = mask_key(api_key)
        if "api_key" in values:
            values["api_key"] = mask_key(values["api_key"])
        changed = assign(self, values)
        return changed if api_key is None else evolve(changed, api_key=api_key, key_source="argument")
