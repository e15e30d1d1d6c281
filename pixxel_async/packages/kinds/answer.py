"""The API's answer to a package request, in one form for every kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from attrs import field, frozen

from ..._http.resource import Verdict
from ..._redact import mask
from ...waiting import verdict


class DownloadReply(Protocol):
    """The members that the answers for packages of all kinds share."""

    @property
    def status(self) -> str | None: ...

    @property
    def signed_url(self) -> str | None: ...


@frozen
class PackageAnswer:
    """The API's answer to a package request.

    Attributes:
        status: status word; "" if the answer has none.
        url: signed link; "" if the answer has none, None for kinds without links.
        headers: headers of the answer, names in lower case.
        download_id: id of the download, for kinds that are looked up by it; else "".
    """

    status: str
    url: str | None = field(repr=lambda url: repr("***" if url else url))
    headers: Mapping[str, str] = field(repr=False)
    download_id: str = ""

    @classmethod
    def of(cls, download: DownloadReply, headers: Mapping[str, str], download_id: str = "") -> PackageAnswer:
        """Build the answer from a decoded reply."""
        status, url = download.status, download.signed_url
        return cls(mask(str(status or "")), url if isinstance(url, str) and url.strip() else "", headers, download_id)

    def verdict(self, ready_words: Iterable[str] = ()) -> Verdict:
        """Judge the status word; a "ready" without the link that the kind needs counts as still packing.

        Args:
            ready_words: further words that mean "ready".
        """
        judged = verdict(self.status, ready_words)
        return "going" if judged in ("good", "partial") and self.url == "" else judged
