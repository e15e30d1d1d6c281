"""Damage of the record: which errors mean it, the check of a file, and setting a damaged one aside."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DiskError, DiskFull, DownloadError, PixxelError
from .schema import APPLICATION, SCHEMA, VERSION

__all__ = ["as_mid_run_error", "as_our_error", "busy_error", "check", "error_name", "is_damage", "set_aside"]

_FILES = ("", "-wal", "-shm")
_PLAUSIBLE = 1000
"""Versions from here on are damage, not a newer format."""
_SYSTEM = ("BUSY", "LOCKED", "CANTOPEN", "READONLY", "PERM", "FULL", "IOERR", "NOMEM", "INTERRUPT")
"""SQLite's errors about the system; every other error means that the file is damaged."""


def check(sql: sqlite3.Connection, path: Path) -> None:
    """Raise `sqlite3.DatabaseError` for a damaged file, `ConfigError` for one that is no record of this version."""
    if _pragma(sql, "quick_check(1)") != "ok":
        raise sqlite3.DatabaseError("damaged")
    application, version = _pragma(sql, "application_id"), _pragma(sql, "user_version")
    tables = sql.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
    texts = [" ".join(text.split()) for (text,) in tables if "sqlite_" not in text]
    current = texts == [" ".join(text.split()) for text in SCHEMA]
    if tables and not current and application not in (APPLICATION, 0):
        raise ConfigError(f"{path} is the database of another program")
    if application == APPLICATION and VERSION < version < _PLAUSIBLE:
        newer = f"(format {version}; this one knows {VERSION})"
        raise ConfigError(f"the record {path} was written by a newer version of this package {newer}")
    if tables and not (current and version == VERSION and application == APPLICATION):
        raise sqlite3.DatabaseError("its schema is damaged")


def _pragma(sql: sqlite3.Connection, name: str) -> Any:
    row = sql.execute(f"PRAGMA {name}").fetchone()
    return row[0] if row else None


def set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in _FILES:
        with suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    return aside


def is_damage(error: BaseException) -> bool:
    """Return whether an error means that the file is damaged: every error that is not about the system."""
    if isinstance(error, UnicodeDecodeError):
        return True
    if not isinstance(error, sqlite3.Error) or isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return False
    return not error_name(error).startswith(_SYSTEM)


def error_name(error: BaseException) -> str:
    return str(getattr(error, "sqlite_errorname", "") or type(error).__name__).removeprefix("SQLITE_")


def busy_error(path: Path) -> DownloadError:
    error = DownloadError(f"another process keeps the record {path} busy; run again", stage="publish")
    error.retryable = True
    return error


def as_our_error(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> PixxelError:
    name = error_name(error)
    if name.startswith("FULL"):
        return DiskFull(f"no room to write the record {path} (SQLITE_{name}); make room and run again")
    if name.startswith(("CANTOPEN", "READONLY", "PERM")):
        return ConfigError(f"the record {path} cannot be written to (SQLITE_{name})")
    if name.startswith("BUSY"):
        return busy_error(path)
    if name.startswith("IOERR"):
        return DiskError(f"the disk of the record {path} failed (SQLITE_{name}); run again once it works")
    return DownloadError(f"the record {path} failed ({name}); run again, a damaged one is set aside")


def as_mid_run_error(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> PixxelError:
    """Return the error of a record that could be written to when it was opened: its disk is away by now."""
    translated = as_our_error(error, path)
    return (
        DiskError(f"{translated}; run again once its disk works") if isinstance(translated, ConfigError) else translated
    )
