"""The protocol of progress views, and the state of the downloads that they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from attrs import evolve, frozen

from ...events import Downloaded, Dropped, Event, Failed, Moved, Proving, Rewound, Skipped, Started, Unpacking, Waiting

if TYPE_CHECKING:
    from ...downloads import Snapshot


ProgressStyle = Literal["auto", "bars", "lines", "json"]


class View(Protocol):
    """A view of a run's progress."""

    period: float
    """Seconds between two calls of `show`."""

    def take(self, event: Event) -> None:
        """Receive an event."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the state of the run."""

    def print_line(self, text: str) -> None:
        """Print one line now."""

    def hide(self) -> None:
        """Erase live output, so that others can write; the next `show` restores it."""


@frozen
class BodyProgress:
    """Progress of one download.

    Attributes:
        received: bytes so far.
        size: total bytes; None when unknown.
        proving: all bytes are here, and are being verified.
        unpacked: files written and files in all, while the archive is being unpacked; None before.
    """

    received: int = 0
    size: int | None = None
    proving: bool = False
    unpacked: tuple[int, int] | None = None


class ProgressBoard:
    """Progress of the running downloads by item, updated from a run's events."""

    def __init__(self) -> None:
        self.bodies: dict[str, BodyProgress] = {}

    def __call__(self, event: Event) -> None:
        """Apply an event."""
        match event:
            case Started(item, size, received) | Moved(item, received, size):
                self.bodies[item] = BodyProgress(received, size)
            case Rewound(item, received):
                self.bodies[item] = evolve(self.bodies.get(item, BodyProgress()), received=received, proving=False)
            case Proving(item):
                self.bodies[item] = evolve(self.bodies.get(item, BodyProgress()), proving=True)
            case Unpacking(item, files, total):
                self.bodies[item] = evolve(self.bodies.get(item, BodyProgress()), unpacked=(files, total))
            case Waiting(item) | Dropped(item):
                self.bodies.pop(item, None)
            case Downloaded() | Skipped() | Failed() if self.bodies:
                self.bodies.pop(str(event.package), None)
