"""Protocols for generated resource classes, objects to poll, and the base class of resources."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, Protocol, TypeVar

from attrs import field, frozen

from .._hints import no_attribute
from .call import Call, Operation
from .call import Paging as Paging
from .codec.serialize import Id, id_of
from .reply import M
from .streaming import StorageReply

if TYPE_CHECKING:
    from .pages import Pages


Verdict = Literal["good", "bad", "partial", "going"]
"""State of something that is polled: ended well, ended badly, ended in part, or not ended."""


T = TypeVar("T")


def _id_text(value: Any) -> str:
    """Return an id as text, also that of a row or a UUID."""
    id = id_of(value)
    return "" if id is None else str(id)


def _id_texts(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(_id_text(value) for value in values)


@frozen
class Wait(Generic[T]):
    """Description of a poll: how one object is read, and which status words end it.

    Attributes:
        kind: the resource, such as `jobs`; waits of one kind and group may share listings.
        group: ids that the listing needs, such as `("w-1",)`.
        id: the object's own id.
        get: reads the object.
        list: lists the group; None if only `get` exists.
        id_member: attribute of a listed row with the id.
        status: attribute with the status word.
        good, bad: status words that end it well or badly, as the description spells them.
        judge: returns the verdict of a value whose status word alone does not determine it.
        restarts: whether polling may restart the work (a PUT); the interval then grows without a ceiling.
        patient: whether transient errors are waited out until the deadline, instead of ending the wait.
    """

    kind: str
    group: tuple[str, ...] = field(converter=_id_texts)
    id: str = field(converter=_id_text)
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
    """Operations of a resource; a generated method is a single call of one of these."""

    async def fetch(self, call: Call, model: type[M], *, unwrap: str = "") -> M:
        """Send, and decode one object (below the member `unwrap`, if given)."""
        ...

    async def fetch_with_headers(self, call: Call, model: type[M]) -> tuple[M, Mapping[str, str]]:
        """Send, and decode one object; return it with the response headers, names in lower case."""
        ...

    async def fetch_list(self, call: Call, model: type[M], *, unwrap: str = "") -> list[M]:
        """Send, and decode a list of objects (below the member `unwrap`, if given)."""
        ...

    def pages(self, call: Call, model: type[M], paging: Paging) -> Pages[M]:
        """Return a listing to be awaited or iterated; nothing is sent yet."""
        ...

    async def find(self, rows: Pages[M], noun: str, id: Id) -> M:
        """Return the row of a listing with this id; raises `NotFound` without one."""
        ...

    async def fetch_bytes(self, call: Call) -> bytes:
        """Send, and return the bytes of the body, which is a file."""
        ...

    def stream(self, call: Call) -> AbstractAsyncContextManager[StorageReply]:
        """Send, and stream the body."""
        ...

    async def fetch_text(self, call: Call) -> str:
        """Send, and return the body as text: a JSON string or plain."""
        ...

    async def send(self, call: Call) -> None:
        """Send, and expect no body."""
        ...

    async def wait(self, wait: Wait[M], *, timeout: float | None = None) -> M:
        """Return the value once it has ended well; raises `WaitFailed` if badly, `TimedOut` after `timeout` seconds."""
        ...

    def watch(self, wait: Wait[M], *, timeout: float | None = None) -> AsyncIterator[M]:
        """Iterate over the changes of the value, its end included."""
        ...


class Waiter(Protocol):
    """The broker of `waiting`, as `_http` uses it."""

    async def wait(self, wait: Wait[T], timeout: float | None) -> T: ...

    def watch(self, wait: Wait[T], timeout: float | None) -> AsyncIterator[T]: ...

    def note_created(self, id: str) -> None: ...

    async def close(self) -> None: ...


_RUN = "`client.jobs.create(workflow_id, project_id=…)` runs a workflow"
_FETCH = "`DownloadManager(client, folder).fetch(row)` downloads a package"
_STARTS = ("run", "start", "submit", "execute")
_INSTEAD: Mapping[tuple[str, str], str] = {
    **{(resource, name): _RUN for resource in ("Workflows", "Jobs") for name in _STARTS},
    **{("", name): _FETCH for name in ("download", "export", "fetch", "save")},
    ("Jobs", "cancel"): "the API has no call that stops a job; what waits for it can be cancelled",
    ("Jobs", "tasks"): "`(await client.jobs.get(workflow_id, job_id)).tasks` are the tasks of a job",
    **{("Tasks", name): "`(await client.jobs.get(workflow_id, job_id)).tasks` has them" for name in ("get", "list")},
    **{("Orders", name): "`create(items, dry_run=True)` prices an order" for name in ("estimate", "price", "quote")},
    **{
        ("Orders", name): "`client.catalogs.search(order_ids=[id])` lists the images that are there"
        for name in ("download", "fetch", "wait", "watch")
    },
    **{("Archives", name): "`client.orders.create([item])` buys images" for name in ("buy", "order")},
}
"""What to use in place of a name, by resource and name; resource "": any."""


class Resource:
    """Base of the generated resource classes."""

    __slots__ = ("_api",)

    def __init__(self, api: API) -> None:
        self._api = api

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Name the method that was meant."""
            kind = type(self)
            methods = [each for each in dir(kind) if not each.startswith("_")]
            hint = _INSTEAD.get((kind.__name__, name)) or _INSTEAD.get(("", name), "")
            raise AttributeError(no_attribute(kind.__name__, name, methods, hint), name=name, obj=self)


class ResourceMap(Mapping[str, type[Resource]]):
    """Resource classes by name; the module of each is loaded when it is first asked for.

    Args:
        package: name of the package with a module for each resource.
        classes: class name by resource.
    """

    def __init__(self, package: str, classes: Mapping[str, str]) -> None:
        self._package, self._classes = package, classes

    def __getitem__(self, name: str) -> type[Resource]:
        resource: type[Resource] = getattr(import_module(f".{name}", self._package), self._classes[name])
        return resource

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


class OperationMap(Mapping[str, Operation]):
    """Operations by name, such as `jobs.list`; the module of each resource is loaded when it is first needed.

    Args:
        package: name of the package with a module for each resource.
        resources: names of the modules.
        further: operations of no resource.
    """

    def __init__(self, package: str, resources: Sequence[str], further: Sequence[Operation]) -> None:
        self._package, self._resources, self._further = package, resources, further

    def __getitem__(self, name: str) -> Operation:
        resource = name.partition(".")[0]
        operations = self._of(resource) if resource in self._resources else self._further
        for operation in operations:
            if operation.name == name:
                return operation
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        for operations in (self._further, *map(self._of, self._resources)):
            yield from (operation.name for operation in operations)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _of(self, resource: str) -> Sequence[Operation]:
        operations: Sequence[Operation] = import_module(f".{resource}", self._package).OPERATIONS
        return operations
