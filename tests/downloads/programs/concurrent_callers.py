"""Fetch one package from many tasks of one process at once.

python -m tests.downloads.programs.concurrent_callers URL KEY FOLDER PACKAGE CALLERS

It prints `ready`, waits for a line on stdin, fetches, and prints one line for each distinct outcome: digest,
whether it was fetched, and how many callers got it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from pixxel_async import DownloadManager, PixxelClient, Settings
from pixxel_async.settings import PollSettings


async def main(url: str, key: str, folder: str, package: str, callers: int) -> None:
    settings = Settings(api_key=key, base_url=url, poll=PollSettings(initial_interval=0.03, max_interval=0.03))
    async with PixxelClient(settings=settings) as client, DownloadManager(client, folder) as manager:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        got = await asyncio.gather(*(manager.fetch(package) for _ in range(callers)))
    for (digest, fetched), count in Counter((done.sha256, done.fetched) for done in got).items():
        sys.stdout.write(f"{digest} {fetched} {count}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))
