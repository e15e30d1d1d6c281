"""Live progress bars on a terminal: a line for the run, and a bar for each running download."""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ..text import format_size, printable
from .lines import progress_line
from .progress import ProgressBoard

if TYPE_CHECKING:
    from ...downloads import Snapshot
    from ...events import Event
    from .progress import BodyProgress

_SHOWN = 8
"""Maximum of bars; further downloads are counted."""
_BAR_COLUMNS = 58
"""Columns taken by a bar, its numbers and the gaps."""


class Bars:
    """Bars redrawn in place on stderr and erased at the end."""

    period = 0.125

    def __init__(self, stream: IO[str]) -> None:
        self._console = Console(file=stream, highlight=False)
        self._live: Live | None = None
        self._spinner = Spinner("dots")
        self._board = ProgressBoard()
        self._started = time.monotonic()

    def take(self, event: Event) -> None:
        """Update the progress of the event's download."""
        self._board(event)

    def show(self, snapshot: Snapshot) -> None:
        """Redraw all bars."""
        if self._live is None:
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(self._draw(snapshot), refresh=True)

    def print_line(self, text: str) -> None:
        """Print one line above the bars."""
        self._console.print(Text(text), soft_wrap=True)

    def hide(self) -> None:
        """Erase the bars."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self, snapshot: Snapshot) -> RenderableType:
        bodies = self._board.bodies
        line = progress_line(snapshot, time.monotonic() - self._started)
        head = Table.grid(padding=(0, 1))
        head.add_row(
            self._spinner.render(time.monotonic()),
            Text(line, style="bold"),
        )
        grid = Table.grid(padding=(0, 1))
        room = max(12, self._console.width - _BAR_COLUMNS)
        for item, body in list(bodies.items())[:_SHOWN]:
            grid.add_row(Text(f"  {_keep_end(printable(item), room)}"), _bar(body), Text(_describe(body), no_wrap=True))
        more = len(bodies) - _SHOWN
        return Group(head, grid, *([Text(f"  and {more} more")] if more > 0 else []))


def _keep_end(text: str, room: int) -> str:
    """Return the last characters of a text, where ids differ."""
    return text if len(text) <= room else "…" + text[1 - room :]


def _bar(body: BodyProgress) -> ProgressBar:
    if body.unpacked is not None:
        return ProgressBar(total=body.unpacked[1], completed=body.unpacked[0], width=24)
    return ProgressBar(total=body.size or None, completed=body.received, width=24, pulse=body.size is None)


def _describe(body: BodyProgress) -> str:
    if body.unpacked is not None:
        return "{:,} of {:,} files unpacked".format(*body.unpacked)
    text = (
        format_size(body.received) if body.size is None else f"{format_size(body.received)} of {format_size(body.size)}"
    )
    return f"{text}, proving" if body.proving else text
