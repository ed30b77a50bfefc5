"""Numbers in MATLAB's MAT files of level 5, found by their path; all other content is ignored.

The layout is MathWorks' "MAT-File Level 5 File Format": nested elements of a tag of 8 bytes (type, length) and data.
Functions, objects and cells are skipped.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from smlmsim.io.limits import require_plausible

HEADER = 128
"""Bytes of the header, as in the specification."""
TAG = 8
"""Bytes of the tag of an element, as in the specification."""
MATRIX, COMPRESSED = 14, 15
"""Types of elements, as in the specification."""
STRUCT = 2
"""Class of a struct, as in the specification."""
NUMERIC = range(6, 16)  # classes double, single and integers
COMPLEX = 0x0800
"""Flag of an array with imaginary parts, as in the specification."""
DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
MOST_VARIABLES = 10_000
"""Variables of a file; more are damage."""
MOST_FIELDS = 10_000
"""Fields of a struct; more are damage."""
PEEK = 1024  # number of bytes that hold the head of a matrix, including its name


class Element(NamedTuple):
    """An element: a tag and its data."""

    kind: int
    content: memoryview
    order: str
    end: int = 0

    @property
    def numbers(self) -> npt.NDArray[np.generic]:
        """The data as numbers."""
        if self.kind not in DTYPES:
            raise ValueError(f"found an element of the type {self.kind} where numbers were expected")
        dtype = np.dtype(self.order + DTYPES[self.kind])
        return np.frombuffer(self.content[: len(self.content) // dtype.itemsize * dtype.itemsize], dtype)


class Matrix(NamedTuple):
    """A variable, or a field of one."""

    name: str
    form: int
    shape: tuple[int, ...]
    rest: memoryview
    order: str

    @property
    def is_struct(self) -> bool:
        """Whether it is a single structure with fields."""
        return self.form & 0xFF == STRUCT and math.prod(self.shape) == 1

    def fields(self) -> dict[str, Matrix]:
        """The fields of a structure."""
        parts = elements(self.rest, self.order)
        width = int(np.int64(next(parts).numbers[0]))
        names = next(parts).content.tobytes()
        if not 0 < width <= 64 or len(names) // width > MOST_FIELDS:
            raise ValueError(f"a structure claims {len(names)} bytes of names, each of {width}")
        found = {}
        for start in range(0, len(names), width):
            name = names[start : start + width].split(b"\0")[0].decode("latin-1")
            part = next(parts)
            if part.kind == MATRIX and len(part.content):
                found[name] = matrix(part)
        return found

    def values(self) -> npt.NDArray[np.generic] | None:
        """The numbers as one array; None if it holds anything else, or complex numbers."""
        if self.form & 0xFF not in NUMERIC or self.form & COMPLEX:
            return None
        found = next(elements(self.rest, self.order)).numbers
        if found.size != math.prod(self.shape):
            raise ValueError(f"{self.name!r} claims the shape {self.shape}, but holds {found.size} numbers")
        return found


def elements(content: memoryview, order: str) -> Iterator[Element]:
    """Yield the elements in a block of bytes.

    Raises
    ------
    ValueError
        If an element is longer than the block.
    """
    start = 0
    while start + TAG <= len(content):
        kind, size = np.frombuffer(content[start : start + TAG], order + "u4").tolist()
        if kind >> 16:  # a small element, whose data are inside the tag
            kind, size, begin = kind & 0xFFFF, kind >> 16, start + 4
            start += TAG
        else:
            begin = start + TAG
            start = begin + size + -size % TAG
        if size > len(content) - begin:
            raise ValueError("an element is longer than the block that holds it; the file is cut or damaged")
        yield Element(kind, content[begin : begin + size], order, start)
    raise ValueError("an element is missing; the file is cut or damaged")


def matrix(element: Element) -> Matrix:
    """Decode an element that holds a matrix."""
    parts = elements(element.content, element.order)
    form = int(np.int64(next(parts).numbers[0]))
    shape = tuple(int(length) for length in next(parts).numbers.astype(np.int64))
    name = next(parts)
    if any(length < 0 for length in shape):
        raise ValueError(f"a matrix claims the shape {shape}")
    return Matrix(
        name.content.tobytes().decode("latin-1"), form, shape, element.content[name.end :], element.order
    )


def variable(path: Path, wanted: str) -> tuple[Matrix | None, list[str]]:
    """Find a variable of a file.

    Parameters
    ----------
    path : Path
    wanted : str
        Name of the variable.

    Returns
    -------
    Matrix or None
        The variable, or None if there is none of this name.
    list of str
        Names of the variables before it.

    Raises
    ------
    ValueError
        If the file is damaged, or the variable would unpack to far more than its stored size.
    """
    names: list[str] = []
    with path.open("rb") as file:
        order = {b"IM": "<", b"MI": ">"}.get(file.read(HEADER)[HEADER - 2 :])
        if order is None:
            raise ValueError("the head of the file is damaged")
        size = path.stat().st_size
        while len(tag := file.read(TAG)) == TAG and len(names) < MOST_VARIABLES:
            kind, length = np.frombuffer(tag, order + "u4").tolist()
            after = file.tell() + length
            if after > size:
                raise ValueError("a variable is longer than the file; the file is cut or damaged")
            if kind in (MATRIX, COMPRESSED):
                name = _name(kind, tag + file.read(min(length, PEEK)), order)
                if name == wanted:
                    file.seek(after - length)
                    return _unpacked(kind, tag + file.read(length), order), names
                names.append(name)
            file.seek(after)
    return None, names


def _name(kind: int, start: bytes, order: str) -> str:
    """The name of a variable, read from its first bytes."""
    head = zlib.decompressobj().decompress(start[TAG:], PEEK) if kind == COMPRESSED else start
    parts = elements(memoryview(head)[TAG:], order)
    for _ in range(2):
        next(parts)
    return next(parts).content.tobytes().decode("latin-1")


def _unpacked(kind: int, content: bytes, order: str) -> Matrix:
    if kind == COMPRESSED:
        unpacking = zlib.decompressobj()
        tag = unpacking.decompress(content[TAG:], TAG)
        inner, claimed = np.frombuffer(tag, order + "u4").tolist()
        require_plausible("a variable", claimed, len(content))
        kind, content = inner, tag + unpacking.decompress(unpacking.unconsumed_tail, claimed)
        if len(content) != TAG + claimed:
            raise ValueError("a variable is shorter than it claims; the file is cut or damaged")
    if kind != MATRIX:
        raise ValueError("a variable is not a matrix; the file is damaged")
    return matrix(Element(MATRIX, memoryview(content)[TAG:], order))
