"""The number of pages of a TIFF file, counted along its chain of directories up to the size of the file."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, NamedTuple


class _Layout(NamedTuple):
    """Formats and sizes in bytes of offsets and counts in classic TIFF and BigTIFF."""

    first: int
    entries: str
    entry: int
    offset: str


_CLASSIC, _BIG = _Layout(4, "H", 12, "I"), _Layout(8, "Q", 20, "Q")
"""Sizes and types of counts, entries and offsets in classic TIFF and BigTIFF, as in their specifications."""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 11: 4}
"""Bytes of a value of each type; those of all others are 8."""
MOST_ENTRIES = 4096
"""Tags of a page; more are damage."""
_ALIKE = (256, 257, 258, 259, 262, 266, 277, 278, 284, 317, 322, 323, 339)
"""Tags of pixel storage, which must agree for all pages: size, bits, compression, strips and tiles."""


class UnlikePagesError(ValueError):
    """The pages of a whole file differ in size or in kind of pixels, as in a pyramid."""


def page_count(file: BinaryIO) -> int:
    """Count the pages of a TIFF file, which must have the same size and kind of pixels.

    Directories do not overlap, so that all of them together fit in the file. A damaged chain that loops, or leads
    through other content, is abandoned when its directories exceed the size of the file.

    Parameters
    ----------
    file : binary file
        Open file; it is rewound to its start.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If it is not a TIFF file, or the chain is broken; the message says where.
    UnlikePagesError
        If a page differs from the first.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16).ljust(16, b"\0")
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    version = struct.unpack(f"{order or '<'}H", head[2:4])[0]
    if order is None or version not in (42, 43):
        raise ValueError(f"it begins with {head[:4]!r}")
    layout = _CLASSIC if version == 42 else _BIG
    (offset,) = struct.unpack_from(order + layout.offset, head, layout.first)
    pages, used, seen, alike = 0, 0, set(), b""
    while offset:
        pages += 1
        if offset in seen:
            raise ValueError(f"page {pages} is an earlier one again")
        if offset >= size:
            raise ValueError(f"page {pages} lies behind the end of the file; was it cut short?")
        seen.add(offset)
        file.seek(offset)
        (entries,) = _read(file, order + layout.entries, pages)
        used += entries * layout.entry
        if not 0 < entries <= MOST_ENTRIES or used > size:
            raise ValueError(f"page {pages} has a directory of {entries} entries, or an impossible one")
        directory = file.read(entries * layout.entry)
        if len(directory) < entries * layout.entry:
            raise ValueError(f"the directory of page {pages} is cut short")
        found = _storage(directory, order, layout.entry)
        if found != (alike or found) and _within(found, order, layout) != _within(alike, order, layout):
            raise UnlikePagesError(
                f"page {pages} is of another size or kind of pixels than the first; save them alone"
            )
        alike = found
        (offset,) = _read(file, order + layout.offset, pages)
    file.seek(0)
    if pages == 0:
        raise ValueError("it has no pages; was writing it interrupted?")
    return pages


def _storage(directory: bytes, order: str, entry: int) -> bytes:
    """The entries of a directory about the storage of pixels."""
    codes = struct.unpack(
        order + f"H{entry - 2}x" * (len(directory) // entry), directory[: len(directory) // entry * entry]
    )
    return b"".join(
        directory[place * entry : (place + 1) * entry] for place, code in enumerate(codes) if code in _ALIKE
    )


def _within(entries: bytes, order: str, layout: _Layout) -> list[bytes]:
    """Entries without the addresses of values that do not fit in them, such as the bits of three samples."""
    room, count = struct.calcsize(layout.offset), struct.Struct(f"{order}2xH{layout.offset}")
    found = []
    for start in range(0, len(entries), layout.entry):
        entry = entries[start : start + layout.entry]
        kind, number = count.unpack_from(entry)
        found.append(entry[:-room] if number * _SIZES.get(kind, 8) > room else entry)
    return found


def _read(file: BinaryIO, what: str, page: int) -> tuple[int]:
    found = file.read(struct.calcsize(what))
    if len(found) < struct.calcsize(what):
        raise ValueError(f"the directory of page {page} is cut short")
    (value,) = struct.unpack(what, found)
    return (int(value),)
