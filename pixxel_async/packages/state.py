"""The state of a package: packing, ready or failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from .._http.resource import Verdict
from ..waiting import plain
from .kinds.answer import PackageAnswer
from .link import Link

if TYPE_CHECKING:
    from .kinds.package import Package


@frozen
class PackageState:
    """The state of a package at the time of one request.

    Attributes:
        ready: whether it can be fetched; `link` is set then, except for kinds without links.
        failed: whether packing ended without a package.
        status: the API's status word.
        message: the state in a sentence.
        retry_after: delay in seconds before the next request, from the answer or else from the settings; None once it
            is ready or has failed.
        download_id: id of the download, for kinds that are requested by POST; "" if the next request must start one.
    """

    package: Package
    ready: bool
    failed: bool
    status: str
    link: Link | None = None
    message: str = ""
    retry_after: float | None = None
    download_id: str = ""

    @property
    def verdict(self) -> Verdict:
        """The state as one word."""
        return "good" if self.ready else "bad" if self.failed else "going"


def state_of(
    package: Package, answer: PackageAnswer, verdict: Verdict, link: Link | None, retry_after: float
) -> PackageState:
    """Build the state from an answer and its verdict; `retry_after` in seconds."""
    failed, ready = verdict == "bad", verdict in ("good", "partial")
    word = f"status {answer.status!r:.80}" if plain(answer.status) else "no status"
    message = "ready" if ready else f"packing failed: {word}" if failed else f"still packing: {word}"
    return PackageState(
        package, ready, failed, answer.status, link if ready else None, message,
        retry_after=None if ready or failed else retry_after, download_id="" if failed else answer.download_id,
    )  # fmt: skip
