"""Derive Python names from names in the description."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable


def attribute(wire: str) -> str:
    """Name an attribute: `eo:bands` → eo_bands, `workflowId` → workflow_id, `from` → from_."""
    name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", wire.replace(":", "_")).lower()
    return f"{name}_" if keyword.iskeyword(name) else name


def constant(word: str) -> str:
    """Name a constant: `PARTIAL-REFUND` → PARTIAL_REFUND, `MultiPolygon` → MULTI_POLYGON."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", re.sub(r"\W", "_", word)).upper()


def resource_class(tag: str, schemas: Iterable[str]) -> str:
    """Name a resource class: `order_items` → OrderItems; a schema's capitals win, so `aois` → AOIs."""
    named = {f"{name.lower()}s": f"{name}s" for name in schemas}
    return named.get(tag) or "".join(part.capitalize() for part in tag.split("_"))


def import_order(name: str) -> tuple[int, str]:
    """Sort names of one import: constants, classes, the rest, ignoring case."""
    return 0 if name.isupper() else 1 if name[0].isupper() else 2, name.lower()
