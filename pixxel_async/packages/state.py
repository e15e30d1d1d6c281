"""How a package stands."""

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
    """How a package stood when it was asked for.

    Attributes:
        ready: whether it can be fetched; then `link` is there, unless its kind needs none.
        failed: whether packing ended without a package.
        status: the API's own word.
        message: the same for people.
        retry_after: seconds after which asking again makes sense, as the answer or else the settings say; None once it
            is ready or has failed.
        download_id: by which a package that is asked for by POST is looked at from now on; "" when it has to be asked
            for anew.
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
        """The same as one word."""
        return "good" if self.ready else "bad" if self.failed else "going"


def state_of(
    package: Package, answer: PackageAnswer, verdict: Verdict, link: Link | None, retry_after: float
) -> PackageState:
    """The state that an answer tells."""
    failed, ready = verdict == "bad", verdict in ("good", "partial")
    word = f"status {answer.status!r:.80}" if plain(answer.status) else "no status"
    told = "ready" if ready else f"packing failed: {word}" if failed else f"still packing: {word}"
    return PackageState(
        package, ready, failed, answer.status, link if ready else None, told,
        retry_after=None if ready or failed else retry_after, download_id="" if failed else answer.download_id,
    )  # fmt: skip
