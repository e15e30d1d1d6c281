"""Downloads from a storage that is none of ours: nginx, with its own ranges, ETags and keep-alive."""

from __future__ import annotations

from pathlib import Path

from benchmarks.server import served
from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.events import Downloaded
from tests.downloads.ground import collect, sha256
from tests.support.tools import tool


async def test_packages_from_nginx_are_what_lies_there(tmp_path: Path) -> None:
    """Every file byte for byte, proved, and nothing fetched when asked for again."""
    tool("nginx")
    async with served(tmp_path, count=5, size=300_000, tls=False) as server:
        assert server.name == "nginx"
        async with (
            PixxelClient(api_key=server.api_key, base_url=server.api) as client,
            DownloadManager(client, tmp_path / "here") as manager,
        ):
            outcomes = await collect(manager.fetch_all(server.links))
            again = await collect(manager.fetch_all(server.links))
    got = sorted(sha256(outcome.path) for outcome in outcomes if isinstance(outcome, Downloaded))
    assert got == sorted(sha256(path) for path in (tmp_path / "files").iterdir())
    assert [type(outcome).__name__ for outcome in again] == ["Skipped"] * 5
