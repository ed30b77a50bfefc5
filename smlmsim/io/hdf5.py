"""HDF5 files of any origin, opened so that they can neither reach other files nor exhaust memory."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import h5py

from smlmsim.io.limits import bounded_memory, require_plausible
from smlmsim.spec import one_line

MOST_OBJECTS = 10_000
"""Groups and datasets of a file; more take longer to look at than to read."""
MOST_CHUNKS = 2**18
"""Chunks of a dataset; more are damage or take hours."""
LARGEST_SEARCHED = 2**26
"""Bytes of a file in which heaps are searched, 64 MiB: larger ones are tables, which have none."""
HEAP, HEAP_HEAD, HEAP_PART = b"GCOL\1\0\0\0", 16, 16
"""Signature of a global heap, and the bytes of its head and of the head of a part, as in the specification of HDF5."""
CHUNK_ENTRY_BYTES = 8  # smallest size of the index entry of a chunk
DAMAGE = (
    OSError, RuntimeError, LookupError, TypeError, AttributeError, MemoryError, ArithmeticError, AssertionError,
)  # fmt: skip
"""Errors that the libraries raise for damaged files, apart from ValueError."""


@contextlib.contextmanager
def opened(path: str | Path, *, whole: bool = True) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; errors while it is open become one line that names the file.

    Parameters
    ----------
    path : str or Path
    whole : bool
        Whether to check all groups first. For more than ``MOST_OBJECTS`` of them, such as one per camera frame, take
        each dataset from :func:`dataset` instead, which checks only that one, and list names and groups only within
        :func:`~smlmsim.io.limits.bounded_memory`, since a damaged file can contain loops.

    Yields
    ------
    h5py.File
        The open file; if ``whole``, all of its data is known to lie within it.

    Raises
    ------
    ValueError
        If it is not an HDF5 file, is damaged, holds more than ``MOST_OBJECTS`` objects, or refers to other files by
        external links, external storage or virtual datasets; or if a ValueError is raised while it is open.
    OSError
        If there is no such file, or it may not be read.
    """
    with open(path, "rb") as handle:
        try:
            with contextlib.ExitStack() as stack:
                _require_sound_heaps(handle)
                with bounded_memory():
                    file = stack.enter_context(h5py.File(handle, "r"))
                    if file.id.get_filesize() > os.fstat(handle.fileno()).st_size:
                        raise ValueError("the file is shorter than it says")
                    if whole:
                        _require_within(file)
                yield file
        except ValueError as error:
            raise ValueError(f"{path}: {one_line(error)}") from None
        except DAMAGE as error:
            raise ValueError(f"{path}: not an HDF5 file, or a damaged one ({one_line(error)})") from error


def group(parent: h5py.Group, name: str) -> h5py.Group | None:
    """Return a subgroup; None if it is absent or only a link to another place."""
    found = parent[name] if isinstance(parent.get(name, getlink=True), h5py.HardLink) else None
    return found if isinstance(found, h5py.Group) else None


def dataset(parent: h5py.Group, name: str) -> h5py.Dataset | None:
    """Return a dataset of a group; None if it is absent or only a link to another place.

    Raises
    ------
    ValueError
        If its data are in another file, or it cannot be read; see :func:`require_readable`.
    """
    found = parent[name] if isinstance(parent.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset):
        return None
    if found.external or found.is_virtual:
        raise ValueError(f"{name!r} refers to another file")
    require_readable(found)
    return found


