"""Lines of numbers, parsed piece by piece: plain ones by a kernel, all others by pandas."""

from __future__ import annotations

import io
import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, TextIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlmsim.io import _text_kernels

LARGEST_BLOCK = 2**24
LINE_BYTES = 64  # a guess


class Lines(NamedTuple):
    """Some lines of a file: the wanted columns (column, line), and the number of each line, counted from 1."""

    values: npt.NDArray[np.float64]
    numbers: npt.NDArray[np.int64]


def lines(file: BinaryIO, width: int, places: Sequence[int], *, rows: int, first: int) -> Iterator[Lines]:
    """Parse the rest of a file of comma-separated numbers.

    From the first line on that is not all plain numbers, pandas reads on: it knows quotes, empty lines and NaN.

    Parameters
    ----------
    file : file
        Below any header, at the beginning of a line.
    width : int
        The number of columns.
    places : sequence of int
        The columns that are wanted, counted from 0.
    rows : int
        The most lines to hold at a time.
    first : int
        The number of the next line.

    Yields
    ------
    Lines
        Empty lines are left out.

    Raises
    ------
    ValueError
        If a line has more or fewer columns, or a wanted value is no number.
    """
    outputs = np.full(width, -1)
    outputs[list(places)] = np.arange(len(places))
    start, text, block = file.tell(), b"", min(LARGEST_BLOCK, LINE_BYTES * rows)
    while read := file.read(block):
        text += read
        whole = np.frombuffer(text, np.uint8)[: text.rfind(b"\n") + 1]
        used, refused = 0, False
        for values, used, refused in _plain(whole, outputs, len(places), rows):  # noqa: B007
            if values.shape[1]:
                yield Lines(values, first + np.arange(values.shape[1]))
            first += values.shape[1]
        start, text = start + used, text[used:]
        if refused or len(text) > LARGEST_BLOCK:
            break
    file.seek(start)
    yield from _odd(file, width, places, rows, first)


def _plain(
    text: npt.NDArray[np.uint8], outputs: npt.NDArray[np.int64], wanted: int, rows: int
) -> Iterator[tuple[npt.NDArray[np.float64], int, bool]]:
    """Parse a block; give the values of some lines, the bytes used so far, and whether the next line is odd."""
    used, most = 0, min(rows, text.size // (2 * outputs.size) + 1)
    while True:
        values = np.empty((wanted, most))
        count, bytes_used, refused = _text_kernels.parse(text[used:], outputs, values)
        used += bytes_used
        yield values[:, :count], used, refused
        if count < most:
            return


def _odd(file: BinaryIO, width: int, places: Sequence[int], rows: int, first: int) -> Iterator[Lines]:
    """Parse lines with the help of pandas."""
    encoded = io.TextIOWrapper(file, encoding="utf-8", errors="replace")
    for table in tables(encoded, width, rows=rows, dtype=dict.fromkeys(places, np.float64)):
        if table[width - 1].isna().any() or table[width].notna().any():
            raise ValueError("a line has more or fewer values than the first one")
        if not table.empty:
            yield Lines(table[list(places)].to_numpy().T, np.asarray(table.index) + first)


def tables(
    file: TextIO,
    width: int,
    *,
    rows: int,
    delimiter: str = ",",
    comments: str | None = None,
    dtype: Mapping[Hashable, Any] | None = None,
) -> Iterator[pd.DataFrame]:
    """Parse the rest of a file.

    Parameters
    ----------
    file : file
        Text, below any header.
    width : int
        The number of columns.
    rows : int
        The most lines to hold at a time.
    delimiter, comments : str
        One character each.
    dtype : mapping, optional
        The types of some columns, counted from 0.

    Yields
    ------
    pd.DataFrame
        The columns, counted from 0, and one more than there should be, where lines that are too long show. The
        index counts the lines; empty ones are left out.

    Raises
    ------
    ValueError
        If a value is not of the type of its column.
    """
    try:
        found = pd.read_csv(
            file, header=None, names=range(width + 1), index_col=False, skip_blank_lines=False, sep=delimiter,
            comment=comments, keep_default_na=False, na_values=["", "nan", "NaN"], low_memory=False,
            chunksize=rows, dtype=dict(dtype or {}),
        )  # fmt: skip
    except pd.errors.EmptyDataError:
        return
    while (table := _next(found)) is not None:
        yield table.dropna(how="all")


def _next(found: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    with warnings.catch_warnings(action="ignore", category=pd.errors.ParserWarning):
        return next(found, None)
