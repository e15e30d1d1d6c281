"""Unfinished uploads of dead processes: invisible, but stored and billed until aborted."""

from __future__ import annotations

import glob
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.store import LocalStore, S3Store

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Store

__all__ = ["make_cleaner"]


def make_cleaner(store: Store) -> Callable[[str], None]:
    """Return a function that aborts all uploads of a name that were begun and not ended; it blocks.

    The caller holds the package's lease, so that none of them is alive. Azure drops such uploads by itself after
    a week, and a lifecycle rule does it in Google's store: obstore has no way to list them there.
    """
    if isinstance(store, S3Store):
        from .s3 import make_aborter

        return make_aborter(store)
    if isinstance(store, LocalStore) and store.prefix is not None:
        folder = Path(store.prefix)
        return lambda name: _unlink(folder, name)
    return lambda name: None


def _unlink(folder: Path, name: str) -> None:
    """Remove `name#1`, `name#2`, …, which obstore's local store writes before renaming."""
    for path in folder.glob(glob.escape(name) + "#*"):
        with suppress(OSError):
            path.unlink()