def require_readable(data: h5py.Dataset) -> None:
    """Refuse a dataset that would need memory or time out of proportion to its file.

    Parameters
    ----------
    data : h5py.Dataset
        Dataset of an :func:`opened` file.

    Raises
    ------
    ValueError
        If it declares an absurd size or number of chunks, is compressed by an unavailable filter, or stores numbers in
        an unusual format: when converting such numbers, HDF5 2.0 writes beyond its memory.
    """
    name, stored = repr(str(data.name).removeprefix("/")), int(data.file.id.get_filesize())
    require_plausible(name, data.size * data.dtype.itemsize, stored)
    chunks = 1
    for length, chunk in zip(data.shape, data.chunks or data.shape, strict=True):
        chunks *= -(-length // max(chunk, 1))
    if chunks > max(MOST_CHUNKS, stored // CHUNK_ENTRY_BYTES):
        raise ValueError(f"{name} claims to consist of {chunks:.3g} chunks; the file may be damaged")
    _require_usual(data, name)
    created = data.id.get_create_plist()
    for number, _, _, method in map(created.get_filter, range(created.get_nfilters())):
        if not h5py.h5z.filter_avail(number):
            called = method.decode(errors="replace")[:40] or f"the filter {number}"
            raise ValueError(
                f"{name} is compressed by {called}, which is not installed; write it with gzip or uncompressed"
            )


def _require_usual(data: h5py.Dataset, name: str) -> None:
    kind = data.id.get_type()
    if isinstance(kind, h5py.h5t.TypeCompoundID):
        for place, field in enumerate(data.dtype.names or ()):
            if not _is_usual(kind.get_member_type(place)):
                raise ValueError(
                    f"the field {field!r} holds numbers of no usual format; the file may be damaged"
                )
    elif not _is_usual(kind):
        raise ValueError(f"{name} holds numbers of no usual format; the file may be damaged")


def _is_usual(kind: h5py.h5t.TypeID) -> bool:
    """Whether numbers are stored in a format that NumPy has."""
    if isinstance(kind, h5py.h5t.TypeCompoundID):
        return all(_is_usual(kind.get_member_type(place)) for place in range(kind.get_nmembers()))
    if isinstance(kind, h5py.h5t.TypeArrayID):
        return _is_usual(kind.get_super())
    if isinstance(kind, (h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID)):
        return bool(h5py.h5t.py_create(kind.dtype).equal(kind))
    return True


def _require_sound_heaps(handle: BinaryIO) -> None:
    """Refuse a heap of texts and references whose parts do not follow each other: HDF5 2.0 would loop for ever.

    A heap is "GCOL", a version and its size, then its parts, each with an index and a size; the part with index 0 is
    the free space. Very large files are tables, which have no such heap, and are not searched.
    """
    size = os.fstat(handle.fileno()).st_size
    if not 0 < size <= LARGEST_SEARCHED:
        return
    with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(HEAP)
        while start >= 0:
            _require_sound_heap(content, start)
            start = content.find(HEAP, start + len(HEAP))


def _require_sound_heap(content: mmap.mmap, start: int) -> None:
    length = int.from_bytes(content[start + 8 : start + 16], "little")
    end, place = start + length, start + HEAP_HEAD
    while place + HEAP_PART <= min(end, len(content)):
        index = int.from_bytes(content[place : place + 2], "little")
        size = int.from_bytes(content[place + 8 : place + 16], "little")
        step = HEAP_PART + -(-size // 8) * 8 if index else size
        if step < HEAP_PART or place + step > end:
            raise ValueError(
                "not an HDF5 file, or a damaged one (a heap whose parts do not follow each other)"
            )
        place += step


def _require_within(file: h5py.File) -> None:
    """Visit every group once, and refuse links to other files."""
    found, waiting = set(), [file["/"]]
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise ValueError(f"{name!r} refers to another file")
            if not isinstance(link, h5py.HardLink):
                continue  # a second name of an object that is visited elsewhere
            child = group[name]
            address = h5py.h5o.get_info(child.id).addr
            if address in found:
                continue
            found.add(address)
            if len(found) > MOST_OBJECTS:
                raise ValueError(f"more than {MOST_OBJECTS} groups and datasets")
            if isinstance(child, h5py.Group):
                waiting.append(child)
            elif isinstance(child, h5py.Dataset) and (child.external or child.is_virtual):
                raise ValueError(f"{name!r} refers to another file")
