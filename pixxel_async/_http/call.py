"""Values of one call: an operation of the API and its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from .codec.serialize import Id, id_of

Repeat = Literal["safe", "once", "paid"]
"""Repeat class of an operation. `safe` is idempotent and may be retried; `once` only if the server certainly did
nothing; `paid` is never retried on its own."""

PagingStyle = Literal["offset", "body-offset", "offset-open", "body-offset-open", "page", "skip", "whole"]
"""How the next page is requested; `body-` styles do so in the JSON body, `-open` ones announce no total."""


@frozen
class Operation:
    """The constant part of one operation of the API.

    Attributes:
        name: ours, such as `jobs.list`.
        method: HTTP method.
        path: path template with the names of its arguments, such as `/v0/workflows/{workflow_id}/jobs`.
        repeat: its repeat class.
        reconcile: for `once` and `paid`: the call that shows the outcome of a lost one.
        free: whether repeating costs nothing, so that the caller may simply repeat a lost call.
        gone_is_done: whether "not found" after a retry means that the first attempt took effect (DELETE).
        lend: members of the response's rows that the server may omit, by the path argument with the same value.
    """

    name: str
    method: str
    path: str
    repeat: Repeat = "safe"
    reconcile: str = ""
    free: bool = False
    gone_is_done: bool = False
    lend: Mapping[str, str] = field(factory=dict)

    @property
    def creates(self) -> bool:
        """Whether it creates something, whose id the response must name."""
        return self.method == "POST" and self.repeat != "safe"


def _path_ids(arguments: Mapping[str, Id]) -> dict[str, str]:
    return {name: id_of(value, name) for name, value in arguments.items()}


@frozen
class Call:
    """One request to send: an operation with its arguments.

    Attributes:
        path: arguments of the path as text, also those given as UUID or row; each becomes one percent-encoded segment,
            an empty one is refused.
        query: arguments of the query; None is left out, sequences are joined with commas, times become ISO 8601.
        body: JSON body as plain values (`to_wire` was applied); None for no body.
        repeat: repeat class in place of the operation's, such as `safe` for a dry run.
        keyless: whether it is sent without the key, as `ping` is.
        max_bytes: bytes of its response at most, where that is less than `http.max_response_bytes`.
    """

    operation: Operation
    path: Mapping[str, str] = field(factory=dict, converter=_path_ids)
    query: Mapping[str, Any] = field(factory=dict)
    body: Any = field(default=None, repr=False)
    repeat: Repeat | None = None
    keyless: bool = False
    max_bytes: int | None = None

    @property
    def repeat_class(self) -> Repeat:
        """The call's own repeat class, else the operation's."""
        return self.repeat or self.operation.repeat

    @property
    def lent(self) -> dict[str, str]:
        """Members that the response's rows take from this call's path where the server omits them."""
        return {member: self.path[argument] for member, argument in self.operation.lend.items()}


@frozen
class Paging:
    """Where a listing keeps its rows, and how its next page is requested.

    Attributes:
        rows: the member with the rows (a list, or a map whose values are the rows).
        limit: page size to request by default; None leaves it to the server.
    """

    style: PagingStyle
    rows: str
    limit: int | None = None
