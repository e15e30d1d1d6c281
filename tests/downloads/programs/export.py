"""Run an export in a process of its own; it prints the class of each outcome.

python -m tests.downloads.programs.export [--extract] URL KEY FOLDER PACKAGE…
"""

from __future__ import annotations

import asyncio
import sys

from pixxel_async import DownloadManager, PixxelClient, Settings
from pixxel_async.events import Failed
from pixxel_async.settings import PollSettings, RetrySettings
from pixxel_async.settings.constants import Constants


async def main(url: str, key: str, folder: str, packages: list[str], *, extract: bool) -> int:
    settings = Settings(
        api_key=key,
        base_url=url,
        poll=PollSettings(initial_interval=0.03, max_interval=0.03),
        retry=RetrySettings(initial_delay=0.01, max_delay=0.02),
        constants=Constants(chunk_bytes=64 * 1024, least_range=64 * 1024),
    )
    failed = 0
    async with (
        PixxelClient(settings=settings) as client,
        DownloadManager(client, folder) as manager,
        manager.fetch_all(packages, extract=extract) as outcomes,
    ):
        async for outcome in outcomes:
            failed += isinstance(outcome, Failed)
            sys.stdout.write(f"{type(outcome).__name__}\n")
    return failed


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--extract"]
    sys.exit(asyncio.run(main(*given[:3], given[3:], extract="--extract" in sys.argv)))
