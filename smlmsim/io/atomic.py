"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
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


DRAFT = re.compile(r"\.smlmsim-(new-)?[0-9a-f]{16}([.-].*)?")
DAY_S = 86_400.0
PROBE_BYTES = 2**10
_cleared: set[Path] = set()


def require_writable(folder: str | Path) -> None:
    """Refuse a folder that cannot be written to, before the work for it begins; nothing of the attempt stays.

    Parameters
    ----------
    folder : str or Path
        Need not be there yet, nor those around it.

    Raises
    ------
    OSError
        If it cannot be made or written to, or the disk is full; the message names it and what would do.

    Examples
    --------
    >>> require_writable("results/new")
    """
    wanted = Path(folder).absolute()
    there = next(place for place in (wanted, *wanted.parents) if os.path.lexists(place))
    try:
        with tempfile.TemporaryFile(dir=there, buffering=0) as file:
            if file.write(bytes(PROBE_BYTES)) < PROBE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, error.strerror or str(error)).format(folder=there)
        raise OSError(error.errno, f"cannot write to {folder}: {remedy}") from error


def require_writable_file(path: str | Path) -> None:
    """Refuse a file that :func:`replacing` could not write, before the work for it begins.

    Raises
    ------
    OSError
        If its folder is missing or cannot be written to, or the disk is full, or if it is a folder itself.
    """
    target = Path(os.path.realpath(path))
    code = errno.EISDIR if target.is_dir() else 0 if target.parent.is_dir() else errno.ENOENT
    if code:
        remedy = REMEDIES[code].format(folder=target.parent)
        raise OSError(code, f"cannot write {path}: {remedy}")
    require_writable(target.parent)


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
    draft = target.with_name(_draft() + target.suffix)
    try:
        draft.touch(exist_ok=False)
        clear_drafts(draft)
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

    If anything goes wrong, there is no folder; if the process dies, the draft stays beside its place until another
    process writes there, at least a day later.

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
        draft = folder.with_name(f"{_draft()}-{folder.name}")
        draft.mkdir(0o700)
        clear_drafts(draft)
    except OSError as error:
        raise OSError(f"cannot make {folder}: {error.strerror}; choose another place") from error
    try:
        yield draft
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def clear_drafts(own: Path) -> None:
    """Remove what writers that were killed left beside a draft: drafts to which nothing was added for a day.

    The time is that of the file system, which other machines may share: when the own draft was made. A folder is looked
    through once in the life of a process.

    Parameters
    ----------
    own : Path
        A draft that was just made.
    """
    if own.parent in _cleared:
        return
    _cleared.add(own.parent)
    with contextlib.suppress(OSError):
        now = own.stat().st_mtime
        for found in [Path(entry.path) for entry in os.scandir(own.parent) if DRAFT.fullmatch(entry.name)]:
            _clear(found, now - DAY_S)


def drafts_of(folder: Path) -> list[Path]:
    """The drafts of a folder that :func:`making` left beside its place."""
    return [
        found
        for found in folder.parent.glob(".smlmsim-*")
        if DRAFT.fullmatch(found.name) and found.name.partition("-")[2].partition("-")[2] == folder.name
    ]


def _clear(draft: Path, before: float) -> None:
    with contextlib.suppress(OSError):
        is_folder = draft.is_dir() and not draft.is_symlink()
        parts = [draft, *draft.rglob("*")] if is_folder else [draft]
        if max(part.lstat().st_mtime for part in parts) > before:
            return
        if is_folder:
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink()


def _draft() -> str:
    return f".smlmsim-{secrets.token_hex(8)}"


def _flush(path: Path) -> None:
    """Wait until what was written to a file or folder is on the disk."""
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
