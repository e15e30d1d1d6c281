"""FairQueue serves clients in turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pixxel_async.downloads.item import BatchContext, Item
from pixxel_async.downloads.schedule.fair_queue import FairQueue
from pixxel_async.packages import JobPackage, PackageEntry
from pixxel_async.settings import DownloadSettings


def queue(*names: str) -> FairQueue:
    """Return a queue of items named such as `a1`: client and number."""
    contexts: dict[str, Any] = {name[0]: BatchContext(name[0], Path(), None, DownloadSettings()) for name in names}  # type: ignore[arg-type]
    turns = FairQueue()
    for name in names:
        turns.append(Item(PackageEntry(JobPackage(workflow_id="w", job_id=name)), contexts[name[0]], 0.0))
    return turns


def emptied(turns: FairQueue) -> list[str]:
    return [str(turns.popleft().package)[-2:] for _ in range(len(turns))]


@pytest.mark.fault("Q-05")
def test_clients_in_turn() -> None:
    """Clients are served in turn, each in its own order."""
    assert emptied(queue("a1", "a2", "a3", "a4", "b1", "c1", "c2")) == ["a1", "b1", "c1", "a2", "c2", "a3", "a4"]


def test_one_client_is_a_plain_queue() -> None:
    """With one client the queue is first in, first out."""
    assert emptied(queue("a1", "a2", "a3")) == ["a1", "a2", "a3"]


def test_skipped_items_keep_their_place() -> None:
    """take() skips items that do not fit, and they keep their place."""
    turns = queue("a1", "a2", "b1", "b2")
    taken = turns.take(lambda item: str(item.package).endswith("b2"))
    assert taken is not None and str(taken.package) == "job:w/b2"
    assert turns.take(lambda item: False) is None
    assert emptied(turns) == ["a1", "b1", "a2"] and len(turns) == 0
