"""Validators of settings; each raises a `ConfigError` that names the setting."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from attrs import validators

from ..errors import ConfigError


def between(low: float, high: float | None = None) -> Any:
    """Return a validator of numbers within inclusive bounds; None passes."""

    def check(instance: object, attribute: Any, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
            raise ConfigError(f"{attribute.name} must be a number, not {type(value).__name__}")
        if value < low or (high is not None and value > high):
            upto = "" if high is None else f" and at most {high:g}"
            raise ConfigError(f"{attribute.name} must be at least {low:g}{upto}, not {value:g}")

    return check


def part(kind: type) -> Any:
    """Return a validator of a group of settings, which is an object of this class."""

    def check(instance: object, attribute: Any, value: Any) -> None:
        if not isinstance(value, kind):
            actual = type(value).__name__
            raise ConfigError(
                f"{attribute.name} must be {kind.__name__}(…), not a {actual}: {kind.__name__}(name=value, …)"
            )

    return check


def function_or_between(low: float) -> Any:
    """Accept a function, or a number as `between` does."""
    check = between(low)
    return lambda instance, attribute, value: None if callable(value) else check(instance, attribute, value)


def one_of(*words: str) -> Any:
    """Return a validator of one of these texts."""

    def check(instance: object, attribute: Any, value: Any) -> None:
        if value not in words:
            raise ConfigError(f"{attribute.name} must be one of {', '.join(words)}, not {value!r}")

    return check


def optional_one_of(*words: str) -> Any:
    """Return a validator of one of these texts or None."""
    return validators.optional(one_of(*words))


def origin_of(url: object) -> str:
    """Normalize a base URL to its origin: scheme, host and port; a trailing `/v0` is dropped."""
    parts, port = _split(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ConfigError("base_url must be a URL such as https://api.pixxel.space")
    if "@" in parts.netloc:
        raise ConfigError("base_url may not contain a user or a password")
    if parts.query or parts.fragment or parts.path.rstrip("/") not in ("", "/v0"):
        raise ConfigError("base_url is scheme, host and port only, without path, query or fragment")
    host = _parse_host(parts.hostname)
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" if port in (None, usual) else f"{parts.scheme}://{host}:{port}"


def _split(url: object) -> tuple[SplitResult, int | None]:
    text = url if isinstance(url, str) else ""
    if text.isprintable() and not re.search(r"[\s\\]", text):
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            port = 0
        if port != 0:
            return parts, port
    raise ConfigError("base_url cannot be read: is the port a number from 1 to 65535, and are there no blanks?")


def _parse_host(name: str) -> str:
    if ":" in name:
        return f"[{name}]"
    try:
        host = name.rstrip(".")
        host = host if host.isascii() else host.encode("idna").decode("ascii")  # the codec takes 3 ms to load
    except UnicodeError:
        host = ""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*", host):
        raise ConfigError("base_url has an invalid host name")
    return host.lower()
