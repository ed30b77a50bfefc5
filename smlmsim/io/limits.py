"""Limits on size and memory: a file that would unpack without end is refused before it fills the memory."""

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
WRITABLE = 5  # index of the data and stack pages in /proc/self/statm
_one_at_a_time = threading.Lock()  # each context restores the limit that it found
_limited = threading.local()


def require_plausible(what: str, claimed_bytes: int, stored_bytes: int) -> None:
    """Refuse data that would need far more memory than their file has on the disk.

    Compression reduces localizations to at least a quarter of their size, and images of counts to about 1/25.

    Parameters
    ----------
    what : str
        Name of the data, for the message.
    claimed_bytes : int
        Size in memory that the file declares; up to ``FREE_BYTES`` are always allowed.
    stored_bytes : int
        Size on the disk.

    Raises
    ------
    ValueError
        If the declared size is more than ``MOST_EXPANSION`` times the stored one.
    """
    if claimed_bytes > max(FREE_BYTES, MOST_EXPANSION * stored_bytes):
        raise ValueError(
            f"{what} claims to hold {claimed_bytes:.3g} bytes in the {stored_bytes:.3g} that are stored; "
            f"at most {MOST_EXPANSION} times as many are unpacked"
        )


def require_own_files(root: str | Path) -> dict[Path, int]:
    """Refuse a folder, such as a Zarr store, that holds links to other places, or anything but files and folders.

    A store from elsewhere could otherwise show any file of this machine as an image, or wait for ever on a pipe. The
    folder itself may be a link, since the user has chosen it.

    Parameters
    ----------
    root : str or Path
        The folder; no file in it is opened.

    Returns
    -------
    dict of Path to int
        Size in bytes of every file in it and below.

    Raises
    ------
    ValueError
        Naming the first link, pipe or device that was found.
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
                    continue  # a broken or circular link, or a file that has just been removed
                if entry.is_dir(follow_symlinks=False):
                    folders.append(found)
                elif stat.S_ISREG(about.st_mode):
                    sizes[found] = about.st_size
                elif not stat.S_ISDIR(about.st_mode):
                    raise ValueError(f"{found.relative_to(top)} is neither a file nor a folder")
    return sizes


@contextmanager
def bounded_memory(claimed_bytes: int = 0, more_bytes: int = MOST_MORE_BYTES) -> Iterator[None]:
    """Limit the process to about 1 GiB of memory, besides the declared size of the data.

    A damaged file can make a library loop and allocate until the system kills a process. Memory can be measured and
    limited on Linux only; elsewhere there is no limit. Only writable memory counts, since threads of libraries reserve
    far more addresses than they use. Nested inside another limit, it has no effect.

    Parameters
    ----------
    claimed_bytes : int
        Declared size of the data to read.
    more_bytes : int
        Additional memory allowed.

    Raises
    ------
    MemoryError
        If that does not suffice; libraries may raise another error instead.
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
