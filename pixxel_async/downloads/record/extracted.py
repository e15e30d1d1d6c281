"""The record's column about unpacked files."""

from __future__ import annotations

import json
from typing import NamedTuple

__all__ = ["Extracted"]


class Extracted(NamedTuple):
    """What the record keeps of it, as JSON.

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
        """From the record's text; what cannot be read is nothing."""
        if not text:
            return None
        try:
            found = json.loads(text)
            return cls(str(found["folder"]), bool(found["kept"]), bool(found["whole"])) if found else None
        except (ValueError, TypeError, KeyError):
            return None

    def text(self) -> str:
        """For the record."""
        return json.dumps(self._asdict())
