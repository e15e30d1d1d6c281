"""Links and states are masked in texts."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from pixxel_async.packages import JobPackage, Link, PackageState
from pixxel_async.packages.kinds.answer import PackageAnswer

URL = "https://storage.example:8443/bucket/secret-path.zip?X-Amz-Signature=deadbeef"


@pytest.mark.fault("E-08")
def test_a_link_is_masked() -> None:
    """Neither path nor signature is in any text of a link or of an object that holds it."""
    link = Link(URL, datetime(2024, 5, 27, tzinfo=UTC), 10.0)
    state = PackageState(JobPackage(workflow_id="w", job_id="j"), True, False, "ready", link)
    shown = f"{link!r} {link} {state!r} {PackageAnswer('ready', URL, {})!r}"
    assert "secret-path" not in shown and "deadbeef" not in shown
    assert repr(link) == f"Link(url=https://storage.example:8443/…, expires_at={link.expires_at!r})"
    assert link.url == URL


@pytest.mark.parametrize("url", ["", "not a url", "https://[::1", "javascript:alert(1)"])
def test_masking_never_fails(url: str) -> None:
    """An invalid link is masked as well."""
    assert "alert" not in repr(Link(url)) and "::1" not in repr(Link(url))


def test_time_left() -> None:
    """A link's remaining life follows the client's clock; one without an expiry never ends."""
    assert Link(URL, None, 10.0).good_for(4.0) == 6.0
    assert Link(URL).good_for(4.0) == math.inf


@pytest.mark.fault("C-04", "C-06")
@pytest.mark.parametrize(
    ("status", "url", "verdict"),
    [
        ("ready", URL, "good"),
        ("SUCCESS", URL, "good"),
        ("partial_success", URL, "partial"),
        ("ready", "", "going"),
        ("ready", "   ", "going"),
        ("ready", None, "going"),
        ("ready", 7, "going"),
        ("pending", URL, "going"),
        ("marinating", URL, "going"),
        ("served", URL, "good"),
        ("failed", "", "bad"),
        ("failed", URL, "bad"),
        (None, URL, "going"),
    ],
)
def test_ready_needs_a_word_and_a_link(status: str | None, url: object, verdict: str) -> None:
    """Ready needs a known word and a link; an unknown word counts only if configured."""

    class Download:
        def __init__(self) -> None:
            self.status, self.signed_url = status, url

    answer = PackageAnswer.of(Download(), {})  # type: ignore[arg-type]
    assert answer.verdict(("Served",)) == verdict
