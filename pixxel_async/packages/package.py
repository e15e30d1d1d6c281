"""What a package is: a frozen value with the ids that name it, and one spelling of it in text."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, unquote

from attrs import fields, frozen

from ..errors import ConfigError

if TYPE_CHECKING:
    from .._http.call import API
    from .state import Answer


@frozen(kw_only=True)
class Package(ABC):
    """The base of all kinds. A kind says which ids it has, which row of a listing names one, and how to ask for it.

    Attributes:
        kind: the word before the colon of its text form.
        restarts: whether asking again may start the packing anew, so that one asks ever more seldom.
        row: the class of `pixxel_async.models` whose rows are as good as packages.
        row_ids: which member of such a row holds which id.
        row_fields: which member of such a row is which further field of a name template.
    """

    kind: ClassVar[str]
    restarts: ClassVar[bool]
    row: ClassVar[type[Any]]
    row_ids: ClassVar[Mapping[str, str]]
    row_fields: ClassVar[Mapping[str, str]]

    def __attrs_post_init__(self) -> None:
        for name, value in self.fields().items():
            if not isinstance(value, str) or not value:
                raise ConfigError(f"a {self.kind} package needs a {name}: a text that is not empty, not {value!r}")

    @abstractmethod
    async def ask(self, api: API) -> Answer:
        """Ask the API once for this package."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, in the order of the text form."""
        return tuple(self.fields().values())

    def fields(self) -> dict[str, str]:
        """The ids by name, for name templates."""
        return {each.name: getattr(self, each.name) for each in fields(type(self))}

    def __str__(self) -> str:
        return f"{self.kind}:" + "/".join(map(encode, self.ids))


_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")


def encode(id: str) -> str:
    """An id with everything percent-encoded that is no letter, digit, `-`, `.`, `_` or `~`."""
    return id if _PLAIN.fullmatch(id) else quote(id, safe="", errors="surrogatepass")


def decode(text: str) -> str:
    """What `encode` was given."""
    return unquote(text, errors="surrogatepass")
