"""Progress as plain lines, for streams other than a terminal."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from ...events import Event
from ..text import size as text_of

if TYPE_CHECKING:
    from ...downloads import Snapshot


class Silent:
    """View without progress: prints messages only."""

    period = 3600.0

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def take(self, event: Event) -> None:
        """Ignore the event."""

    def show(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Write one line."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def hide(self) -> None:
        """Do nothing."""


class PlainLines(Silent):
    """One line every few seconds, if the state has changed."""

    period = 5.0

    _last = ""

    def show(self, snapshot: Snapshot) -> None:
        """Print the state if it has changed."""
        text = progress_line(snapshot)
        if text != self._last:
            self._last = text
            self.say(text)


def progress_line(snapshot: Snapshot) -> str:
    """Format the state of a run as one line."""
    ended = snapshot.done + snapshot.skipped + snapshot.failed
    known = ended + snapshot.pending + snapshot.waiting + snapshot.streaming + (snapshot.to_come or 0)
    more = "+" if snapshot.to_come is None else ""
    parts = [f"{ended:,} of {known:,}{more} package" + ("" if known == 1 and not more else "s")]
    parts += [f"{snapshot.failed:,} failed"] if snapshot.failed else []
    parts += [f"{snapshot.waiting:,} packing"] if snapshot.waiting else []
    parts += [f"{snapshot.streaming:,} arriving"] if snapshot.streaming else []
    parts += [text_of(snapshot.received)] if snapshot.received else []
    parts += [f"{text_of(snapshot.rate)}/s"] if snapshot.rate else []
    return " · ".join(parts)
