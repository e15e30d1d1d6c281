"""Members that are decoded when they are first read, such as the assets of a STAC item.

The slot of such a member holds a `Pending` until then, and a plain value ever after, so that repr, equality, copies,
pickles, `attrs.asdict` and `to_dict`, which all read attributes, see what they would see otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any

import attrs
from attrs import define

__all__ = ["LazyMember", "Pending", "lazy_member", "make_lazy", "unsettled_extra"]

_settling = RLock()
"""Held while a value is decoded, so that two threads do not count the same drift twice."""


@define(eq=False)
class Pending:
    """The raw value of a member with its decoder.

    Attributes:
        raw: parsed JSON, or bytes of `pack`.
        decode: returns the value, and the raw value if `extra` should keep it.
    """

    raw: Any
    decode: Callable[[Any], tuple[Any, Any]]


class LazyMember:
    """Descriptor of a member whose slot may hold a `Pending`.

    Args:
        slot: the slot's own descriptor.
        wire: the member's name in JSON.
    """

    def __init__(self, slot: Any, wire: str) -> None:
        self.slot, self.wire = slot, wire

    def __get__(self, model: Any, owner: type[Any] | None = None) -> Any:
        if model is None:
            return self
        value = self.slot.__get__(model, owner)
        if type(value) is Pending:
            self.settle(model)
            return self.slot.__get__(model, owner)
        return value

    def __set__(self, model: Any, value: Any) -> None:
        self.slot.__set__(model, value)

    def __delete__(self, model: Any) -> None:
        self.slot.__delete__(model)

    def settle(self, model: Any) -> None:
        """Decode the value if that was not done yet."""
        with _settling:
            pending = self.slot.__get__(model)
            if type(pending) is Pending:
                value, rest = pending.decode(pending.raw)
                self.slot.__set__(model, value)
                if rest is not None:
                    model.extra[self.wire] = rest


class _LazyExtra:
    """Descriptor of `extra`, to which the decoding of a lazy member may add."""

    def __init__(self, slot: Any, member: LazyMember) -> None:
        self.slot, self.member = slot, member

    def __get__(self, model: Any, owner: type[Any] | None = None) -> Any:
        if model is None:
            return self
        self.member.settle(model)
        return self.slot.__get__(model, owner)

    def __set__(self, model: Any, value: Any) -> None:
        self.slot.__set__(model, value)


def make_lazy(cls: type[Any]) -> None:
    """Install the descriptors of a model with a lazy member; there is at most one."""
    for field in attrs.fields(cls):
        if field.metadata.get("lazy"):
            member = LazyMember(vars(cls)[field.name], field.metadata.get("wire", field.name))
            setattr(cls, field.name, member)
            cls.extra = _LazyExtra(cls.extra, member)


def lazy_member(cls: type[Any]) -> str:
    """Return the name in JSON of a model's lazy member; empty without one."""
    extra: Any = cls.extra
    return extra.member.wire if isinstance(extra, _LazyExtra) else ""


def unsettled_extra(cls: type[Any]) -> Callable[[Any], dict[str, Any]]:
    """Return a function that returns the `extra` of a model without decoding its lazy member."""
    attribute: Any = cls.extra
    slot: Callable[[Any], dict[str, Any]] = (attribute.slot if isinstance(attribute, _LazyExtra) else attribute).__get__
    return slot
