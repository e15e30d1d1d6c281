"""Messages for names that an object does not have."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["no_attribute"]


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
