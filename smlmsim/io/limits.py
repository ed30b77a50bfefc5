"""How much a file may claim to hold, and take: one that unpacks without end is refused before it fills the memory."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FREE_BYTES = 2**28
MOST_EXPANSION = 200
MOST_MORE_BYTES = 2**30
_one_at_a_time = threading.Lock()  # each restores the limit that it found


def require_plausible(what: str, claimed_bytes: int, stored_bytes: int) -> None:
    """Refuse data that would take far more memory than their file takes on the disk.

    Localizations shrink to no less than a quarter, images of counts to about 1/25.

    Parameters
    ----------
    what : str
        What makes the claim, for the message.
    claimed_bytes : int
        The size in memory; up to ``FREE_BYTES`` are always granted.
    stored_bytes : int
        The size on the disk.

    Raises
    ------
    ValueError
        If the claim is more than ``MOST_EXPANSION`` times what is stored.
    """
    if claimed_bytes > max(FREE_BYTES, MOST_EXPANSION * stored_bytes):
        raise ValueError(
            f"{what} claims to hold {claimed_bytes:.3g} bytes in the {stored_bytes:.3g} that are stored; "
            f"no more than {MOST_EXPANSION} times as many are unpacked"
        )


@contextmanager
def bounded_memory(claimed_bytes: int = 0) -> Iterator[None]:
    """Let the process take no more than about 1 GiB of memory meanwhile, besides what is claimed.

    A damaged file can send a library round in circles, which allocates until the system stops some process. Only Linux
    tells and limits what a process takes; elsewhere nothing is bounded.

    Parameters
    ----------
    claimed_bytes : int
        How much is about to be read.

    Raises
    ------
    MemoryError
        Or what a library makes of it, if that does not suffice.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    with _one_at_a_time:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = pages * resource.getpagesize() + claimed_bytes + MOST_MORE_BYTES
        resource.setrlimit(
            resource.RLIMIT_AS, (most if soft == resource.RLIM_INFINITY else min(soft, most), hard)
        )
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
