"""Where settings come from: the environment, key files and the profile file."""

from __future__ import annotations

import logging
import os
import stat
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..errors import ConfigError

_log = logging.getLogger("pixxel_async.settings")

_VARIABLES = {
    "PIXXEL_BASE_URL": "base_url",
    "PIXXEL_AUTH": "auth",
    "PIXXEL_PROXY": "http.proxy",
    "PIXXEL_ALLOW_HTTP": "http.allow_http",
}
KEY_SIZE = 64 * 1024
PROFILE_SIZE = 1024 * 1024
"""Bytes that a key file, or the profile file, may have."""


@frozen
class GatheredSettings:
    """What was found: values by dotted name, and the key with where it came from."""

    values: Mapping[str, Any] = field(factory=dict)
    key: str = field(default="", repr=False)
    key_source: str = ""


def gather(profile: str | None, environ: Mapping[str, str]) -> GatheredSettings:
    """The profile's values, overruled by those of the environment.

    Args:
        profile: a table of the profile file; None for PIXXEL_PROFILE, else `default` if it is there.
        environ: the environment.

    Raises:
        ConfigError: a file that was named is missing, too large or no text of its kind.
    """
    values, where = _profile(profile or environ.get("PIXXEL_PROFILE"), environ)
    own_key, own_file = values.pop("api_key", ""), values.pop("api_key_file", "")
    values |= {name: environ[variable] for variable, name in _VARIABLES.items() if environ.get(variable)}
    if environ.get("PIXXEL_API_KEY"):
        return GatheredSettings(values, environ["PIXXEL_API_KEY"], "PIXXEL_API_KEY")
    if environ.get("PIXXEL_API_KEY_FILE"):
        return GatheredSettings(values, read_key(Path(environ["PIXXEL_API_KEY_FILE"])), "PIXXEL_API_KEY_FILE")
    if own_key:
        _warn_if_open(where[0])
        return GatheredSettings(values, str(own_key), where[1])
    if own_file:
        path = where[0].parent / Path(str(own_file)).expanduser()
        return GatheredSettings(values, read_key(path), where[1])
    return GatheredSettings(values)


def read_key(path: Path) -> str:
    """The key in a file, without the blanks around it; warns when others can read the file."""
    text = _text(path, KEY_SIZE).strip()
    if not text:
        raise ConfigError(f"there is no key in {path}")
    _warn_if_open(path)
    return text


def profile_file(environ: Mapping[str, str]) -> tuple[Path, bool]:
    """Where the profile file is looked for, and whether the user has said so."""
    if environ.get("PIXXEL_CONFIG"):
        return Path(environ["PIXXEL_CONFIG"]).expanduser(), True
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:  # a user without HOME and without a passwd entry, as in containers
        home = Path(os.devnull)
    usual = [Path(environ["XDG_CONFIG_HOME"])] if environ.get("XDG_CONFIG_HOME") else [home / ".config"]
    if sys.platform == "darwin":
        usual.append(home / "Library" / "Application Support")
    if environ.get("APPDATA"):
        usual.append(Path(environ["APPDATA"]))
    files = [folder / "pixxel" / "config.toml" for folder in usual]
    return next((file for file in files if file.is_file()), files[0]), False


def _profile(name: str | None, environ: Mapping[str, str]) -> tuple[dict[str, Any], tuple[Path, str]]:
    path, named = profile_file(environ)
    if not named and name is None and not path.is_file():
        return {}, (path, "")
    try:
        tables = tomllib.loads(_text(path, PROFILE_SIZE))
    except tomllib.TOMLDecodeError:
        tables = None
    if tables is None:
        raise ConfigError(f"{path} is not TOML")
    wanted = name or "default"
    table = tables.get(wanted, {} if name is None else None)
    if not isinstance(table, dict):
        raise ConfigError(f"there is no profile {wanted!r} in {path}; there are: {', '.join(sorted(tables)) or 'none'}")
    return dict(table), (path, f"profile {wanted!r} of {path}")


def _text(path: Path, limit: int) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        why = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        why = "not UTF-8 text"
    else:
        why = "" if len(raw) <= limit else f"longer than {limit} bytes"
    if why:
        raise ConfigError(f"cannot read {path}: {why}")
    return text


def _warn_if_open(path: Path) -> None:
    mode = os.stat(path).st_mode
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
        _log.warning("%s holds a key and can be read by others: chmod 600 %s", path, path)
