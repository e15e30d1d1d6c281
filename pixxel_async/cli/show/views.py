"""Choose how progress is shown, and refresh it while a run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from .lines import PlainLines, Silent
from .progress import ProgressStyle, View

if TYPE_CHECKING:
    from ...downloads import Snapshot


def view(*, quiet: bool, stream: IO[str], progress: ProgressStyle = "auto") -> View:
    """The view that was asked for, or else fits the stream."""
    if quiet:
        return Silent(stream)
    if progress == "json":
        from .json_lines import EventLines

        return EventLines(stream)
    if progress == "lines" or (progress == "auto" and not stream.isatty()):
        return PlainLines(stream)
    from .bars import Bars

    return Bars(stream)


@contextmanager
def showing(view: View, snapshot: Callable[[], Snapshot]) -> Iterator[None]:
    """Show how things stand every now and then, until the block is left."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(view.period)
            view.show(snapshot())

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        view.hide()
