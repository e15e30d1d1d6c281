"""The client and the download manager for plain code: scripts, notebooks, threads and Dask workers.

The same names as in `pixxel_async`, without `await`:

    from pixxel_async.sync import DownloadManager, PixxelClient

    with PixxelClient() as client, DownloadManager(client, "exports") as manager:
        for outcome in manager.fetch_all(client.jobs.list("w-1", status="completed")):
            print(outcome)

Calls run in an event loop of a thread of the client's own; they may come from any other thread, and several at a time.
"""

from __future__ import annotations

from .client import PixxelClient
from .manager import DownloadManager
from .proxies import Listing, Outcomes, Stream, Transfer

__all__ = ["DownloadManager", "Listing", "Outcomes", "PixxelClient", "Stream", "Transfer"]
