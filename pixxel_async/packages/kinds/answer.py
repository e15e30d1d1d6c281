"""What the API answers when it is asked for a package, in one form for every kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from attrs import frozen

from ..._http.resource import Verdict
from ..._redact import masked
from ...waiting import verdict


class DownloadReply(Protocol):
    """What the answers for packages of all kinds have."""

    @property
    def status(self) -> str | None: ...

    @property
    def signed_url(self) -> str | None: ...


@frozen
class PackageAnswer:
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
    def of(cls, download: DownloadReply, headers: Mapping[str, str], download_id: str = "") -> PackageAnswer:
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
