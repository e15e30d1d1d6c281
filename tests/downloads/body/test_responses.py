"""Classification of storage responses, and the parts of them that an error may quote."""

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
    """401, 403, 404 and 410 renew the link."""
    assert classify(status, {}) == "renew"


@pytest.mark.fault("E-06")
def test_googles_expired_link_is_renewed() -> None:
    """A 400 with ExpiredToken renews the link, as Google's storage sends it; any other 400 is final."""
    assert classify(400, {}, b"<Error><Code>ExpiredToken</Code></Error>") == "renew"
    assert classify(400, {}, b"<Error><Code>InvalidArgument</Code></Error>") == "fail"


@pytest.mark.parametrize("status", [408, 425, 500, 502, 504, 507, 599])
def test_temporary_statuses_are_retried(status: int) -> None:
    """Temporary statuses are retried."""
    assert classify(status, {}) == "again"


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_storage_is_paused(status: int) -> None:
    """429 and 503 pause the host without using up an attempt."""
    assert classify(status, {}) == "busy"
    assert classify_refusal(status, {}, b"<Code>SlowDown</Code>") == StorageRefusal(
        "busy", f"{status} <Code>SlowDown</Code>"
    )


@pytest.mark.fault("F-10")
@pytest.mark.parametrize(("status", "meaning"), [(412, "throw away"), (304, "fail"), (307, "fail"), (418, "fail")])
def test_other_statuses(status: int, meaning: str) -> None:
    """412 discards the part file; any other unexpected status fails the package."""
    assert classify(status, {}) == meaning


def test_not_modified_needs_a_condition() -> None:
    """304 is a body only for a conditional request."""
    assert classify(304, {}, conditional=True) == "body"


@pytest.mark.fault("F-09")
def test_a_coded_body_is_refused() -> None:
    """A body in an unrequested coding fails; it is never decoded into the file."""
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
    """Content-Encoding values that change no byte, such as aws-chunked and charsets, are accepted."""
    assert classify(200, {"content-encoding": value}) == meaning


def test_backoff_doubles_up_to_a_cap() -> None:
    """The backoff bound doubles per attempt up to the cap."""
    assert [backoff(n, 1.0, base=0.5, cap=3.0) for n in (1, 2, 3, 4, 500)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert backoff(3, 0.0, base=0.5, cap=3.0) == 0.0


def test_attempts_are_restored_by_new_bytes() -> None:
    """Attempts are restored only by bytes beyond the furthest position so far."""
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
    """An excerpt gives the reason of a refusal and no signature."""
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


def test_binary_errors_are_not_shown() -> None:
    """Binary data in place of an error is described as such; an unrequested coding is named."""
    packed = gzip.compress(b"a page " * 500)

    assert excerpt(packed) == "(no text)"
    assert describe(500, {}, packed) == "500 (no text)" and describe(500, {}, b"") == "500"
    assert describe(206, {"content-encoding": "GZip"}) == "206 with a body in an unrequested coding: 'gzip'"


@pytest.mark.fault("G-11")
def test_stated_digests() -> None:
    """Digests of the whole package are read from headers; unreadable ones are ignored."""
    md5, sha = hashlib.md5(b"x").digest(), hashlib.sha256(b"x").digest()
    headers = {
        "content-md5": base64.b64encode(md5).decode(),
        "x-amz-checksum-sha256": base64.b64encode(sha).decode(),
        "x-goog-hash": "crc32c=AAAAAA==,md5=" + base64.b64encode(md5).decode(),
        "repr-digest": f"sha-256=:{base64.b64encode(sha).decode()}:, unknown=:AAAA:",
        "x-amz-checksum-crc32": "not base64!",
    }

    assert stated_digests(headers) == {"md5": md5, "sha256": sha}
    assert stated_digests({"content-md5": headers["content-md5"]}, whole_body=False) == {}
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
def test_server_file_names(header: str, name: str | None) -> None:
    """The file name of Content-Disposition is reduced to its last part and made printable."""
    assert server_file_name(header) == name
