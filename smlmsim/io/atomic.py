"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

REMEDIES = {
    errno.ENOENT: "there is no folder {folder}; make it first",
    errno.ENOTDIR: "{folder} is not a folder; choose another place",
    errno.EISDIR: "there is a folder of that name in {folder}; choose another name",
    errno.EACCES: "the folder {folder} may not be written to; choose another, or change its permissions",
    errno.EPERM: "the folder {folder} may not be written to; choose another, or change its permissions",
    errno.EROFS: "the folder {folder} is on a read-only file system; choose another place",
    errno.ENOSPC: "the disk that holds {folder} is full; free some space, or choose another place",
    errno.EDQUOT: "the disk quota of {folder} is used up; free some space, or choose another place",
    errno.EFBIG: "it is larger than a file in {folder} may be; write less, or choose another place",
}


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a draft to be written in a file's stead, and put it in the file's place once it is complete.

    If anything goes wrong, or the process dies, the file is as it was before: absent, or the old one.

    Parameters
    ----------
    path : str or Path
        The file to write; an older one is replaced, a link is followed.

    Yields
    ------
    Path
        An empty file in the same folder and with the same suffix.

    Raises
    ------
    OSError
        If the folder is missing, may not be written to, or is full; the message names it and what would do.

    Examples
    --------
    >>> with replacing("settings.toml") as draft:  # doctest: +SKIP
    ...     draft.write_text("seed = 0")
    """
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".smlmsim-{secrets.token_hex(8)}{target.suffix}")
    try:
        draft.touch(exist_ok=False)
        yield draft
        _flush(draft)
        draft.replace(target)
    except OSError as error:
        about_draft = error.filename is None or os.fspath(error.filename) == str(draft)
        if not about_draft or error.errno not in REMEDIES:
            raise
        remedy = REMEDIES[error.errno].format(folder=target.parent)
        raise OSError(error.errno, f"cannot write {target.name}: {remedy}") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not every file system lets a folder be flushed
        _flush(target.parent)


@contextlib.contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Give a draft of a folder to be filled, and put it in its place once it is complete.

    If anything goes wrong, there is no folder; if the process dies, the draft stays beside its place, with a dot and
    the name of the folder before its own.

    Parameters
    ----------
    folder : Path
        Not there yet; those around it are made if absent.

    Yields
    ------
    Path
        An empty folder beside it.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise OSError(f"cannot make {folder}: {error.strerror}; choose another place") from error
    try:
        yield draft
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _flush(path: Path) -> None:
    """Wait until what was written to a file or folder is on the disk."""
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
