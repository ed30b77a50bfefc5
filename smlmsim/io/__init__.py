"""Files: every format reads and writes; the extension of a file tells which format it has."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

import xarray as xr

from smlmsim.io.atomic import replacing

__all__ = ["FORMATS", "read", "replacing", "write"]

FORMATS = {
    ".csv": "smlmsim.io.thunderstorm",
    ".tif": "smlmsim.io.tiff",
    ".tiff": "smlmsim.io.tiff",
}


class Format(Protocol):
    """What the module of a format offers."""

    def read(self, path: str | Path) -> xr.Dataset:
        """Read a file of the format."""
        ...

    def write(self, data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
        """Write a file of the format."""
        ...


def read(path: str | Path) -> xr.Dataset:
    """Read a file of any format in ``FORMATS``.

    Returns
    -------
    xr.Dataset
        Localizations ``loc_*`` (localization,) from a table; one variable (time, y, x) from images.

    Raises
    ------
    ValueError
        If the extension is not known, or the file is not what its extension says.
    OSError
        If there is no such file, or it may not be read.
    """
    return _format(path).read(path)


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write a file of any format in ``FORMATS``; it is there whole or not at all.

    Parameters
    ----------
    data : xr.Dataset or xr.DataArray
        What the format can hold: localizations for a table, one variable (time, y, x) for images.
    path : str or Path
        Its extension chooses the format.

    Raises
    ------
    ValueError
        If the extension is not known, or the format cannot hold the data.
    OSError
        If the file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    _format(path).write(data, path)


def _format(path: str | Path) -> Format:
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"{path} has the extension {suffix!r}; known are {', '.join(FORMATS)}")
    return cast(Format, importlib.import_module(FORMATS[suffix]))
