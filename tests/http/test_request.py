"""Requests are built from arguments for path, query and body, and never reach another path."""

from __future__ import annotations

import asyncio
import datetime as dt
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._http.call import Call, Operation
from pixxel_async._http.resource import Wait
from pixxel_async._http.rules.request import build, check_path, encode_body, query, segment
from pixxel_async.errors import ConfigError
from pixxel_async.models import AOI, AssetDownload, Delivery, Job

GET = Operation("jobs.get", "GET", "/v0/workflows/{workflow_id}/jobs/{job_id}")


def target(job_id: object) -> str:
    return build(Call(GET, {"workflow_id": "w", "job_id": job_id}), "agent").target  # type: ignore[dict-item]


DOTS = [
    "a/..",
    "a\\..\\b",
    "..\\",
    "a/./b",
    "a%2f..",
    "a%5c%2e%2e",
    "a/.. /b",
    "..;/x",
    "a/..;x",
    "a%25252f%25252e%25252e",
]


@pytest.mark.fault("B-11")
@pytest.mark.parametrize("value", ["", " ", ".", "..", "%2e%2e", "%252e", ". ", None, 7, b"x", *DOTS])
def test_refused_segments(value: object) -> None:
    """A value that is not one path segment is refused with the argument's name."""
    with pytest.raises(ConfigError, match="job_id"):
        target(value)


@pytest.mark.fault("B-11")
def test_rows_stand_for_their_ids() -> None:
    """A row or UUID is accepted as an id in paths and waits, whatever the id member is called."""
    uuid = UUID("12345678-1234-5678-1234-567812345678")
    for row in (AOI(aoi_id="a"), Job(id="a"), Delivery(delivery_id="a"), AssetDownload(download_id="a"), "a"):
        assert segment("id", row) == "a"
        wait = Wait("kind", (row,), row, get=lambda: asyncio.sleep(0))  # type: ignore[arg-type]
        assert (wait.group, wait.id) == (("a",), "a")
    assert segment("id", uuid) == str(uuid)
    with pytest.raises(ConfigError, match="job_id"):
        segment("job_id", Job())


@pytest.mark.slow
@given(st.text(min_size=1))
def test_a_segment_stays_one(value: str) -> None:
    """Any text is either refused or quoted into exactly one segment."""
    try:
        quoted = segment("job_id", value)
    except ConfigError:
        return
    assert unquote(quoted) == value
    assert not set(quoted) & set("/?#\\ \r\n") and quoted.isascii()
    assert urlsplit(f"https://host/a/{quoted}/b").path.split("/") == ["", "a", quoted, "b"]


def test_query_arguments() -> None:
    """None is left out, flags become words, sequences are comma-separated, times are UTC."""
    east = dt.timezone(dt.timedelta(hours=2))
    arguments = {
        "a": None,
        "b": True,
        "ids": ["x", "y z"],
        "n": 3,
        "at": dt.datetime(2026, 1, 2, 3, tzinfo=east),
        "on": dt.date(2026, 1, 2),
        "t": "a&b=c+d",
    }
    text = query(arguments)
    assert dict(parse_qsl(text)) == {
        "b": "true",
        "ids": "x,y z",
        "n": "3",
        "at": "2026-01-02T01:00:00Z",
        "on": "2026-01-02",
        "t": "a&b=c+d",
    }
    assert " " not in text and "+" not in text


@pytest.mark.parametrize("value", [[], {}, {"a": 1}, float("nan"), object(), dt.datetime(2026, 1, 1), "\ud800"])
def test_refused_query_arguments(value: object) -> None:
    """Empty lists, naive times and values without a text form are refused."""
    with pytest.raises(ConfigError, match="status"):
        query({"status": value})


@pytest.mark.slow
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))))
def test_a_query_comes_back(arguments: dict[str, str]) -> None:
    """A query is parsed back into its arguments."""
    assert dict(parse_qsl(query(arguments), keep_blank_values=True)) == arguments


@pytest.mark.parametrize("body", [float("nan"), object(), {"a": {1, 2}}, "\ud800"])
def test_refused_bodies(body: object) -> None:
    """A body that JSON cannot hold is refused before anything is sent."""
    with pytest.raises(ConfigError):
        encode_body(body)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "v0",
        "//host/x",
        "https://host/x",
        "/v0/../x",
        "/v0/%2e%2e/x",
        "/v0?x=1",
        "/v0#x",
        "/v0/a b",
        "/v0/ü",
        "/\r\n",
    ],
)
def test_refused_paths(path: str) -> None:
    """A path that leaves the API or holds a query is refused."""
    with pytest.raises(ConfigError):
        check_path(path)


def test_accepted_paths() -> None:
    """A plain path is accepted unchanged."""
    assert check_path("/v0/aois/a%2Fb") == "/v0/aois/a%2Fb"
