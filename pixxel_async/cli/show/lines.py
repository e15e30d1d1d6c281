"""Progress as plain lines, for streams that are no terminal."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from ...events import Event
from ..text import size as text_of

if TYPE_CHECKING:
    from ...downloads import Snapshot


class Silent:
    """Shows nothing but what is said: failures, and how to go on."""

    period = 3600.0

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def take(self, event: Event) -> None:
        """Events are not shown."""

    def show(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Write one line."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def hide(self) -> None:
        """There is nothing to hide."""


class PlainLines(Silent):
    """One line now and then, when something has changed."""

    period = 5.0

    _last = ""

    def show(self, snapshot: Snapshot) -> None:
        """Write how the run stands, if it stands otherwise than before."""
        text = standing(snapshot)
        if text != self._last:
            self._last = text
            self.say(text)


def standing(snapshot: Snapshot) -> str:
    """How a run stands, as one line."""
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
