"""Which texts can be a key, and how one stands in the Authorization header."""

from __future__ import annotations

import re
from typing import Literal

from ...errors import ConfigError

AuthForm = Literal["raw", "bearer"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{2,19} +[^ ]+")


def check_key(key: object) -> str:
    """The key, if it can stand in a header; raises `ConfigError` that names the rule and never the key."""
    if not isinstance(key, str):
        raise ConfigError(f"the API key must be a text, not {type(key).__name__}")
    if not key.strip():
        raise ConfigError("no API key: pass api_key=, or set PIXXEL_API_KEY or PIXXEL_API_KEY_FILE")
    if not key.isascii() or not key.isprintable():
        raise ConfigError("the API key holds control characters, a line end or letters beyond ASCII")
    if key != key.strip():
        raise ConfigError("the API key begins or ends with a blank")
    if key[0] in "\"'" or key[-1] in "\"'":
        raise ConfigError("the API key stands in quotes: leave them out")
    if " " in key and not _SCHEME.fullmatch(key):
        raise ConfigError("the API key holds blanks; only one scheme word, such as Bearer, may stand before it")
    return key


def has_scheme(key: str) -> bool:
    """Whether the key brings its scheme word along, so that it is sent as it is."""
    return " " in key


def authorization(key: str, form: AuthForm) -> str:
    """The header's value."""
    # ASSUMPTION: the vendor's pages show the bare key on some and `Bearer <key>` on others; which one a key needs
    # is found out by asking.
    return key if form == "raw" or has_scheme(key) else f"Bearer {key}"


def other_form(key: str, sent: AuthForm, known: AuthForm | None, auto: bool) -> AuthForm | None:
    """The form to try once after `sent` was refused; None when there is nothing left to try."""
    if not auto or has_scheme(key):
        return None
    if known is None:
        return "bearer" if sent == "raw" else None
    return known if known != sent else None
