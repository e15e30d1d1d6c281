"""The two tiers of the suite: `-m "not slow"` is for the edit loop, and the whole for everything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def quick_only(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Return the values as parameters that are slow but for those named, which stand for them in the quick tier."""
    found = list(values)
    assert set(quick) <= set(found), "the quick ones are among them"
    return [value if value in quick else pytest.param(value, marks=pytest.mark.slow) for value in found]
