"""Our OpenAPI description of the API: `pixxel.yaml` for people, `pixxel.json` (generated, equal) for programs."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["load"]


@cache
def load() -> dict[str, Any]:
    """Load the description as plain values; all callers share it, so do not change it."""
    text = files(__name__).joinpath("pixxel.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document
