"""Names of a package whose modules are loaded when a name is first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, str], elsewhere: Mapping[str, str] = MappingProxyType({})
) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package (PEP 562).

    Args:
        package: the package's `__name__`.
        homes: module below the package, by name.
        elsewhere: what to use instead, by names that users look for here.
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}{_advise(name, homes, elsewhere)}")
        value = getattr(import_module(f".{homes[name]}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    return load


def _advise(name: str, homes: Mapping[str, str], elsewhere: Mapping[str, str]) -> str:
    """Return the names that may have been meant, for the end of a message; empty if none is similar."""
    if name in elsewhere:
        return f": {elsewhere[name]}"
    if name.startswith("_"):
        return ""
    from difflib import get_close_matches  # seldom needed

    similar = [each for each in homes if len(name) > 3 and each.endswith(name)] or get_close_matches(
        name, homes, cutoff=0.7
    )
    return f", but {' and '.join(similar)}" if similar else ""
