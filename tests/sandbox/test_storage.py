"""The storage: presigned links, ranges, validators and refusals."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
import pytest

from pixxel_async.sandbox import Clock, Sandbox
from tests.sandbox.conftest import Caller, Got


def error_of(got: Got) -> tuple[int, str]:
    """Return status and error code of an XML error."""
    return got.status, ET.fromstring(got.body).findtext("Code") or ""


async def test_links_point_to_another_port_and_carry_their_expiry(caller: Caller) -> None:
    """Links point to the storage's port, are signed like S3's, and expire link_life seconds from the sandbox's time."""
    link = urlsplit(await caller.link())
    assert link.netloc != urlsplit(caller.sandbox.url).netloc
    assert "X-Amz-Expires=600" in link.query and "X-Amz-Date=" in link.query and "X-Amz-Signature=" in link.query


@pytest.mark.parametrize(("asked", "start", "stop"), [
    ("bytes=0-0", 0, 1), ("bytes=100-199", 100, 200), ("bytes=500-", 500, None), ("bytes=-7", -7, None),
    ("bytes=500-99999999", 500, None),
])  # fmt: skip
async def test_a_range_gets_its_part(caller: Caller, asked: str, start: int, stop: int | None) -> None:
    """A range is a 206 with its Content-Range."""
    link = await caller.link()
    whole, got = (await caller.fetch(link)).body, await caller.fetch(link, Range=asked)
    part = whole[start:stop]
    first = start % len(whole)
    assert (got.status, got.body) == (206, part)
    assert got.headers["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=1-0", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=-"])
async def test_an_invalid_range_gets_everything(caller: Caller, asked: str) -> None:
    """An invalid or multiple range is answered with the whole."""
    assert (await caller.fetch(await caller.link(), Range=asked)).status == 200


async def test_a_range_beyond_the_end_is_a_416_with_the_total(caller: Caller) -> None:
    """A range at or beyond the end is a 416 with the total."""
    link = await caller.link()
    total = len((await caller.fetch(link)).body)
    got = await caller.fetch(link, Range=f"bytes={total}-")
    assert error_of(got) == (416, "InvalidRange") and got.headers["Content-Range"] == f"bytes */{total}"


async def test_validators_are_honoured(caller: Caller) -> None:
    """If-Range by ETag or date, If-None-Match and If-Match are honoured."""
    link = await caller.link()
    head = (await caller.fetch(link)).headers
    tag, date = head["ETag"], head["Last-Modified"]
    assert not tag.startswith("W/") and head["Accept-Ranges"] == "bytes"
    statuses = [
        (await caller.fetch(link, Range="bytes=5-", If_Range=tag)).status,
        (await caller.fetch(link, Range="bytes=5-", If_Range=date)).status,
        (await caller.fetch(link, Range="bytes=5-", If_Range='"other"')).status,
        (await caller.fetch(link, If_None_Match=tag)).status,
        (await caller.fetch(link, If_None_Match='"other"')).status,
        (await caller.fetch(link, If_Match=tag)).status,
        (await caller.fetch(link, If_Match='"other"')).status,
    ]
    assert statuses == [206, 206, 200, 304, 200, 200, 412]


async def test_a_link_expires_by_the_sandboxs_clock(caller: Caller) -> None:
    """A link is valid for 600 s by the sandbox's clock, then a 403; a new link opens the same object."""
    link = await caller.link()
    await caller.sandbox.advance(599)
    assert (await caller.fetch(link)).status == 200
    await caller.sandbox.advance(1)
    gone = await caller.fetch(link)
    assert error_of(gone) == (403, "AccessDenied") and b"Request has expired" in gone.body
    assert (await caller.fetch((await caller.do("jobs.request_download")).json["signed_url"])).status == 200


async def test_a_damaged_or_missing_signature_is_refused(caller: Caller) -> None:
    """A link with a changed signature, path or lifetime, or without a query, is a 403."""
    link = await caller.link()
    last = "0" if link[-1] != "0" else "1"
    for damaged in (link[:-1] + last, link.replace("/jobs/", "/jobz/"), link.replace("Expires=600", "Expires=6000")):
        assert error_of(await caller.fetch(damaged)) == (403, "SignatureDoesNotMatch")
    assert error_of(await caller.fetch(link.partition("?")[0])) == (403, "AccessDenied")


async def test_an_authorization_header_is_refused(caller: Caller) -> None:
    """A link with an Authorization header is a 400, and the sandbox records that the storage saw the key."""
    link = await caller.link()
    caller.sandbox.assert_key_only_at_api()
    assert error_of(await caller.fetch(link, Authorization=caller.sandbox.api_key)) == (400, "InvalidArgument")
    with pytest.raises(AssertionError, match="saw the key"):
        caller.sandbox.assert_key_only_at_api()


async def test_head_is_refused_as_presigned_links_do(caller: Caller) -> None:
    """HEAD is a 403, since the method is signed."""
    assert (await caller.fetch(await caller.link(), "HEAD")).status == 403


async def test_the_date_header_follows_the_clock(caller: Caller) -> None:
    """The Date header follows the sandbox's clock on both ports."""
    before = (await caller.do("ping")).headers["Date"]
    await caller.sandbox.advance(hours=3)
    after = (await caller.do("ping")).headers["Date"]
    stored = (await caller.fetch(await caller.link())).headers["Date"]
    apart = parsedate_to_datetime(after) - parsedate_to_datetime(before)
    assert apart.total_seconds() == 3 * 3600
    assert (parsedate_to_datetime(stored) - parsedate_to_datetime(after)).total_seconds() == 300


async def test_a_link_counts_whole_seconds(session: aiohttp.ClientSession) -> None:
    """A link's lifetime counts whole seconds from the second of its signing."""
    for life, statuses in ((2.0, [206, 206, 403]), (0.0, [403, 403, 403])):
        clock = Clock(running=False, start=2_000_000_000.9)
        async with Sandbox(clock=clock, packing=0.0, link_life=life) as sandbox:
            caller = Caller(sandbox, session)
            link = (await caller.do("jobs.request_download")).json["signed_url"]
            seen = []
            for step in (0.0, 0.95, 0.2):
                await sandbox.advance(step)
                seen.append((await caller.fetch(link, Range="bytes=0-0")).status)
        assert seen == statuses
