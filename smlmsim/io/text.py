"""Lines of numbers, parsed piece by piece."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, TextIO

import pandas as pd


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
