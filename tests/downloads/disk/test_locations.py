"""Destinations: a text is a folder or the URL of an object store."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pixxel_async import ConfigError, DownloadManager, PixxelClient
from pixxel_async.downloads.disk.locations import LocationSpec, locate
from pixxel_async.downloads.disk.rules.state_folder import state_folder
from pixxel_async.downloads.disk.store_urls import parse_store_url, spool_name


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("exports", None),
        ("./a://b", None),
        ("C:\\exports", None),
        ("s3://bucket", "s3://bucket"),
        (" S3://Bucket/a/b// ", "s3://Bucket/a/b"),
        ("gs://bucket/p", "gs://bucket/p"),
        ("abfss://container@account.dfs.core.windows.net/p", "abfss://container@account.dfs.core.windows.net/p"),
        ("file:///srv/x/", "file:///srv/x"),
        ("memory:///", "memory://"),
    ],
)
def test_urls_have_one_spelling(text: str, url: str | None) -> None:
    """A store's URL is normalised; other text is a folder."""
    assert parse_store_url(text) == url


@pytest.mark.parametrize(
    "text",
    ["http://host/x", "https://b.s3.amazonaws.com/x?X-Amz-Signature=canary", "ftp://x/y", "s3://", "s3:///x",
     "gs://", "s3://key:canary@bucket/x", "s3://key:can/canary@bucket/x",
     "s3://bucket/x?sig=canary", "s3://bucket/x#canary", "s3://bucket//canary"],
)  # fmt: skip
def test_other_urls_are_refused(text: str) -> None:
    """A URL that may contain a secret or names no bucket is refused, and not quoted."""
    with pytest.raises(ConfigError) as caught:
        parse_store_url(text)
    assert "canary" not in str(caught.value)


def test_a_spool_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each URL has a spool folder of its own, stable and readable."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    place = locate("s3://bucket/Nightly exports".replace(" ", "-"))
    assert place.folder.parent == Path("/state/pixxel")
    assert re.fullmatch(r"s3-bucket-nightly-exports-[0-9a-f]{8}", place.folder.name)
    assert str(place) == "s3://bucket/Nightly-exports"
    assert place == locate("S3://bucket/Nightly-exports/") != locate("s3://bucket/nightly-exports")
    assert len(spool_name("s3://" + "x" * 500)) < 80

    assert locate("s3://bucket", "/tmp/spool") == LocationSpec(Path("/tmp/spool"), "s3://bucket")
    with pytest.raises(ConfigError, match="only for object stores"):
        locate("exports", "/tmp/spool")


def test_the_state_folder() -> None:
    """The state folder is ~/.local/state, or an absolute XDG_STATE_HOME."""
    assert state_folder({}, "/home/x") == "/home/x/.local/state"
    assert state_folder({"XDG_STATE_HOME": "relative"}, "/home/x") == "/home/x/.local/state"
    assert state_folder({"XDG_STATE_HOME": "/var/state"}, "/home/x") == "/var/state"


def test_an_unknown_url_is_refused(client: PixxelClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manager refuses an unknown URL instead of creating a folder of that name."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="https:// is not a known object store"):
        DownloadManager(client, "https://host/exports")
    assert list(tmp_path.iterdir()) == []
