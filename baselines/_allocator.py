"""Memory that a step of training frees is kept for the next one.

glibc gives blocks of more than 32 MB back to the system as soon as they are freed. The next step asks for them anew,
and the system clears them page by page: 90,000 pages in every step of ``spacetime``, which take 9 % of its time. A
training that keeps them needs 6 % more memory.
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Names of two parameters in glibc's ``malloc.h``: free memory from which the heap shrinks, number of mapped blocks."""
MOST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let the heap hold all blocks, however large, and not shrink; return whether the system's C library can.

    The memory that a process takes then never falls below its greatest so far. Without glibc nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, MOST))
