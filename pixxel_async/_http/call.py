"""The values of one call, and the protocol that generated code is written against."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from attrs import field, frozen

from ..settings import Secret

if TYPE_CHECKING:
    from ..errors import PixxelError
    from ..waiting.rules.words import Verdict
    from .model import Model
    from .pages import Pages

Repeat = Literal["safe", "once", "paid"]
"""`safe` may be sent again; `once` only if the server certainly did nothing; `paid` never by itself."""

Style = Literal["offset", "body-offset", "offset-open", "body-offset-open", "page", "skip", "whole"]
"""How a listing is read on; see `rules/paging.py`."""

M = TypeVar("M", bound="Model")
T = TypeVar("T")


@frozen
class Operation:
    """What is fixed about one operation of the API.

    Attributes:
        name: ours, such as `jobs.list`.
        method: HTTP method.
        path: path template with the names of its arguments, such as `/v0/workflows/{workflow_id}/jobs`.
        repeat: its repeat class.
        reconcile: for `once` and `paid`: the call that tells what became of a lost one.
        free: whether asking again costs nothing, so that the caller may simply repeat a lost one.
        gone_is_done: whether "not found" in answer to a repeat means that the first attempt did it (DELETE).
        lend: members of the answer's rows that the server may leave out, with the path argument that says the same.
    """

    name: str
    method: str
    path: str
    repeat: Repeat = "safe"
    reconcile: str = ""
    free: bool = False
    gone_is_done: bool = False
    lend: Mapping[str, str] = field(factory=dict)


@frozen
class Call:
    """One request to be made: an operation with its arguments.

    Attributes:
        path: arguments of the path, each becomes one percent-encoded segment; an empty one is refused.
        query: arguments of the query; None is left out, sequences are joined with commas, times become ISO 8601 text.
        body: JSON body as plain values (`to_wire` has been applied); None for no body.
        repeat: another repeat class than the operation's, such as `safe` for a dry run.
        keyless: whether it goes without the key, as `ping` does.
    """

    operation: Operation
    path: Mapping[str, str] = field(factory=dict)
    query: Mapping[str, Any] = field(factory=dict)
    body: Any = field(default=None, repr=False)
    repeat: Repeat | None = None
    keyless: bool = False

    @property
    def lent(self) -> dict[str, str]:
        """Members that a row of the answer gets from this call's path when the server left them out."""
        return {member: self.path[argument] for member, argument in self.operation.lend.items()}


@frozen
class Reply:
    """An answer, read whole.

    Attributes:
        status: HTTP status.
        headers: names in lower case.
        body: the bytes, decompressed.
        method, path: the request, as method and path template.
        hidden: what was sent as a key; it is cut out of every text that is made of this answer.
    """

    status: int
    headers: Mapping[str, str] = field(repr=lambda headers: f"<{', '.join(headers)}>")  # a value may be a signed link
    body: bytes = field(repr=False)
    method: str = ""
    path: str = ""
    hidden: tuple[Secret, ...] = field(default=(), repr=False, eq=False)

    def json(self) -> Any:
        """The body as JSON; raises `DecodeError` when it is not."""
        from .rules.reply import parse

        return parse(self)

    def read(self, model: type[M]) -> M:
        """The body as one of `pixxel_async.models`; raises `DecodeError` when it is no JSON object."""
        from .convert import read

        return read(model, self.json())


Stage = Literal["connect", "send", "headers", "body"]


@frozen
class Broken:
    """An attempt that brought no whole answer.

    Attributes:
        stage: how far it came; `connect` means that the server saw nothing of it.
        error: what the caller gets if this was the last attempt.
        timed_out: whether one of our deadlines ended it.
    """

    stage: Stage
    error: PixxelError
    timed_out: bool = False


@frozen
class Paging:
    """Where a listing keeps its rows, and how it is read on.

    Attributes:
        style: how the next page is asked for.
        rows: the member with the rows (a list, or a map whose values are the rows).
        limit: page size to send when nobody says; None leaves it to the server.
    """

    style: Style
    rows: str
    limit: int | None = None


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


class StorageReply(Protocol):
    """The head of an answer of the storage, or of the API, and its body to be read on."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""

    async def read(self) -> bytes:
        """The next bytes of the body, at least one; nothing at its end. Raises as `chunks` does."""
        ...

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives; raises `ConnectionFailed` when it is cut, `TimedOut` without progress."""
        ...

    async def peek(self, limit: int = 65536, *, within: float = ...) -> bytes:
        """Up to so many bytes of an error's body, as many as come in so many seconds."""
        ...


class Storage(Protocol):
    """The session that never sees a key."""

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, method: str = "GET", buffer: int | None = None
    ) -> AbstractAsyncContextManager[StorageReply]:
        """Open a signed link exactly as given, with `Accept-Encoding: identity`; `buffer` is what waits for its reader.

        Follows at most three redirects, https only. Raises `UnsafeLink`, `ConnectionFailed` or `TimedOut`; every
        status is an answer.
        """
        ...


class Resource:
    """The base of the generated resource classes."""

    __slots__ = ("_api",)

    def __init__(self, api: API) -> None:
        self._api = api
