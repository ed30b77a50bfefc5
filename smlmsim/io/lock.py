"""Locks: one process at a time writes to a folder. A lock ends with its process and leaves no file."""

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
    """Lock a folder so that no other process writes to it.

    Without locks for folders, as on NFS, the folder is assumed to be free.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Yields
    ------
    bool
        Whether the folder is locked, not only assumed to be free.

    Raises
    ------
    BusyError
        If another process holds the lock.
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
