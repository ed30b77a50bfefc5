"""Files and folders that are written completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import math
import os
import platform
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
"""With less free space than this, an unexplained failure is attributed to a full disk."""
DRAFT = re.compile(r"\.smlmsim-(new-)?(?P<system>[0-9a-f]{4})(?P<process>[0-9a-f]{6})[0-9a-f]{6}([.-].*)?")
"""Name of a draft: which system and which process on it writes it, and what tells its drafts apart."""
DAY_S = 86_400.0
"""Seconds of a day, after which what an interrupted process left is removed."""
PROBE_BYTES = 2**10
"""Bytes written to see whether a disk is full."""
_cleared: set[Path] = set()


def failure(error: BaseException, folder: Path) -> int:
    """The error number behind a failed write, 0 if unknown; not every library passes it on."""
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
    """Explain a failed write to a folder and how to avoid it; the text of the error if it is not known."""
    number = failure(error, folder)
    if number in REMEDIES:
        return REMEDIES[number].format(folder=folder)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


@contextlib.contextmanager
def naming(folder: Path) -> Iterator[None]:
    """If writing fails inside, name the folder and the remedy."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"cannot write to {folder}: {remedy(error, folder)}") from error


@contextlib.contextmanager
def explaining(draft: Path, name: str, known: Container[int] = OF_PLACES) -> Iterator[None]:
    """If a draft cannot be written, name the intended file and the remedy; other errors pass unchanged.

    Parameters
    ----------
    draft : Path
        A file or a folder.
    name : str
        Name of the file to be written, for the message.
    known : container of int
        Numbers of the errors that are explained.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # h5py passes some on as the latter
        number = failure(error, draft.parent)
        if not _is_about(error, draft) or number not in known:
            raise
        raise OSError(number, f"cannot write {name}: {remedy(error, draft.parent)}") from error


def require_writable(folder: str | Path) -> None:
    """Refuse a folder that cannot be written to, before the work for it begins; the test leaves no trace.

    Parameters
    ----------
    folder : str or Path
        Folder, which need not exist yet, nor its parents.

    Raises
    ------
    OSError
        If it cannot be made or written to, or the disk is full; the message names it and the remedy.

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
    """Refuse a file for which the disk has no space, since the library that writes it would crash.

    Raises
    ------
    OSError
        If there is less space; :func:`replacing` adds the folder and the remedy.
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
    """Yield a draft to write instead of a file, and replace the file by it once it is complete.

    If anything fails, or the process dies, the file stays as it was: absent, or the old one.

    Parameters
    ----------
    path : str or Path
        File to write; an existing one is replaced, and a link is followed.

    Yields
    ------
    Path
        An empty file in the same folder with the same suffix.

    Raises
    ------
    OSError
        If the folder is missing, not writable, or full; the message names it and the remedy.

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
    with contextlib.suppress(OSError):  # not every file system can flush a folder
        _flush(target.parent)


@contextlib.contextmanager
def replacing_pair(path: str | Path, side: Path, said: str | None) -> Iterator[Path]:
    """Yield a draft as :func:`replacing` does, for a file that has a side file describing it.

    Both are completed before either is put in place, and the old side file is removed before the old file is replaced:
    a new file is never next to an old side file, even if the process dies.

    Parameters
    ----------
    path : str or Path
        The file to write.
    side : Path
        The side file.
    said : str or None
        Content of the side file; None for no side file.

    Yields
    ------
    Path
        An empty draft of the file.

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
    """Yield a draft of a folder to fill, and move it to its place once it is complete.

    If anything fails, there is no folder; if the process dies, the draft remains next to its place until another
    process writes there at least a day later.

    Parameters
    ----------
    folder : Path
        Folder that does not exist yet; its parents are made if absent.

    Yields
    ------
    Path
        An empty folder next to it.

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
    """Remove drafts that killed processes left next to a draft: of this system at once, others once they are a day old.

    Ages are measured by the clock of the file system, which other machines may share: relative to the draft just made.
    Each folder is searched once per process.

    Parameters
    ----------
    own : Path
        The draft just made.
    """
    if own.parent in _cleared:
        return
    _cleared.add(own.parent)
    with contextlib.suppress(OSError):
        now = own.stat().st_mtime
        for entry in list(os.scandir(own.parent)):
            if named := DRAFT.fullmatch(entry.name):
                left = named["system"] == _system() and not _is_running(int(named["process"], 16))
                _clear(Path(entry.path), math.inf if left else now - DAY_S)


def drafts_of(folder: Path) -> list[Path]:
    """The drafts of a folder that :func:`making` left next to its place."""
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
    """Whether an error concerns a draft or its content, and was not explained yet."""
    name = getattr(error, "filename", None)
    if name is None:
        return not isinstance(error.__cause__, OSError)
    return draft in (found := Path(os.fsdecode(name)), *found.parents)


def _draft() -> str:
    return f".smlmsim-{_system()}{os.getpid() % 16**6:06x}{secrets.token_hex(3)}"


@functools.cache
def _system() -> str:
    """A number for the running system, within which the numbers of processes are unique: a container has its own."""
    said = [platform.node()]
    with contextlib.suppress(OSError):
        said.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        said.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("".join(said).encode()).hexdigest()[:4]


def _is_running(process: int) -> bool:
    """Whether there is such a process; also if that cannot be found out."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _flush(path: Path) -> None:
    """Wait until a file or folder is written to the disk."""
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
