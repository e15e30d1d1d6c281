"""One worker on `examples/cache.py`: `python -m tests.examples.cache_worker URL KEY FOLDER BOUND PACKAGE…`.

It reads the packages in turn and prints length and digest of each.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

from examples.cache import Cache
from pixxel_async import PixxelClient, Settings, parse_package


async def main(url: str, key: str, folder: str, bound: str, packages: list[str]) -> None:
    async with (
        PixxelClient(settings=Settings(api_key=key, base_url=url)) as client,
        Cache(client, Path(folder), int(bound)) as cache,
    ):
        for package in packages:
            with await cache.open(parse_package(package)) as file:
                sys.stdout.write(f"{package} {hashlib.sha256(file.read()).hexdigest()}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5], sys.argv[5:]))
