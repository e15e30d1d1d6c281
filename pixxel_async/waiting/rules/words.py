"""What a status word means.

The vendor publishes no list of words for most things, and its own runner generations spell them differently, so words
are compared without case, `_`, `-` and blanks, and a word that nobody knows means patience.
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
"""Characters of a word that are looked at."""


def plain(word: object) -> str:
    """The word as it is compared: lower case, without `_`, `-`, blanks and the runner's prefix; "" for no text."""
    if not isinstance(word, str):
        return ""
    return _plain(word if len(word) <= LONGEST else word[:LONGEST])


@lru_cache(maxsize=1024)
def _plain(word: str) -> str:
    bare = "".join(word.casefold().replace("_", " ").replace("-", " ").split())
    for prefix in PREFIXES:
        if bare.startswith(prefix) and known_as_is(bare.removeprefix(prefix)):
            return bare.removeprefix(prefix)
    return bare


def known_as_is(bare: str) -> bool:
    """Whether one of the lists above has this bare word."""
    return any(bare in words for words in (GOOD, BAD, PARTIAL, WAITING, AT_WORK))


def known(status: object) -> bool:
    """Whether the word is one that we can place; what is not known is worth a line in the log."""
    return known_as_is(plain(status))


def verdict(status: object, good: Iterable[str] = (), bad: Iterable[str] = ()) -> Verdict:
    """What the word says about the end.

    Args:
        status: the word as it came; anything that is no text is no word.
        good, bad: further words that count, before ours.
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
    """How far the word says the thing has come: 0 waiting, 1 at work, 2 ended; None for an unknown word."""
    word = plain(status)
    if word in WAITING:
        return 0
    if word in AT_WORK:
        return 1
    return 2 if word in GOOD or word in BAD or word in PARTIAL else None


def went_back(before: object, after: object) -> bool:
    """Whether the second word is an earlier state than the first: the work may have begun anew."""
    earlier, later = rank(before), rank(after)
    return earlier is not None and later is not None and later < earlier
