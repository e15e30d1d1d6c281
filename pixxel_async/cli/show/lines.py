"""Progress as plain lines, for streams other than a terminal, and the estimate of the time left."""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING

from ...events import Event
from ..text import format_seconds
from ..text import format_size as text_of
from .progress import ProgressBoard

if TYPE_CHECKING:
    from ...downloads import Snapshot


_FEWEST = 3
_LEAST_SHARE = 0.05


class Silent:
    """View without progress: prints messages only."""

    period = 3600.0

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def take(self, event: Event) -> None:
        """Ignore the event."""

    def show(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def print_line(self, text: str) -> None:
        """Write one line."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def hide(self) -> None:
        """Do nothing."""


class PlainLines(Silent):
    """One line every few seconds, if the state has changed."""

    period = 5.0

    _last = ""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(stream)
        self._started = time.monotonic()
        self._board = ProgressBoard()

    def take(self, event: Event) -> None:
        """Update the progress of the event's download."""
        self._board(event)

    def show(self, snapshot: Snapshot) -> None:
        """Print the state if it has changed."""
        unpacked = [body.unpacked for body in self._board.bodies.values() if body.unpacked is not None]
        more = ""
        if unpacked:
            more = (
                f" · unpacking, {sum(done for done, _ in unpacked):,} of {sum(total for _, total in unpacked):,} files"
            )
        text = progress_line(snapshot) + more
        if text != self._last:
            self._last = text
            self.print_line(progress_line(snapshot, time.monotonic() - self._started) + more)


def progress_line(snapshot: Snapshot, elapsed: float | None = None) -> str:
    """Format the state of a run as one line.

    Args:
        elapsed: seconds since the run began; None leaves out elapsed and remaining time.
    """
    ended = snapshot.done + snapshot.skipped + snapshot.failed
    total = ended + snapshot.pending + snapshot.waiting + snapshot.streaming + (snapshot.to_come or 0)
    more = "+" if snapshot.to_come is None else ""
    parts = [f"{ended:,} of {total:,}{more} package" + ("" if total == 1 and not more else "s")]
    parts += [f"{snapshot.failed:,} failed"] if snapshot.failed else []
    parts += [f"{snapshot.waiting:,} packing"] if snapshot.waiting else []
    parts += [f"{snapshot.streaming:,} arriving"] if snapshot.streaming else []
    parts += [text_of(snapshot.received)] if snapshot.received else []
    parts += [f"{text_of(snapshot.rate)}/s"] if snapshot.rate else []
    if elapsed is not None:
        parts.append(format_seconds(elapsed))
        remaining = time_left(snapshot, elapsed)
        parts += [] if remaining is None else [f"about {format_seconds(remaining)} left"]
    return " · ".join(parts)


def time_left(snapshot: Snapshot, elapsed: float) -> float | None:
    """Estimate the seconds left, from the packages that ended in this run: remaining x elapsed / ended.

    None while that says nothing: the number of packages is unknown, fewer than `_FEWEST` have ended, or less than
    `_LEAST_SHARE` of all. Packages skipped because they were there already do not count, they take no time.

    Args:
        elapsed: seconds since the run began.
    """
    ended = snapshot.done + snapshot.failed
    if snapshot.to_come is None or ended < _FEWEST:
        return None
    remaining = snapshot.pending + snapshot.waiting + snapshot.streaming + snapshot.to_come
    if not remaining or ended < _LEAST_SHARE * (ended + remaining):
        return None
    return remaining * elapsed / ended
