"""What stderr shows while packages arrive: bars on a terminal, plain lines elsewhere, JSON lines, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from attrs import evolve, frozen

from ...events import Downloaded, Event, Failed, Moved, Proving, Rewound, Skipped, Started, Waiting

if TYPE_CHECKING:
    from ...downloads import Snapshot


ProgressStyle = Literal["auto", "bars", "lines", "json"]


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
class BodyProgress:
    """A body that is arriving.

    Attributes:
        received: bytes so far.
        size: bytes of the whole; None when unknown.
        proving: whether all is here and is being proved.
    """

    received: int = 0
    size: int | None = None
    proving: bool = False


class ProgressBoard:
    """The bodies that are arriving, by item, kept from a run's events."""

    def __init__(self) -> None:
        self.bodies: dict[str, BodyProgress] = {}

    def __call__(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case Started(item, size, received) | Moved(item, received, size):
                self.bodies[item] = BodyProgress(received, size)
            case Rewound(item, received):
                self.bodies[item] = evolve(self.bodies.get(item, BodyProgress()), received=received, proving=False)
            case Proving(item):
                self.bodies[item] = evolve(self.bodies.get(item, BodyProgress()), proving=True)
            case Waiting(item):
                self.bodies.pop(item, None)
            case Downloaded() | Skipped() | Failed() if self.bodies:
                self.bodies.pop(str(event.package), None)
