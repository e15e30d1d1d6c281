"""Texts that are masked wherever they are shown, and sources of keys that rotate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar, overload

T = TypeVar("T")

KeySource = Callable[[], Awaitable[str]]
"""An API key that rotates: awaited before a call needs it."""


class Secret:
    """A text that is masked in its repr, and so in the frames of a crash report; it refuses to be pickled."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)" if self._text else "Secret('')"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> Any:
        raise TypeError("a secret cannot be pickled; pass the key to the other process in its environment")


@overload
def mask_key(key: None) -> None: ...


@overload
def mask_key(key: str | Secret | KeySource) -> Secret | KeySource: ...


def mask_key(key: Any) -> Any:
    """Wrap a key, so that the caller's frame holds no plain text; None and sources of keys are returned as they are.

    Whatever else was given is wrapped, too: it may hold a key, and is refused before it is used.
    """
    return key if key is None or isinstance(key, Secret) or callable(key) else Secret(key)


def mask_argument(name: str, mask: Callable[[Any], Any]) -> Callable[[type[T]], type[T]]:
    """Decorate an attrs class: an argument of its constructor is masked before the constructor's frame exists.

    Args:
        name: the keyword.
        mask: wraps the value.
    """

    def decorate(cls: type[T]) -> type[T]:
        make: Any = cls.__init__

        @wraps(make)
        def init(self: T, **values: Any) -> None:
            if name in values:
                values[name] = mask(values[name])
            make(self, **values)

        cls.__init__ = init  # type: ignore[assignment]
        return cls

    return decorate
