"""Validation of API keys, and the Authorization header in its two forms."""

from __future__ import annotations

import re
from typing import Literal

from ...errors import ConfigError
from ...settings import Secret

AuthForm = Literal["raw", "bearer"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{2,19} +[^ ]+")


def check_key(key: Secret) -> Secret:
    """Return the key if it can be sent in a header; raises `ConfigError` that names the rule, never the key."""
    if fault := _fault(key.reveal()):
        raise ConfigError(fault)
    return key


def _fault(key: object) -> str:
    """Return why a key cannot be sent; raises nothing, since a frame with the key in it must not be in a traceback."""
    if not isinstance(key, str):
        return f"the API key must be a text, not {type(key).__name__}"
    if not key.strip():
        return "no API key: pass api_key=, or set PIXXEL_API_KEY or PIXXEL_API_KEY_FILE"
    if not key.isascii() or not key.isprintable():
        return "the API key contains control characters, a line end or non-ASCII letters"
    if key != key.strip():
        return "the API key begins or ends with a blank"
    if key[0] in "\"'" or key[-1] in "\"'":
        return "the API key is in quotes: remove them"
    if " " in key and not _SCHEME.fullmatch(key):
        return "the API key contains blanks; only a scheme such as Bearer may precede it"
    return ""


def has_scheme(key: str) -> bool:
    """Return whether the key already has a scheme word, so that it is sent unchanged."""
    return " " in key


def authorization(key: str, form: AuthForm) -> str:
    """Return the value of the Authorization header."""
    # ASSUMPTION: the vendor's pages show the bare key on some and `Bearer <key>` on others; which one a key needs
    # is found out by trying.
    return key if form == "raw" or has_scheme(key) else f"Bearer {key}"


def other_form(key: str, refused: AuthForm, accepted: AuthForm | None, auto: bool) -> AuthForm | None:
    """Return the form to try once after `refused` was refused; None if none is left."""
    if not auto or has_scheme(key):
        return None
    if accepted is None:
        return "bearer" if refused == "raw" else None
    return accepted if accepted != refused else None
