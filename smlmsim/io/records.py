"""What the readers of binary tables have in common: from the fields of records to the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import columns as table_columns

Fields = Mapping[str, npt.NDArray[Any]]


class Known(NamedTuple):
    """What a field is in the vocabulary.

    Parameters
    ----------
    field : str
        What the file calls it.
    scale : float
        The factor to the unit of the vocabulary.
    shift : float
        What is added before that, in the unit of the file.
    """

    field: str
    scale: float = 1.0
    shift: float = 0.0


def table(
    found: Fields, known: Mapping[str, Known], start: int, attrs: dict[str, Any], *, others: bool
) -> xr.Dataset:
    """Make a piece of a table of some records.

    Parameters
    ----------
    found : mapping of str to array (localization,)
        The values of each field, as they are in the file.
    known : mapping of str to Known
        The fields by what they are in the vocabulary; those that the file lacks are passed over.
    start : int
        The number of the first record, for messages.
    attrs : dict
        Of the dataset.
    others : bool
        Whether to keep the fields that are not known, too.

    Raises
    ------
    ValueError
        If a field holds no numbers, or a value cannot be used; see :func:`smlmsim.io.columns.values`.
    """
    made = {
        name: _values(name, meaning, found[meaning.field], start)
        for name, meaning in known.items()
        if meaning.field in found
    }
    taken = {meaning.field for meaning in known.values()}
    more = [
        _other(field, values)
        for field, values in found.items()
        if others and field not in taken and values.dtype.kind in "biuf" and values.ndim == 1
    ]
    return table_columns.dataset(made, attrs, more)


def _values(name: str, meaning: Known, found: npt.NDArray[Any], start: int) -> npt.NDArray[Any]:
    if found.dtype.kind not in "iuf" or found.ndim != 1:
        raise ValueError(f"the field {meaning.field!r} holds {found.dtype}, not numbers")
    shifted = found + np.float64(meaning.shift) if meaning.shift else found

    def place(row: int) -> str:
        return f"record {start + row}, field {meaning.field!r}"

    return table_columns.values(name, shifted, meaning.scale, place)


def _other(field: str, found: npt.NDArray[Any]) -> xr.Variable:
    """A column that is not known; it remembers whether it was one of whole numbers."""
    column = table_columns.other(field, "", found)
    if found.dtype.kind in "biu":
        column.attrs["whole"] = (
            f"<i{max(found.dtype.itemsize, 4)}"
            if found.dtype.kind != "u"
            else f"<u{max(found.dtype.itemsize, 4)}"
        )
    return column
