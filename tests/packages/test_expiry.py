"""The expiry of signed links, read from the links of four storages."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._protocol.headers import http_date
from pixxel_async.packages.rules.expiry import UNKNOWN_LIFETIME, expires_at, good_until, is_reusable, margin

NOON = datetime(2024, 5, 27, 12, tzinfo=UTC)
EPOCH = int(NOON.timestamp())


def policy(condition: object) -> str:
    text = json.dumps({"Statement": [{"Resource": "?>?>>??~", "Condition": condition}], "": ""})
    plain = base64.b64encode(text.encode()).decode()
    assert "+" in plain or "/" in plain or "=" in plain
    return plain.translate(str.maketrans("+=/", "-_~"))


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20240527T114500Z&X-Amz-Expires=900&X-Amz-Signature=0",
        "x-amz-date=20240527T114500Z&x-amz-expires=900",
        "X-Goog-Date=20240527T110000Z&X-Goog-Expires=3600&X-Goog-Signature=0",
        f"GoogleAccessId=a&Expires={EPOCH}&Signature=0",
        f"AWSAccessKeyId=a&Expires={EPOCH}&Signature=0",
        "sv=2022-11-02&st=2024-05-27T11%3A00%3A00Z&se=2024-05-27T12%3A00%3A00Z&sig=0",
        "se=2024-05-27T14:00:00%2B02:00&sig=0",
        f"Expires={EPOCH}&Signature=0&Key-Pair-Id=K",
        f"Policy={policy({'DateLessThan': {'AWS:EpochTime': EPOCH}})}&Signature=0&Key-Pair-Id=K",
    ],
)
def test_every_scheme_has_an_expiry(query: str) -> None:
    """S3, Google, Azure and CloudFront links that end at noon are read as such."""
    assert expires_at(f"https://storage.example/a/b.zip?{query}") == NOON


@pytest.mark.parametrize(
    "query",
    [
        "",
        "X-Amz-Date=20240527T114500Z",
        "X-Amz-Expires=900",
        "X-Amz-Date=today&X-Amz-Expires=900",
        "X-Amz-Date=20240527T114500Z&X-Amz-Expires=99999999999999999999",
        "Expires=never",
        "Expires=99999999999999999999",
        "Expires=1e400",
        "se=2024-05-27",
        "se=soon&sig=0",
        "Policy=!!",
        "Policy=" + base64.b64encode(b"[]").decode(),
        f"Policy={policy({})}",
        f"Policy={policy({'DateLessThan': {'AWS:EpochTime': None}})}",
        "Policy=" + base64.b64encode(b"[" * 100_000).decode(),
    ],
)
def test_an_unreadable_expiry_is_unknown(query: str) -> None:
    """A link without a readable expiry has no known end, and nothing raises."""
    assert expires_at(f"https://storage.example/b.zip?{query}") is None


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**63, 10**30, 253_402_300_800])
@pytest.mark.parametrize("scheme", ["Expires={}", "X-Amz-Date=20240527T114500Z&X-Amz-Expires={}", "se={}&sig=x"])
def test_a_time_beyond_all_calendars_means_never(number: int, scheme: str) -> None:
    """An expiry beyond the calendar, as signers write for links without an end, means never."""
    assert expires_at(f"https://storage.example/b.zip?{scheme.format(number)}") is None
    ends = {"DateLessThan": {"AWS:EpochTime": number}}
    assert expires_at(f"https://storage.example/b.zip?Policy={policy(ends)}") is None


@pytest.mark.slow
@given(st.text())
def test_no_text_raises(text: str) -> None:
    """Reading the expiry never raises, whatever the text."""
    expires_at(text)
    expires_at(f"https://s/?Expires={text}")
    expires_at(f"https://s/?Policy={text}")
    expires_at(f"https://s/?X-Amz-Date=20240527T114500Z&X-Amz-Expires={text}")
    http_date(text)


@pytest.mark.parametrize(
    "date", ["Mon, 27 May 2024 12:00:00 GMT", "Monday, 27-May-24 12:00:00 GMT", "Mon May 27 12:00:00 2024"]
)
def test_the_servers_time(date: str) -> None:
    """The three forms of an HTTP date are the same instant."""
    assert http_date(date) == NOON


@pytest.mark.parametrize("date", [None, "", "soon", "Mon, 99 May 2024 12:00:00 GMT"])
def test_no_time_without_a_date(date: str | None) -> None:
    """A missing or invalid Date header is None."""
    assert http_date(date) is None


@pytest.mark.fault("A-13")
def test_the_servers_clock_decides() -> None:
    """A link's remaining life is counted from the server's Date, so a wrong local clock does not matter."""
    assert good_until(NOON, NOON - timedelta(seconds=90), 5.0) == 95.0
    assert good_until(None, NOON, 5.0) is None


@pytest.mark.fault("E-10")
@pytest.mark.parametrize(
    ("left", "age", "good"),
    [
        (61, 1e9, True),
        (60, 0, True),
        (59.9, 0, False),
        (-5, 0, False),
        (math.inf, UNKNOWN_LIFETIME - 1, True),
        (math.inf, UNKNOWN_LIFETIME + 1, False),
    ],
)
def test_kept_links(left: float, age: float, good: bool) -> None:
    """A cached link must live as long as requested; one without an expiry is cached for a minute."""
    assert is_reusable(left, age, 60) is good


@pytest.mark.parametrize(("life", "left"), [(600, 60), (120, 60), (50, 25), (math.inf, 60)])
def test_a_cached_link_is_used_until_a_minute_before_its_end(life: float, left: float) -> None:
    """A cached link is used until a minute before its end, or for half its life if that is under two minutes."""
    assert margin(life) == left
