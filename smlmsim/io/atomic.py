"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Container, Iterator
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


OF_PLACES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
WORDS = {"No space left": errno.ENOSPC, "Disk quota": errno.EDQUOT, "File too large": errno.EFBIG}
SHORT = re.compile(r"\d+ requested and \d+ written")
"""What NumPy says where a file stays shorter than it was to be."""
NO_ROOM_BYTES = 2**20
"""With less room than this, a failure that nothing is said of is taken for one of a full disk."""
DRAFT = re.compile(r"\.smlmsim-(new-)?[0-9a-f]{16}([.-].*)?")
DAY_S = 86_400.0
"""Seconds of a day, after which what an interrupted process left is removed."""
PROBE_BYTES = 2**10
"""Bytes written to see whether a disk is full."""
_cleared: set[Path] = set()


def failure(error: BaseException, folder: Path) -> int:
    """The number of what kept something from being written, 0 if it is not known; not every library passes it on."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    for words, number in WORDS.items():
        if words in str(error):
            return number
    with contextlib.suppress(OSError):
        if isinstance(error, OSError) and shutil.disk_usage(folder).free < NO_ROOM_BYTES:
            return errno.ENOSPC
    return errno.EFBIG if SHORT.fullmatch(str(error)) else 0


def remedy(error: BaseException, folder: Path) -> str:
    """What kept something from being written to a folder, and what would do; the words of the error if not known."""
    number = failure(error, folder)
    if number in REMEDIES:
        return REMEDIES[number].format(folder=folder)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


@contextlib.contextmanager
def naming(folder: Path) -> Iterator[None]:
    """Say, where something within cannot be written, to which folder, and what would do."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"cannot write to {folder}: {remedy(error, folder)}") from error


@contextlib.contextmanager
def explaining(draft: Path, name: str, known: Container[int] = OF_PLACES) -> Iterator[None]:
    """Say, where a draft cannot be written, what it is a draft of, and what would do; other errors pass.

    Parameters
    ----------
    draft : Path
        A file or a folder.
    name : str
        What is to be written.
    known : container of int
        The numbers of the errors that are explained.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # h5py passes some on as the latter
        number = failure(error, draft.parent)
        if not _is_about(error, draft) or number not in known:
            raise
        raise OSError(number, f"cannot write {name}: {remedy(error, draft.parent)}") from error


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
        raise OSError(error.errno, f"cannot write to {folder}: {remedy(error, there)}") from error


def require_room(folder: Path, size_bytes: int) -> None:
    """Refuse to begin a file that the disk has no room for, where the library that writes it would crash half way.

    Raises
    ------
    OSError
        If there is less room; :func:`replacing` says where and what would do.
    """
    if shutil.disk_usage(folder).free < size_bytes + NO_ROOM_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


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
        raise OSError(code, f"cannot write {path}: {REMEDIES[code].format(folder=target.parent)}")
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
        with explaining(draft, target.name, REMEDIES):
            draft.touch(exist_ok=False)
            clear_drafts(draft)
            yield draft
            _flush(draft)
            draft.replace(target)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not every file system lets a folder be flushed
        _flush(target.parent)


@contextlib.contextmanager
def replacing_pair(path: str | Path, side: Path, said: str | None) -> Iterator[Path]:
    """Give a draft as :func:`replacing` does, for a file beside which another lies that is about it.

    Both are complete before either is put in its place, and the older side file goes before the older file does: there
    is no moment at which a new file stands beside an older side file, even if the process dies.

    Parameters
    ----------
    path : str or Path
        The file to write.
    side : Path
        The side file.
    said : str or None
        What the side file is to hold; with None there is to be none.

    Yields
    ------
    Path
        An empty file for the first one.

    Raises
    ------
    OSError
        As :func:`replacing`.
    """
    with contextlib.ExitStack() as both:
        drafts = []
        if said is not None:
            drafts.append(both.enter_context(replacing(side)))
            drafts[0].write_text(said, encoding="utf-8")
        drafts.append(both.enter_context(replacing(path)))
        yield drafts[-1]
        for draft in drafts:
            _flush(draft)
        older = side if said is None else Path(os.path.realpath(side))
        older.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            _flush(older.parent)


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
        with explaining(draft, str(folder)):
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


def _is_about(error: OSError | RuntimeError, draft: Path) -> bool:
    """Whether an error is about a draft, or what is in it, and nobody has said so yet."""
    name = getattr(error, "filename", None)
    if name is None:
        return not isinstance(error.__cause__, OSError)
    return draft in (found := Path(os.fsdecode(name)), *found.parents)


def _draft() -> str:
    return f".smlmsim-{secrets.token_hex(8)}"


def _flush(path: Path) -> None:
    """Wait until what was written to a file or folder is on the disk."""
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
