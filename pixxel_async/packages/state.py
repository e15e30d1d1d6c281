"""How a package stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from .._http.rules.redact import masked
from ..waiting.rules.words import Verdict, plain, verdict
from .link import Link

if TYPE_CHECKING:
    from .package import Package


class Download(Protocol):
    """What the answers for packages of all kinds have."""

    @property
    def status(self) -> str | None: ...

    @property
    def signed_url(self) -> str | None: ...


@frozen
class Answer:
    """What the API said when it was asked for a package.

    Attributes:
        status: its word; "" when none came.
        url: the signed link; "" when none came, None where none is needed.
        headers: of the answer, names in lower case.
        download_id: of the download, for kinds that are looked at by it; else "".
    """

    status: str
    url: str | None
    headers: Mapping[str, str]
    download_id: str = ""

    def __repr__(self) -> str:
        return f"Answer(status={self.status!r}, url={'***' if self.url else ''!r})"

    @classmethod
    def of(cls, download: Download, headers: Mapping[str, str], download_id: str = "") -> Answer:
        """The answer of a call for a package."""
        status, url = download.status, download.signed_url
        return cls(masked(str(status or "")), url if isinstance(url, str) and url.strip() else "", headers, download_id)

    def verdict(self, ready_words: Iterable[str] = ()) -> Verdict:
        """How the packing stands; without a link nothing is ready that needs one, whatever the word.

        Args:
            ready_words: further words that mean "ready".
        """
        said = verdict(self.status, ready_words)
        return "going" if said in ("good", "partial") and self.url == "" else said


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


def state_of(package: Package, answer: Answer, verdict: Verdict, link: Link | None, retry_after: float) -> PackageState:
    """The state that an answer tells."""
    failed, ready = verdict == "bad", verdict in ("good", "partial")
    word = f"status {answer.status!r:.80}" if plain(answer.status) else "no status"
    told = "ready" if ready else f"packing failed: {word}" if failed else f"still packing: {word}"
    return PackageState(
        package, ready, failed, answer.status, link if ready else None, told,
        retry_after=None if ready or failed else retry_after, download_id="" if failed else answer.download_id,
    )  # fmt: skip
