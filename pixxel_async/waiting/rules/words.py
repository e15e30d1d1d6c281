"""Interpret status words.

The vendor publishes no list of words for most objects, and its own runner generations spell them differently. So words
are compared without case, `_`, `-` and blanks, and an unknown word means patience.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ..._http.resource import Verdict

# ASSUMPTION: these words mean the same wherever they come from (words of the guides, the document and the runners).
GOOD = frozenset(
    {"ready", "success", "successful", "succeeded", "completed", "complete", "done", "fulfilled", "finished"}
)
BAD = frozenset({"failed", "failure", "fail", "error", "errored", "cancelled", "canceled", "expired"})
PARTIAL = frozenset({"partialsuccess", "partiallyfulfilled", "partiallycompleted"})
WAITING = frozenset({"created", "pending", "queued", "requested", "scheduled", "accepted"})
AT_WORK = frozenset({"started", "running", "inprogress", "processing", "creating", "updating", "packing"})

# ASSUMPTION: older runners put the thing's name before the word, as in "TaskCompleted".
PREFIXES = ("task", "job")

LONGEST = 200
"""Longest prefix of a word that is compared."""


def plain(word: object) -> str:
    """Normalize a word: lower case, without `_`, `-`, blanks and the runner's prefix; empty if it is no text."""
    if not isinstance(word, str):
        return ""
    return _plain(word if len(word) <= LONGEST else word[:LONGEST])


@lru_cache(maxsize=1024)
def _plain(word: str) -> str:
    bare = "".join(word.casefold().replace("_", " ").replace("-", " ").split())
    for prefix in PREFIXES:
        if bare.startswith(prefix) and is_listed(bare.removeprefix(prefix)):
            return bare.removeprefix(prefix)
    return bare


def is_listed(bare: str) -> bool:
    """Return whether one of the lists above has this normalized word."""
    return any(bare in words for words in (GOOD, BAD, PARTIAL, WAITING, AT_WORK))


def is_known(status: object) -> bool:
    """Return whether a word is known; unknown ones are logged."""
    return is_listed(plain(status))


def verdict(status: object, good: Iterable[str] = (), bad: Iterable[str] = ()) -> Verdict:
    """Classify a status word.

    Args:
        status: the word as received; anything but text is no word.
        good, bad: further words, which take precedence.
    """
    word = plain(status)
    if word and bad and word in map(plain, bad):
        return "bad"
    if word in PARTIAL:
        return "partial"
    if word and good and word in map(plain, good):
        return "good"
    return "good" if word in GOOD else "bad" if word in BAD else "going"


def rank(status: object) -> int | None:
    """Return the rank of a status word: 0 waiting, 1 running, 2 ended; None if unknown."""
    word = plain(status)
    if word in WAITING:
        return 0
    if word in AT_WORK:
        return 1
    return 2 if word in GOOD or word in BAD or word in PARTIAL else None


def went_back(before: object, after: object) -> bool:
    """Return whether the second word is an earlier state than the first: the work may have restarted."""
    earlier, later = rank(before), rank(after)
    return earlier is not None and later is not None and later < earlier
