"""Base classes of the package kinds: frozen values of ids, with one text form each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from attrs import evolve, fields, frozen

from ... import models
from ..._redact import mask
from ...errors import ConfigError
from .answer import PackageAnswer
from .rules import spelling

if TYPE_CHECKING:
    from ..._formats.detect import Container
    from ..._http.call import Call
    from ..._http.resource import API


MAX_ANSWER = 1_000_000
"""Bytes of one answer to a package request, a status word and a link, at most; chosen."""


@cache
def _members(kind: type[Package]) -> tuple[str, ...]:
    """Return the kind's field names; cached, since a batch may hold millions of packages."""
    return tuple(each.name for each in fields(kind))


@cache
def _single_ids(kind: type[Package]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind) if each.converter is not unique_sorted)


def unique_sorted(ids: Iterable[str] | None) -> tuple[str, ...]:
    """Convert to a sorted tuple without duplicates, since order is no part of the identity; a str is a list of one."""
    values = (ids,) if isinstance(ids, str) else tuple(ids or ())
    return tuple(sorted(set(values), key=str))


@frozen(kw_only=True)
class Package(ABC):
    """Base class of all kinds: the ids that identify a package, and how the API is asked for it.

    The fields of a kind are ids (str) and lists of ids (tuples of str).

    Attributes:
        kind: the word before the colon of the text form.
        form: the text form, as shown in error messages.
        restarts: whether a repeated request may restart packing; such kinds are polled at growing intervals.
        by_id: whether it is requested by POST and then looked up by the id of the download.
        max_lost_answers: lost answers (`OutcomeUnknown`) after which the request is repeated; 0 unless it is free.
        rows: the classes of `pixxel_async.models` whose rows stand for packages, by name; for each, id name → member.
        row_fields: further fields of a name template: field name → row member.
        asks_api: whether the API is asked for it at all.
        linked: whether its bytes are reached by a signed link; else the API itself returns them.
        promised: the container that its bytes must have; None for any.
    """

    kind: ClassVar[str]
    form: ClassVar[str]
    restarts: ClassVar[bool] = False
    by_id: ClassVar[bool] = False
    max_lost_answers: ClassVar[int] = 0
    rows: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    row_fields: ClassVar[Mapping[str, str]] = {}
    asks_api: ClassVar[bool] = True
    linked: ClassVar[bool] = True
    promised: ClassVar[Container | None] = None

    def __attrs_post_init__(self) -> None:
        for name in _members(type(self)):
            value = getattr(self, name)
            if value and type(value) is str:
                continue
            if isinstance(value, UUID):  # as database rows and path parameters of web frameworks hold ids
                object.__setattr__(self, name, str(value))
                continue
            for id in value if isinstance(value, tuple) else (value,):
                if not isinstance(id, str) or not id:
                    raise ConfigError(f"a package of kind {self.kind} needs a {name}: a non-empty text, not {id!r}")

    @abstractmethod
    async def ask(self, api: API, download_id: str = "") -> PackageAnswer:
        """Request the package, or its state, by one call.

        Args:
            download_id: id of a download that was started before, for kinds with `by_id`.
        """

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the single ids, in the order of the text form."""
        return list(_single_ids(cls))

    @classmethod
    def lists(cls) -> list[str]:
        """Return the names of the lists of ids."""
        return [each.name for each in fields(cls) if each.converter is unique_sorted]

    @property
    def ids(self) -> tuple[str, ...]:
        """The single ids, in the order of the text form."""
        return tuple(self.fields().values())

    @property
    def path(self) -> tuple[str, ...]:
        """The default path below a folder, as segments without suffix."""
        return self.ids

    @property
    def id8(self) -> str:
        """Eight hex digits of the text form's digest, which distinguish packages whose lists differ."""
        return spelling.digest(str(self))[:8]

    def fields(self) -> dict[str, str]:
        """Return the single ids by name, for URL paths and name templates."""
        return {name: getattr(self, name) for name in self.names()}

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse the part of a text form behind the colon.

        Raises:
            ConfigError: an id that this kind needs is missing.
        """
        ids: Any = spelling.read(text, cls.names(), cls.lists())
        if ids is None:
            raise ConfigError(f"{mask(f'{cls.kind}:{text}')[:200]!r} must be written {cls.form}")
        return cls(**ids)

    def __str__(self) -> str:
        return f"{self.kind}:{spelling.spell([(name, getattr(self, name)) for name in _members(type(self))])}"


@frozen(kw_only=True)
class Packed(Package):
    """Base class of the kinds that the API packs on request.

    Attributes:
        answer: name of the class of `pixxel_async.models` that reads the answers.
        id_member: member of the answer that holds the download id, for kinds with `by_id`.
    """

    answer: ClassVar[str]
    id_member: ClassVar[str] = "id"

    @abstractmethod
    def call(self, download_id: str) -> Call:
        """Build the call that requests the package or, with an id, looks up that download."""

    async def ask(self, api: API, download_id: str = "") -> PackageAnswer:
        """Request the package, or its state, by one call."""
        call = evolve(self.call(download_id), max_bytes=MAX_ANSWER)
        answer, headers = await api.fetch_with_headers(call, getattr(models, self.answer))
        id = getattr(answer, self.id_member, None) if self.by_id else ""
        return PackageAnswer.of(answer, headers, str(id or download_id))


@frozen(kw_only=True)
class Answered(Package):
    """Base class of the kinds whose bytes the API returns itself, without packing and without a link.

    Such a body is streamed. After a cut it starts from byte 0, since two answers may differ.
    """

    linked: ClassVar = False

    @abstractmethod
    def call(self) -> Call:
        """Build the call that returns the bytes; it must be safe to repeat."""

    async def ask(self, api: API, download_id: str = "") -> PackageAnswer:
        """Return "ready" without a call."""
        return PackageAnswer("ready", None, {})
