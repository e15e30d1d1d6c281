"""How this process deals with memory, which is a program's business and no library's."""

from __future__ import annotations

import gc

_BLOCK = 31 << 20
"""Bytes: just below the largest block for which glibc moves its thresholds."""
_YOUNG = 50_000
"""New objects, less those that are gone, after which the garbage collector looks for cycles; usually 700."""


def keep_memory() -> None:
    """Let the C library keep the memory of large blocks for the next ones, instead of giving it back each time.

    Each piece of a body is a block of 256 KiB. glibc hands such a block back to the system when it is freed, and the
    system has to clear it again for the next one. Once a larger block was freed, glibc no longer does that: its
    threshold follows the largest block that was. Elsewhere this does nothing; the block's pages are never touched.
    """
    bytes(_BLOCK)


def collect_seldom() -> None:
    """Let the garbage collector look for cycles less often.

    What a command loads at its start stays, and rows and outcomes are no cycles; yet a hundred thousand of them would
    have it look all the time.
    """
    gc.set_threshold(_YOUNG)
