"""How much a file may claim to hold, and take: one that unpacks without end is refused before it fills the memory."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FREE_BYTES = 2**28
"""Memory in bytes that any file may take, 256 MiB."""
MOST_EXPANSION = 200
"""How many times its stored size a file may take in memory; compressed tables stay below."""
MOST_MORE_BYTES = 2**30
"""Memory in bytes that reading may take beside what it claims, 1 GiB."""
WRITABLE = 5  # the place of the pages of data and stacks in /proc/self/statm
_one_at_a_time = threading.Lock()  # each restores the limit that it found
_limited = threading.local()


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


def require_own_files(root: str | Path) -> dict[Path, int]:
    """Refuse a folder, such as a Zarr store, with a link that leads out of it or with anything but files and folders.

    A store from elsewhere could otherwise show any file of this machine as an image, or wait for ever on a pipe. The
    folder itself may be a link: the user has chosen it.

    Parameters
    ----------
    root : str or Path
        The folder; nothing in it is opened.

    Returns
    -------
    dict of Path to int
        The size in bytes of every file in it and below.

    Raises
    ------
    ValueError
        Naming the first link, pipe or device that was met.
    OSError
        If there is no such folder, or it may not be read.
    """
    top = Path(os.path.realpath(root))
    sizes = {}
    folders = [top]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                found = Path(entry.path)
                if entry.is_symlink() and not Path(os.path.realpath(found)).is_relative_to(top):
                    raise ValueError(
                        f"{found.relative_to(top)} is a link that leads out of the folder; no such file is followed"
                    )
                try:
                    about = entry.stat()
                except OSError as error:
                    if error.errno not in (errno.ENOENT, errno.ELOOP):
                        raise
                    continue  # a link to nothing or to itself, or a file that has just been removed
                if entry.is_dir(follow_symlinks=False):
                    folders.append(found)
                elif stat.S_ISREG(about.st_mode):
                    sizes[found] = about.st_size
                elif not stat.S_ISDIR(about.st_mode):
                    raise ValueError(f"{found.relative_to(top)} is neither a file nor a folder")
    return sizes


@contextmanager
def bounded_memory(claimed_bytes: int = 0, more_bytes: int = MOST_MORE_BYTES) -> Iterator[None]:
    """Let the process take no more than about 1 GiB of memory meanwhile, besides what is claimed.

    A damaged file can send a library round in circles, which allocates until the system stops some process. Only Linux
    tells and limits what a process takes; elsewhere nothing is bounded. What counts is memory that can be written to:
    a thread of a library reserves far more addresses than it ever uses. Within another one it changes nothing.

    Parameters
    ----------
    claimed_bytes : int
        How much is about to be read.
    more_bytes : int
        How much may be taken besides.

    Raises
    ------
    MemoryError
        Or what a library makes of it, if that does not suffice.
    """
    if sys.platform != "linux" or getattr(_limited, "now", False):
        yield
        return
    import resource

    with _one_at_a_time:
        pages = int(Path("/proc/self/statm").read_text().split()[WRITABLE])
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = pages * resource.getpagesize() + claimed_bytes + more_bytes
        resource.setrlimit(
            resource.RLIMIT_DATA, (most if soft == resource.RLIM_INFINITY else min(soft, most), hard)
        )
        _limited.now = True
        try:
            yield
        finally:
            _limited.now = False
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
