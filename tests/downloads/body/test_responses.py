"""The meaning of storage responses, and which parts of them an error may quote."""

from __future__ import annotations

import base64
import gzip
import hashlib

import pytest

from pixxel_async._protocol.backoff import backoff
from pixxel_async._protocol.storage_answers import RetryCounters, classify, describe
from pixxel_async._redact import excerpt
from pixxel_async.downloads.body.rules.responses import (
    StorageRefusal,
    classify_refusal,
    server_file_name,
    stated_digests,
)


@pytest.mark.fault("E-06")
@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refused_link_is_renewed(status: int) -> None:
    """A storage that refuses a link gets a fresh one."""
    assert classify(status, {}) == "renew"


@pytest.mark.fault("E-06")
def test_googles_expired_link_is_renewed() -> None:
    """Google's storage answers 400 to a link that came to its end; any other 400 is final."""
    assert classify(400, {}, b"<Error><Code>ExpiredToken</Code></Error>") == "renew"
    assert classify(400, {}, b"<Error><Code>InvalidArgument</Code></Error>") == "fail"


@pytest.mark.parametrize("status", [408, 425, 500, 502, 504, 507, 599])
def test_bad_weather_passes(status: int) -> None:
    """What may pass by itself is tried again."""
    assert classify(status, {}) == "again"


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_storage_is_left_alone(status: int) -> None:
    """A host that has too much to do is paused, which costs no attempt; the answer may be shown."""
    assert classify(status, {}) == "busy"
    assert classify_refusal(status, {}, b"<Code>SlowDown</Code>") == StorageRefusal(
        "busy", f"{status} <Code>SlowDown</Code>"
    )


@pytest.mark.fault("F-10")
@pytest.mark.parametrize(("status", "meaning"), [(412, "throw away"), (304, "fail"), (307, "fail"), (418, "fail")])
def test_the_rest(status: int, meaning: str) -> None:
    """A failed precondition means another object; what nobody asked for ends the package."""
    assert classify(status, {}) == meaning


def test_what_has_not_changed_is_read_where_it_was_asked_for() -> None:
    """ "Not modified" is an answer to a condition; without one it is no answer at all."""
    assert classify(304, {}, conditional=True) == "body"


@pytest.mark.fault("F-09")
def test_a_coded_body_is_no_file() -> None:
    """Bytes in a coding that nobody asked for are refused, never decoded into the file."""
    assert classify(200, {"content-encoding": "gzip"}) == "fail"
    assert classify(206, {"content-encoding": "identity"}) == "body"


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("aws-chunked", "body"), ("identity, aws-chunked", "body"), ("UTF-8", "body"), ("charset=utf-8", "body"),
        ("ISO-8859-1", "body"), ("binary", "body"), ("none", "body"), ("", "body"), ("aws-chunked,gzip", "fail"),
        ("br", "fail"), ("zstd", "fail"), ("deflate", "fail"), ("x-gzip", "fail"), ("base64", "fail"),
    ],
)  # fmt: skip
def test_values_that_change_no_byte(value: str, meaning: str) -> None:
    """Framing of the upload and charsets, which writers leave on an object, are no coding of its bytes."""
    assert classify(200, {"content-encoding": value}) == meaning


def test_pauses_double_up_to_a_cap() -> None:
    """The bound of the drawn pause doubles with each attempt and never passes the cap."""
    assert [backoff(n, 1.0, base=0.5, cap=3.0) for n in (1, 2, 3, 4, 500)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert backoff(3, 0.0, base=0.5, cap=3.0) == 0.0


def test_attempts_come_back_only_for_new_bytes() -> None:
    """A body that starts over and reaches the same place again has made no progress."""
    tries = RetryCounters(step=100, attempts=4, renewals=2, stalls=1)
    tries.record_progress(99)
    assert tries.attempts == 4
    tries.record_progress(100)
    assert (tries.attempts, tries.renewals, tries.stalls) == (0, 0, 0)
    tries.attempts = 3
    tries.record_progress(150)
    tries.record_progress(100)
    assert tries.attempts == 3


def test_excerpts_hold_no_signature() -> None:
    """What is shown of a refusal says why, and holds nothing that could open the link."""
    body = (
        b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code><SignatureProvided>abc123"
        b"</SignatureProvided><StringToSign>AWS4-HMAC-SHA256 " + b"f" * 64 + b"</StringToSign>"
        b"<x>https://h/p?X-Amz-Signature=dead&sig=beef</x></Error>"
    )
    text = excerpt(body, 1000)

    assert "SignatureDoesNotMatch" in text
    assert not any(secret in text for secret in ("f" * 32, "dead", "beef"))
    assert len(excerpt(b"x y " * 500)) <= 200
    assert excerpt(b"a\x1b[31m\x00b") == "a [31m b"


def test_what_is_no_text_is_not_shown() -> None:
    """Packed bytes in place of an error say nothing to people; a coding that was not asked for is named."""
    packed = gzip.compress(b"a page " * 500)

    assert excerpt(packed) == "(no text)"
    assert describe(500, {}, packed) == "500 (no text)" and describe(500, {}, b"") == "500"
    assert describe(206, {"content-encoding": "GZip"}) == "206 with a body in a coding that was not asked for: 'gzip'"


@pytest.mark.fault("G-11")
def test_stated_digests() -> None:
    """Digests of the whole package are taken where they are stated; what cannot be read says nothing."""
    md5, sha = hashlib.md5(b"x").digest(), hashlib.sha256(b"x").digest()
    told = {
        "content-md5": base64.b64encode(md5).decode(),
        "x-amz-checksum-sha256": base64.b64encode(sha).decode(),
        "x-goog-hash": "crc32c=AAAAAA==,md5=" + base64.b64encode(md5).decode(),
        "repr-digest": f"sha-256=:{base64.b64encode(sha).decode()}:, unknown=:AAAA:",
        "x-amz-checksum-crc32": "not base64!",
    }

    assert stated_digests(told) == {"md5": md5, "sha256": sha}
    assert stated_digests({"content-md5": told["content-md5"]}, whole=False) == {}
    assert stated_digests({"x-amz-checksum-sha256": "AAAA-3"}) == {}


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.zip"', "a b.zip"),
        ("attachment; filename=a.zip", "a.zip"),
        ("attachment; filename=\"x\"; filename*=UTF-8''na%C3%AFve.zip", "naïve.zip"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ("attachment", None),
        ('attachment; filename=""', None),
    ],
)
def test_given_names_are_for_people(header: str, name: str | None) -> None:
    """The storage's name is the last part of what it says, printable."""
    assert server_file_name(header) == name
