"""What the API sent that the description does not know yet."""

from __future__ import annotations

from contextvars import ContextVar
from threading import Lock

from attrs import define, field

from ..._redact import masked

_MOST_KEYS = 1000
_LONGEST_KEY = 200


@define
class Drift:
    """Counts of unknown members and words; bounded, and safe to be written from several threads.

    Attributes:
        members: times met, by class and wire name, such as `Job.new_field`.
        words: times met, by member and word, such as `Job.status=paused`.
    """

    members: dict[str, int] = field(factory=dict)
    words: dict[str, int] = field(factory=dict)
    _lock: Lock = field(factory=Lock, repr=False, eq=False, init=False)

    def copy(self) -> Drift:
        """The counts as they are now."""
        with self._lock:
            return Drift(dict(self.members), dict(self.words))

    def note_member(self, place: str) -> None:
        """Count an unknown member."""
        self._count(self.members, place)

    def note_word(self, place: str) -> None:
        """Count an unknown word."""
        self._count(self.words, place)

    def _count(self, counts: dict[str, int], key: str) -> None:
        key = masked(key)[:_LONGEST_KEY]  # it is there to be shown to others, and may be a link
        with self._lock:
            if key in counts or len(counts) < _MOST_KEYS:
                counts[key] = counts.get(key, 0) + 1


drift_now: ContextVar[Drift | None] = ContextVar("drift_now", default=None)
"""Who is told while an answer is being read; hooks of cattrs take no further argument."""
