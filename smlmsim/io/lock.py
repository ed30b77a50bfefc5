"""One writer at a time: a lock on a folder that ends with the process that holds it, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)
TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


class BusyError(OSError):
    """Another process writes to a folder."""


@contextlib.contextmanager
def sole_writer(folder: Path) -> Iterator[bool]:
    """Be the only process that writes to a folder meanwhile.

    Where the system or the file system has no locks for folders, such as on NFS, this is assumed.

    Parameters
    ----------
    folder : Path
        It is there already.

    Yields
    ------
    bool
        Whether the folder is locked, rather than assumed to be free.

    Raises
    ------
    BusyError
        If another process is at it.
    """
    if sys.platform == "win32":
        yield False
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield _locked(handle, folder)
    finally:
        os.close(handle)


def _locked(handle: int, folder: Path) -> bool:
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in TAKEN:
            raise BusyError(
                f"another run is writing to {folder}; wait until it ends, or choose another place with --out"
            ) from None
        logger.info("%s cannot be locked; no other run may write to it at the same time", folder)
        return False
    return True
