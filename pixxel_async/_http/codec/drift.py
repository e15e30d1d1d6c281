"""API drift: counts of members and words beyond the description."""

from __future__ import annotations

from contextvars import ContextVar
from functools import lru_cache
from threading import Lock

from attrs import define, field

from ..._redact import mask

_MOST_KEYS = 1000
_LONGEST_KEY = 200
_LONGEST_SEEN = 1000
"""Characters of a key that are looked at; the rest is dropped before masking."""


@define
class Drift:
    """Counts of unknown or missing members and of unknown words; bounded and thread-safe.

    Attributes:
        members: occurrences by class and wire name, such as `Job.new_field`; `Job.cost as list` is one of an odd type,
            `Job without id` one that is missing, `Job in 'data'` an answer inside an envelope.
        words: occurrences by member and word, such as `Job.status=paused`.
    """

    members: dict[str, int] = field(factory=dict)
    words: dict[str, int] = field(factory=dict)
    _lock: Lock = field(factory=Lock, repr=False, eq=False, init=False)

    def copy(self) -> Drift:
        """Return a snapshot of the counts."""
        with self._lock:
            return Drift(dict(self.members), dict(self.words))

    def note_member(self, place: str) -> None:
        """Count an unknown or missing member."""
        self._count(self.members, place)

    def note_word(self, place: str) -> None:
        """Count an unknown word."""
        self._count(self.words, place)

    def _count(self, counts: dict[str, int], key: str) -> None:
        key = _mask_key(key[:_LONGEST_SEEN])
        with self._lock:
            if key in counts or len(counts) < _MOST_KEYS:
                counts[key] = counts.get(key, 0) + 1


@lru_cache(maxsize=2048)
def _mask_key(key: str) -> str:
    """Return a key as it is shown; cached, since the same unknown names come with every row."""
    return mask(key)[:_LONGEST_KEY]  # it may be a signed URL


drift_now: ContextVar[Drift | None] = ContextVar("drift_now", default=None)
"""Counter of the response being read; cattrs' hooks take no further argument."""
