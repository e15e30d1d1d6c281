"""Select the progress view, and refresh it periodically during a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from .lines import PlainLines, Silent
from .progress import ProgressStyle, View

if TYPE_CHECKING:
    from ...downloads import Snapshot


def create_view(*, quiet: bool, stream: IO[str], progress: ProgressStyle = "auto") -> View:
    """Create the requested view; with `auto` bars on a terminal, else lines."""
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
def show_progress(view: View, snapshot: Callable[[], Snapshot]) -> Iterator[None]:
    """Refresh the view every `view.period` seconds until the block is left."""

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
