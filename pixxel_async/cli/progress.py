"""What stderr shows while packages arrive: bars on a terminal, plain lines elsewhere, JSON lines, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Literal, Protocol

from attrs import evolve, frozen

from ..events import Downloaded, Event, Failed, Moved, Proving, Rewound, Skipped, Started, Waiting
from .plain import size as text_of

if TYPE_CHECKING:
    from ..downloads import Snapshot


Progress = Literal["auto", "bars", "lines", "json"]


class View(Protocol):
    """A way to show a run."""

    period: float
    """Seconds between two showings."""

    def take(self, event: Event) -> None:
        """An event has come."""

    def show(self, snapshot: Snapshot) -> None:
        """Show how the run stands."""

    def say(self, text: str) -> None:
        """Show one line now."""

    def hide(self) -> None:
        """Take away what moves, so that others can write; the next `show` brings it back."""


@frozen
class Body:
    """A body that is arriving.

    Attributes:
        received: bytes so far.
        size: bytes of the whole; None when unknown.
        proving: whether all is here and is being proved.
    """

    received: int = 0
    size: int | None = None
    proving: bool = False


class Board:
    """The bodies that are arriving, by item, kept from a run's events."""

    def __init__(self) -> None:
        self.bodies: dict[str, Body] = {}

    def __call__(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case Started(item, size, received) | Moved(item, received, size):
                self.bodies[item] = Body(received, size)
            case Rewound(item, received):
                self.bodies[item] = evolve(self.bodies.get(item, Body()), received=received, proving=False)
            case Proving(item):
                self.bodies[item] = evolve(self.bodies.get(item, Body()), proving=True)
            case Waiting(item):
                self.bodies.pop(item, None)
            case Downloaded() | Skipped() | Failed() if self.bodies:
                self.bodies.pop(str(event.package), None)


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


class Lines(Silent):
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


def view(*, quiet: bool, stream: IO[str], progress: Progress = "auto") -> View:
    """The view that was asked for, or else fits the stream."""
    if quiet:
        return Silent(stream)
    if progress == "json":
        from .event_lines import EventLines

        return EventLines(stream)
    if progress == "lines" or (progress == "auto" and not stream.isatty()):
        return Lines(stream)
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
