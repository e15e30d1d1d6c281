"""The two tiers of the suite: `-m "not slow"` for the edit loop, and the whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def quick_only(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Return the values as parameters, all marked slow except those in `quick`."""
    found = list(values)
    assert all(value in found for value in quick), "the quick ones are among them"
    return [value if value in quick else pytest.param(value, marks=pytest.mark.slow) for value in found]
