"""Texts that show themselves nowhere, and where keys come from that change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

KeySource = Callable[[], Awaitable[str]]
"""An API key that rotates: awaited before a call needs it."""


class Secret:
    """A text that shows itself in no repr, no pickle and no copy of a process's state."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
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
        raise TypeError("a secret is not pickled; hand the key to the other process by its environment")
