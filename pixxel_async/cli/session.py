"""The global options as settings, and a client made from them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..errors import ConfigError
from ..settings import Secret, Settings
from ..settings.sources import read_key

if TYPE_CHECKING:
    from ..client import PixxelClient

SEED = 1
"""Seed of the sandbox's random data; the same seed gives the same packages in every process."""
_NO_KEY = "no API key: set PIXXEL_API_KEY or PIXXEL_API_KEY_FILE, or give --api-key-file; --sandbox needs none"


@frozen
class Session:
    """Global options of a command line.

    Attributes:
        profile: name of a profile in the settings file.
        sets: settings as `a.b=c`.
        key_file: path of a file with the key; `-` for stdin.
    """

    profile: str | None = None
    sets: tuple[str, ...] = ()
    key_file: str | None = None

    def settings(self) -> Settings:
        """Load the settings of this command line; raises `ConfigError`."""
        settings = Settings.load(profile=self.profile, **parse_assignments(self.sets))
        if self.key_file is None:
            return settings
        source = "stdin" if self.key_file == "-" else self.key_file
        return settings.with_values(api_key=_read_key(self.key_file), key_source=source)

    @asynccontextmanager
    async def client(self, *, sandbox: bool = False) -> AsyncIterator[PixxelClient]:
        """Open a client; with `sandbox` against a simulated API in this process, closed with the client."""
        from ..client import PixxelClient  # commands that only read a record need none

        if not sandbox:
            settings = self.settings()
            if not settings.api_key:
                raise ConfigError(_NO_KEY)
            async with PixxelClient(settings=settings) as client:
                yield client
            return
        from ..sandbox import Sandbox

        async with Sandbox(seed=SEED) as served:
            own = {"base_url": served.url, "origin": served.origin, "key_source": "the sandbox"}
            settings = Settings(api_key=served.api_key).with_values(**{**parse_assignments(self.sets), **own})
            async with PixxelClient(settings=settings) as client:
                yield client


def parse_assignments(sets: Sequence[str]) -> dict[str, Any]:
    """Parse the values of `--set a.b=c` into settings by dotted name.

    Raises:
        ConfigError: a malformed text, or an API key, which would be visible in the process list.
    """
    values: dict[str, Any] = {}
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set takes a.b=c, such as download.max_concurrent_downloads=4, not {text!r}")
        if name.strip() == "api_key":
            raise ConfigError("a key on the command line is visible in the process list: use --api-key-file")
        values[name.strip()] = value
    return values


def _read_key(path: str) -> Secret:
    if path != "-":
        return read_key(Path(path))
    key = Secret(sys.stdin.read().strip())
    if not key:
        raise ConfigError("stdin holds no key")
    return key
