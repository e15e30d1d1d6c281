"""Open enumerations: texts from a vocabulary that may grow."""

from __future__ import annotations

from typing import ClassVar, Self, TypeVar

W = TypeVar("W", bound="OpenEnum")


class OpenEnum(str):
    """A text from a vocabulary known in part; base of the generated word lists.

    It equals and hashes as its text, and can be pickled, copied and written as JSON. Unlisted words are valid values;
    `known` tells them apart. It is no `Enum`, since an exhaustive `match` would fail on a word added tomorrow.
    """

    __slots__ = ()
    _listed: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._listed = frozenset(cls.words())

    @property
    def known(self) -> bool:
        """Whether the description lists this word."""
        return self in type(self)._listed

    @classmethod
    def words(cls) -> tuple[Self, ...]:
        """Return the words that the description lists, in its order."""
        return tuple(value for value in vars(cls).values() if isinstance(value, cls))


class word:  # noqa: N801 - reads as a function in declarations
    """Declare one word of a list, as in `COMPLETED = word("completed")`; the attribute is an instance of the class."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __set_name__(self, owner: type[OpenEnum], name: str) -> None:
        setattr(owner, name, owner(self._text))

    def __get__(self, instance: object, owner: type[W]) -> W:
        return owner(self._text)
