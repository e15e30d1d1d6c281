"""The record's column about unpacked files."""

from __future__ import annotations

import json
from typing import NamedTuple

from ..._formats.name_encoding import from_native, to_native
from ..rules.file_names import is_below

__all__ = ["Extracted"]


class Extracted(NamedTuple):
    """State of a package's unpacked folder, kept as JSON.

    Attributes:
        folder: its name, relative to the manager's folder.
        kept: whether the archive stays.
        whole: whether the folder has been filled; False from the announcement until then.
    """

    folder: str
    kept: bool = True
    whole: bool = False

    @classmethod
    def read(cls, text: str | None) -> Extracted | None:
        """Parse the record's text; None if it is malformed or its folder would leave the manager's folder."""
        if not text:
            return None
        try:
            members = json.loads(text)
            read = cls(to_native(str(members["folder"])), bool(members["kept"]), bool(members["whole"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        return read if is_below(read.folder) else None

    def text(self) -> str:
        """Return it as JSON for the record."""
        return json.dumps(self._replace(folder=from_native(self.folder))._asdict())
