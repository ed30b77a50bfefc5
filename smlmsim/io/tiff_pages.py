"""How many pages a TIFF file has: its chain of directories, followed no further than the file can hold."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, NamedTuple


class _Layout(NamedTuple):
    """How classic TIFF and BigTIFF store offsets and counts, and the sizes in bytes."""

    first: int
    entries: str
    entry: int
    offset: str


_CLASSIC, _BIG = _Layout(4, "H", 12, "I"), _Layout(8, "Q", 20, "Q")
"""Sizes and types of counts, entries and offsets in classic TIFF and BigTIFF, as in their specifications."""
MOST_ENTRIES = 4096
"""Tags of a page; more are damage."""
_ALIKE = (256, 257, 258, 259, 262, 266, 277, 278, 284, 317, 322, 323, 339)
"""The tags that say how the pixels are stored: size, bits, compression, strips and tiles."""


def page_count(file: BinaryIO) -> int:
    """Count the pages of a TIFF file, if they are of one size and kind of pixels.

    Directories lie beside one another, so that all of them together fit in the file; a damaged chain that leads in a
    circle, or through what are no directories, is left when it has used up the bytes there are.

    Parameters
    ----------
    file : binary file
        It is left at its start.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If it is no TIFF file, the chain is broken, or a page is not like the first; the message says where.
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
        found = _storage(directory, order, layout.entry)
        if found != (alike or found):
            raise ValueError(
                f"page {pages} is of another size or kind of pixels than the first; save them alone"
            )
        alike = found
        (offset,) = _read(file, order + layout.offset, pages)
    file.seek(0)
    if pages == 0:
        raise ValueError("it has no pages; was writing it interrupted?")
    return pages


def _storage(directory: bytes, order: str, entry: int) -> bytes:
    """The entries of a directory that say how pixels are stored."""
    codes = struct.unpack(
        order + f"H{entry - 2}x" * (len(directory) // entry), directory[: len(directory) // entry * entry]
    )
    return b"".join(
        directory[place * entry : (place + 1) * entry] for place, code in enumerate(codes) if code in _ALIKE
    )


def _read(file: BinaryIO, what: str, page: int) -> tuple[int]:
    found = file.read(struct.calcsize(what))
    if len(found) < struct.calcsize(what):
        raise ValueError(f"the directory of page {page} is cut short")
    (value,) = struct.unpack(what, found)
    return (int(value),)
