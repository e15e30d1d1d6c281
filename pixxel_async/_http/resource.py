"""The API as generated resource classes see it: one protocol, what to poll, and their base class."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

from attrs import frozen

from .call import Call
from .reply import M
from .rules.paging import Paging as Paging
from .streaming import StorageReply

if TYPE_CHECKING:
    from .pages import Pages


Verdict = Literal["good", "bad", "partial", "going"]
"""How a thing stands: ended well, ended badly, ended in part, or not ended."""


T = TypeVar("T")


@frozen
class Wait(Generic[T]):
    """What to poll for one thing, and which words end it.

    Attributes:
        kind: the resource, such as `jobs`; waits of one kind and group may share listings.
        group: ids that the listing needs, such as `("w-1",)`.
        id: the thing's own id.
        get: reads the one thing.
        list: lists the group; None when only `get` exists.
        id_member: the member of a listed row that holds the id.
        status: the member that holds the word.
        good, bad: status words that end it well or badly, in the spelling of the description.
        judge: tells a value's verdict where its status word alone does not.
        restarts: whether asking may start the work anew (a PUT): then it is asked ever more seldom.
        patient: whether an error that may pass is waited out until the deadline, instead of being the end.
    """

    kind: str
    group: tuple[str, ...]
    id: str
    get: Callable[[], Awaitable[T]]
    list: Callable[[], Pages[T]] | None = None
    id_member: str = "id"
    status: str = "status"
    good: frozenset[str] = frozenset()
    bad: frozenset[str] = frozenset()
    judge: Callable[[T], Verdict] | None = None
    restarts: bool = False
    patient: bool = True


class API(Protocol):
    """What a resource may do; generated methods are a single call of one of these."""

    async def one(self, call: Call, model: type[M], *, unwrap: str = "") -> M:
        """Send, and read one object (below the member `unwrap`, if given)."""
        ...

    async def one_and_headers(self, call: Call, model: type[M]) -> tuple[M, Mapping[str, str]]:
        """Send, and read one object; with it the answer's headers, names in lower case."""
        ...

    async def many(self, call: Call, model: type[M], *, unwrap: str = "") -> list[M]:
        """Send, and read a list of objects (below the member `unwrap`, if given)."""
        ...

    def pages(self, call: Call, model: type[M], paging: Paging) -> Pages[M]:
        """Nothing is sent yet: a listing to be awaited or iterated."""
        ...

    async def first(self, rows: Pages[M], what: str, id: str) -> M:
        """The first row of a listing by id; raises `NotFound` when there is none."""
        ...

    async def content(self, call: Call) -> bytes:
        """Send, and return the bytes of the body."""
        ...

    def open(self, call: Call) -> AbstractAsyncContextManager[StorageReply]:
        """Send, and have the body to be read as it arrives."""
        ...

    async def text(self, call: Call) -> str:
        """Send, and return the body as text, JSON string or plain."""
        ...

    async def nothing(self, call: Call) -> None:
        """Send, and expect no body."""
        ...

    async def wait(self, wait: Wait[M], *, deadline: float | None = None) -> M:
        """The thing once it has ended well; raises `WaitFailed` if badly, `TimedOut` after `deadline` seconds."""
        ...

    def watch(self, wait: Wait[M], *, deadline: float | None = None) -> AsyncIterator[M]:
        """Each change of the thing, its end included."""
        ...


class Waiter(Protocol):
    """The broker of `waiting`, as `_http` sees it."""

    async def wait(self, wait: Wait[T], deadline: float | None) -> T: ...

    def watch(self, wait: Wait[T], deadline: float | None) -> AsyncIterator[T]: ...

    async def close(self) -> None: ...


class Resource:
    """The base of the generated resource classes."""

    __slots__ = ("_api",)

    def __init__(self, api: API) -> None:
        self._api = api
