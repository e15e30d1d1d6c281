"""Models as dataclasses, for libraries that support only those: `pandas.DataFrame(page)`, `dataclasses.asdict(row)`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import attrs

__all__ = ["DataclassView", "without_dataclass_view"]

_hidden: ContextVar[bool] = ContextVar("_hidden", default=False)
_views: dict[type[Any], type[Any]] = {}


class DataclassView:
    """A class attribute that `dataclasses` looks for, built from the attrs fields at its first use."""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        if _hidden.get() or not attrs.has(owner):
            raise AttributeError(self._name)
        import dataclasses  # where one is asked for, as by pandas

        names = [each.name for each in attrs.fields(owner) if each.name != "extra"]
        view = _views.get(owner) or _views.setdefault(
            owner, dataclasses.make_dataclass(owner.__name__, names, repr=False)
        )
        return getattr(view, self._name)


@contextmanager
def without_dataclass_view() -> Iterator[None]:
    """Hide the view inside the block: cattrs prefers it to the attrs fields, which have the types and metadata."""
    before = _hidden.set(True)
    try:
        yield
    finally:
        _hidden.reset(before)
