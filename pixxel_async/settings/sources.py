"""Sources of settings: the environment, key files and the profile file."""

from __future__ import annotations

import logging
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from .._files import read_named
from .._formats.text_encoding import decode_text
from ..errors import ConfigError
from .secret import Secret

_log = logging.getLogger("pixxel_async.settings")

_VARIABLES = {
    "PIXXEL_BASE_URL": "base_url",
    "PIXXEL_AUTH": "auth",
    "PIXXEL_PROXY": "http.proxy",
    "PIXXEL_ALLOW_HTTP": "http.allow_http",
}
KEY_SIZE = 64 * 1024
PROFILE_SIZE = 1024 * 1024
"""Most bytes of a key file, and of the profile file."""


class Environment:
    """The variables of an environment; they are in no repr, since keys are among them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def get(self, name: str) -> str:
        """Return a variable; "" if it is not set."""
        return self._variables.get(name) or ""

    def key(self) -> Secret:
        """Return the API key of PIXXEL_API_KEY, empty if it is not set."""
        return Secret(self.get("PIXXEL_API_KEY"))


@frozen
class GatheredSettings:
    """Settings of the environment and the profile file.

    Attributes:
        values: by dotted name, the key excluded.
        key: the key; empty without one.
        key_source: where the key was found.
    """

    values: Mapping[str, Any] = field(factory=dict)
    key: Secret = field(factory=lambda: Secret(""))
    key_source: str = ""


def gather(profile: str | None, environ: Environment) -> GatheredSettings:
    """Read the profile's values, overruled by those of the environment.

    Args:
        profile: a table of the profile file; None for PIXXEL_PROFILE, else `default` if it exists.

    Raises:
        ConfigError: a file that was named is missing, too large or no text of its kind.
    """
    values, source = _choose_profile(profile or environ.get("PIXXEL_PROFILE"), environ)
    own_key, own_file = values.pop("api_key", None), values.pop("api_key_file", "")
    values |= {name: value for variable, name in _VARIABLES.items() if (value := environ.get(variable))}
    if key := environ.key():
        return GatheredSettings(values, key, "PIXXEL_API_KEY")
    if file := environ.get("PIXXEL_API_KEY_FILE"):
        return GatheredSettings(values, read_key(Path(file)), "PIXXEL_API_KEY_FILE")
    if own_key:
        _warn_if_open(source[0])
        return GatheredSettings(values, own_key, source[1])
    if own_file:
        path = source[0].parent / Path(str(own_file)).expanduser()
        return GatheredSettings(values, read_key(path), source[1])
    return GatheredSettings(values)


def read_key(path: Path) -> Secret:
    """Read the key in a file, without the blanks around it; log a warning if others can read the file."""
    key = Secret(_read_text(path, KEY_SIZE).strip())
    if not key:
        raise ConfigError(f"there is no key in {path}")
    _warn_if_open(path)
    return key


def profile_file(environ: Environment) -> tuple[Path, bool]:
    """Return the path of the profile file, and whether the user named it."""
    if environ.get("PIXXEL_CONFIG"):
        return Path(environ.get("PIXXEL_CONFIG")).expanduser(), True
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:  # a user without HOME and without a passwd entry, as in containers
        home = Path(os.devnull)
    usual = [Path(environ.get("XDG_CONFIG_HOME") or home / ".config")]
    if sys.platform == "darwin":
        usual.append(home / "Library" / "Application Support")
    if environ.get("APPDATA"):
        usual.append(Path(environ.get("APPDATA")))
    files = [folder / "pixxel" / "config.toml" for folder in usual]
    return next((file for file in files if file.is_file()), files[0]), False


def _choose_profile(name: str, environ: Environment) -> tuple[dict[str, Any], tuple[Path, str]]:
    path, named = profile_file(environ)
    if not named and not name and not path.is_file():
        return {}, (path, "")
    tables = _read_tables(path)
    chosen = name or "default"
    table = tables.get(chosen, None if name else {})
    if table is None:
        raise ConfigError(f"there is no profile {chosen!r} in {path}; there are: {', '.join(sorted(tables)) or 'none'}")
    return dict(table), (path, f"profile {chosen!r} of {path}")


def _read_tables(path: Path) -> dict[str, dict[str, Any]]:
    """Read the tables of the profile file; their keys are masked at once."""
    import tomllib  # when there is a file: not needed by most processes

    try:
        document = tomllib.loads(_read_text(path, PROFILE_SIZE))
    except tomllib.TOMLDecodeError:
        document = None
    if document is None:
        raise ConfigError(f"{path} is not TOML")
    tables = {name: table for name, table in document.items() if isinstance(table, dict)}
    for table in tables.values():
        if "api_key" in table:
            table["api_key"] = Secret(table["api_key"])
    return tables


def _read_text(path: Path, limit: int) -> str:
    try:
        return decode_text(read_named(path, limit))
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        reason = "not UTF-8 text"
    raise ConfigError(f"cannot read {path}: {reason}")


def _warn_if_open(path: Path) -> None:
    mode = os.stat(path).st_mode
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
        _log.warning("%s holds a key and can be read by others: chmod 600 %s", path, path)
