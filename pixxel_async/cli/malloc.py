"""Tune glibc's malloc and the garbage collector for this process; only the program does so, never the library."""

from __future__ import annotations

import gc

_BLOCK = 31 << 20
"""Bytes: just below DEFAULT_MMAP_THRESHOLD_MAX (32 MiB), the largest block for which glibc raises its threshold."""
_GENERATION_0 = 50_000
"""Net allocations between two collections of generation 0; Python's default is 700 to 2000."""


def keep_memory() -> None:
    """Raise glibc's dynamic mmap threshold, so that freed body chunks are reused instead of unmapped.

    Each chunk of a body is a block of 256 KiB, above the initial mmap threshold of 128 KiB: glibc would unmap it when
    freed and the kernel zero a new one for the next chunk. Freeing one larger block raises the threshold to its size.
    No effect on other C libraries; the pages of the block are never touched.
    """
    bytes(_BLOCK)


def collect_seldom() -> None:
    """Raise the garbage collector's threshold: rows and outcomes form no cycles, and large batches have 100,000s."""
    gc.set_threshold(_GENERATION_0)
