"""Where the record of a folder lies: in it, or on a local disk if the folder is on a network file system."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ...._files import check_state_folder
from ...record.database import mountinfo
from ...record.rules.mounts import network_kind
from ..rules.state_folder import state_folder
from ..store_urls import spool_name

__all__ = ["is_shared", "record_path"]


def is_shared(folder: Path) -> str | None:
    """Return the kind of network file system that a folder lies on, where locks of SQLite fail; None if it is local."""
    return network_kind(mountinfo(), os.path.realpath(folder))


def record_path(folder: Path) -> Path:
    """Return the path of a folder's record, unless the user chose another one.

    On a network file system that is below `$XDG_STATE_HOME/pixxel`, or below the folder for temporary files if the
    home directory is on one, too.
    """
    if is_shared(folder) is None:
        return folder / ".pixxel" / "record.sqlite"
    return _local_state() / "records" / spool_name(os.path.realpath(folder)) / ".pixxel" / "record.sqlite"


def _local_state() -> Path:
    try:
        state = Path(state_folder(os.environ, str(Path.home())), "pixxel")
        if is_shared(state) is None:
            return state
    except RuntimeError:  # neither HOME nor a passwd entry
        pass
    folder = Path(tempfile.gettempdir(), f"pixxel-{getattr(os, 'geteuid', int)()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_state_folder(folder)
    return folder
