"""What a package is: a frozen value with the ids that name it, and one spelling of it in text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from attrs import fields, frozen

from ..._redact import masked
from ...errors import ConfigError
from .answer import PackageAnswer
from .rules import spelling

if TYPE_CHECKING:
    from ..._formats.detect import Container
    from ..._http.call import Call
    from ..._http.resource import API


@cache
def _members(kind: type[Package]) -> tuple[str, ...]:
    """The names of its fields, kept: there may be very many packages."""
    return tuple(each.name for each in fields(kind))


def several(ids: Iterable[str] | None) -> tuple[str, ...]:
    """A list of ids, each once and in one order, since no order tells packages apart; one text is a list of one."""
    given = (ids,) if isinstance(ids, str) else tuple(ids or ())
    return tuple(sorted(set(given), key=str))


@frozen(kw_only=True)
class Package(ABC):
    """The base of all kinds: what names a package, and how one asks for it.

    Its fields are ids, each a text, and lists of ids.

    Attributes:
        kind: the word before the colon of its text form.
        form: the text form, for people.
        restarts: whether asking again may start the packing anew, so that one asks ever more seldom.
        by_id: whether it is asked for by a POST, which costs nothing, and then looked at by the id of the download.
        rows: the classes of `pixxel_async.models` whose rows are as good as packages; for each, which member holds
            which id.
        row_fields: which member of such a row is which further field of a name template.
        linked: whether a signed link leads to its bytes; else they are an answer of the API.
        promised: the container that its bytes must come in; None for any.
    """

    kind: ClassVar[str]
    form: ClassVar[str]
    restarts: ClassVar[bool] = False
    by_id: ClassVar[bool] = False
    rows: ClassVar[Mapping[type[Any], Mapping[str, str]]] = {}
    row_fields: ClassVar[Mapping[str, str]] = {}
    linked: ClassVar[bool] = True
    promised: ClassVar[Container | None] = None

    def __attrs_post_init__(self) -> None:
        for name in _members(type(self)):
            value = getattr(self, name)
            if value and type(value) is str:
                continue
            for id in value if isinstance(value, tuple) else (value,):
                if not isinstance(id, str) or not id:
                    raise ConfigError(
                        f"a package of kind {self.kind} needs a {name}: a text that is not empty, not {id!r}"
                    )

    @abstractmethod
    async def ask(self, api: API, download_id: str = "") -> PackageAnswer:
        """Ask once for this package, or how it stands.

        Args:
            download_id: of a download that was begun before, for kinds with `by_id`.
        """

    @classmethod
    def names(cls) -> list[str]:
        """The names of the single ids, in the order of the text form."""
        return [each.name for each in fields(cls) if each.converter is not several]

    @classmethod
    def lists(cls) -> list[str]:
        """The names of the lists of ids."""
        return [each.name for each in fields(cls) if each.converter is several]

    @property
    def ids(self) -> tuple[str, ...]:
        """The single ids, in the order of the text form."""
        return tuple(self.fields().values())

    @property
    def path(self) -> tuple[str, ...]:
        """Where it goes below a folder when no template says so, one text for each segment."""
        return self.ids

    @property
    def id8(self) -> str:
        """Eight digits that tell packages apart, also in their lists."""
        return spelling.digest(str(self))[:8]

    def fields(self) -> dict[str, str]:
        """The single ids by name, for paths and name templates."""
        return {name: getattr(self, name) for name in self.names()}

    @classmethod
    def read(cls, text: str) -> Self:
        """The package whose text form has this behind the colon.

        Raises:
            ConfigError: it has not the ids that this kind needs.
        """
        ids: Any = spelling.read(text, cls.names(), cls.lists())
        if ids is None:
            raise ConfigError(f"{masked(f'{cls.kind}:{text}')[:200]!r} must be written {cls.form}")
        return cls(**ids)

    def __str__(self) -> str:
        return f"{self.kind}:{spelling.spell([(name, getattr(self, name)) for name in _members(type(self))])}"


@frozen(kw_only=True)
class Packed(Package):
    """The base of the kinds that the API packs when it is asked.

    Attributes:
        answer: what the answers are read as.
        id_member: the member of the answer with the id of the download, for kinds with `by_id`.
    """

    answer: ClassVar[type[Any]]
    id_member: ClassVar[str] = "id"

    @abstractmethod
    def call(self, download_id: str) -> Call:
        """The call that asks for the package, or with an id, how that download stands."""

    async def ask(self, api: API, download_id: str = "") -> PackageAnswer:
        """Ask once for this package, or how it stands."""
        found, headers = await api.one_and_headers(self.call(download_id), self.answer)
        id = getattr(found, self.id_member, None) if self.by_id else ""
        return PackageAnswer.of(found, headers, str(id or download_id))


@frozen(kw_only=True)
class Answered(Package):
    """The base of the kinds whose bytes are an answer of the API: nothing packs them, and no link leads to them.

    They are streamed while they come. What is cut begins anew, since no two answers need be the same.
    """

    linked: ClassVar = False

    @abstractmethod
    def call(self) -> Call:
        """The call that is answered with the bytes; it must be a safe one."""

    async def ask(self, api: API, download_id: str = "") -> PackageAnswer:
        """Nothing is sent: it is ready whenever it is fetched."""
        return PackageAnswer("ready", None, {})
