"""Messages for names that an object does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, NoReturn

__all__ = ["Hinting", "no_attribute"]


class Hinting:
    """Base of classes whose errors for a missing attribute name the one that was meant."""

    __slots__ = ()

    _instead: ClassVar[Mapping[str, str]] = {}
    """Guesses of a name, and what to use in its place."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Name the attribute that was meant."""
            kind = type(self)
            public = [each for each in dir(kind) if not each.startswith("_")]
            text = no_attribute(kind.__name__, name, public, kind._instead.get(name, ""))
            raise AttributeError(text, name=name, obj=self)


def no_attribute(owner: str, name: str, public: Iterable[str], hint: str = "") -> str:
    """Return the message of an AttributeError, with the names that may be meant, or else all of them.

    Args:
        public: the public names that there are.
        hint: what to use instead, where that is known.
    """
    text = f"{owner} has no {name!r}"
    if hint or name.startswith("_"):
        return f"{text}: {hint}" if hint else text
    from difflib import get_close_matches  # seldom needed

    names = list(public)
    similar = [each for each in names if each.endswith(f"_{name}") or name.endswith(f"_{each}")]
    close = similar or get_close_matches(name, names, cutoff=0.7)
    return f"{text}, but {' and '.join(close)}" if close else f"{text}; it has {', '.join(names)}"
