"""Memory that a search gives back is there for the next one."""

from __future__ import annotations

from functools import cache

import numpy as np

_MOST = 32 << 20  # bytes up to which glibc learns: M_MMAP_THRESHOLD_MAX of 64 bits
_OVERHEAD = 1 << 16


@cache
def keep_freed() -> None:
    """Let the C library keep up to 64 MiB that are freed, once a process.

    Glibc gives what is freed at the end of the heap back to the kernel as soon as that is twice the largest block that
    was ever mapped and freed. Whether arrays of candidates stayed was a matter of what had been freed when an index was
    opened: where they went, each search met thousands of fresh pages, a tenth of its time. Here a block of the largest
    size that counts is freed, of which no page was touched (mallopt(3), "dynamic mmap threshold"). Elsewhere this does
    nothing.
    """
    np.empty(_MOST - _OVERHEAD, np.uint8)
