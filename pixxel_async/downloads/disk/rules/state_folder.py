"""The folder in which programs of this machine keep their state, as the XDG specification names it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["state_folder"]


def state_folder(environ: Mapping[str, str], home: str) -> str:
    """Return the state folder of this machine; a relative `XDG_STATE_HOME` is ignored."""
    configured = environ.get("XDG_STATE_HOME", "")
    return configured if configured.startswith("/") else f"{home}/.local/state"
