"""The values of one call: an operation and its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

Repeat = Literal["safe", "once", "paid"]
"""`safe` may be sent again; `once` only if the server certainly did nothing; `paid` never by itself."""


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
