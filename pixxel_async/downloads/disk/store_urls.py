"""URLs of object stores: which kinds there are, and their one spelling."""

from __future__ import annotations

import hashlib
import re

from ...errors import ConfigError

__all__ = ["SCHEMES", "parse_store_url", "spool_name"]

SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "file", "memory")
"""The kinds of object stores; `file` and `memory` are for tests."""

_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://(.*)", re.DOTALL)
_UNREADABLE = re.compile(r"[^a-z0-9]+")


def parse_store_url(text: str) -> str | None:
    """Return the normalised URL; None for a folder's path.

    Raises:
        ConfigError: a URL of another kind, or one with more than a bucket and a prefix in it, which might be a secret.
    """
    match = _URL.fullmatch(text.strip())
    if match is None:
        return None
    scheme, rest = match[1].lower(), match[2].rstrip("/")
    if scheme not in SCHEMES:
        raise ConfigError(f"{scheme}:// is not a known object store; known are {', '.join(SCHEMES)}")
    if re.search(r"[?#\s]|//|^[^/]*:|:[^/]*@", rest):
        raise ConfigError(f"write {scheme}://bucket/prefix and nothing more; credentials come from the environment")
    if not (scheme == "memory" or (rest.startswith("/") if scheme == "file" else rest[:1] not in ("", "/"))):
        raise ConfigError(f"{scheme}:// lacks the bucket: write {scheme}://bucket/prefix")
    return f"{scheme}://{rest}"


def spool_name(url: str) -> str:
    """Return the name of a URL's spool folder: a readable part, and a hash that makes it unique."""
    readable = _UNREADABLE.sub("-", url.lower()).strip("-")[:60].strip("-")
    return f"{readable}-{hashlib.sha256(url.encode(errors='surrogatepass')).hexdigest()[:8]}"
