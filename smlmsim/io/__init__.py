"""Files: what a file holds tells its format when it is read, its extension when it is written."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import xarray as xr

from smlmsim.io.atomic import making, replacing
from smlmsim.io.columns import ROWS

__all__ = [
    "FORMATS",
    "Converted",
    "chunks",
    "convert",
    "format_name",
    "holds_table",
    "making",
    "read",
    "replacing",
    "write",
]

FORMATS = {
    ".csv": "smlmsim.io.thunderstorm",
    ".smlm": "smlmsim.io.smlm",
    ".hdf5": "smlmsim.io.picasso",
    ".h5": "smlmsim.io.picasso",
    ".tif": "smlmsim.io.tiff",
    ".tiff": "smlmsim.io.tiff",
    ".zarr": "smlmsim.io.ome_zarr",
}
NAMES = {
    "smlmsim.io.thunderstorm": "ThunderSTORM CSV",
    "smlmsim.io.smlm": ".smlm",
    "smlmsim.io.picasso": "Picasso HDF5",
    "smlmsim.io.tiff": "ImageJ TIFF",
    "smlmsim.io.ome_zarr": "OME-Zarr",
}
TABLES = ("smlmsim.io.thunderstorm", "smlmsim.io.smlm", "smlmsim.io.picasso")
SIGNATURES = {
    b"PK": "smlmsim.io.smlm",
    b"\x89HDF\r\n\x1a\n": "smlmsim.io.picasso",
    b"II*\0": "smlmsim.io.tiff",
    b"MM\0*": "smlmsim.io.tiff",
    b"II+\0": "smlmsim.io.tiff",
    b"MM\0+": "smlmsim.io.tiff",
}
HEAD = 4096


class Converted(NamedTuple):
    """What was read from a file, and what of it, by name, the file that was written has no place for."""

    data: xr.Dataset
    lost: tuple[str, ...]


class Format(Protocol):
    """What the module of a format offers."""

    def read(self, path: str | Path, *, pixel_nm: float | None = None) -> xr.Dataset:
        """Read a file of the format."""
        ...

    def write(self, data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
        """Write a file of the format."""
        ...


class TableFormat(Format, Protocol):
    """What the module of a format for tables offers."""

    def read(self, path: str | Path, *, pixel_nm: float | None = None, others: bool = False) -> xr.Dataset:
        """Read a file of the format."""
        ...

    def chunks(
        self, path: str | Path, *, rows: int = ROWS, pixel_nm: float | None = None, others: bool = False
    ) -> Iterator[xr.Dataset]:
        """Read a file of the format piece by piece."""
        ...


def read(path: str | Path, *, pixel_nm: float | None = None) -> xr.Dataset:
    """Read a file of any format, whatever it is called.

    Parameters
    ----------
    path : str or Path
    pixel_nm : float, optional
        The size of a camera pixel of a table, or of a pixel of images, where the file does not say it.

    Returns
    -------
    xr.Dataset
        Localizations ``loc_*`` (localization,) from a table, sorted by frame; one variable (time, y, x) from
        images. The attributes are :class:`~smlmsim.io.metadata.Metadata`.

    Raises
    ------
    ValueError
        If the file is of no known format, or damaged; the message names the file.
    OSError
        If there is no such file, or it may not be read.
    """
    return cast(Format, importlib.import_module(_recognised(path))).read(path, pixel_nm=pixel_nm)


def convert(source: str | Path, target: str | Path, *, pixel_nm: float | None = None) -> Converted:
    """Write a file in another format, with its metadata and all else that the other format can hold.

    Columns of a table that are not in the vocabulary, and the images inside of a .smlm file, are kept where they have a
    place.

    Parameters
    ----------
    source, target : str or Path
        Read as by :func:`read`, written as by :func:`write`.
    pixel_nm : float, optional
        As in :func:`read`.

    Raises
    ------
    ValueError, OSError
        As :func:`read` and :func:`write`.
    """
    if not holds_table(source):
        data = read(source, pixel_nm=pixel_nm)
        write(data, target)
        return Converted(data, ())
    found = _recognised(source)
    data = cast(TableFormat, importlib.import_module(found)).read(source, pixel_nm=pixel_nm, others=True)
    smlm = importlib.import_module("smlmsim.io.smlm")
    attached = smlm.read_attachments(source) if found == smlm.__name__ else []
    if FORMATS.get(Path(target).suffix.lower()) == smlm.__name__:
        smlm.write(data, target, attachments=attached)
        attached = []
    else:
        write(data, target)
    kept = next(
        cast(TableFormat, importlib.import_module(_recognised(target))).chunks(target, rows=1, others=True)
    )
    lost = [str(column.attrs.get("heading", name)) for name, column in data.items() if name not in kept]
    lost += [name for name in data.attrs if name not in kept.attrs]
    return Converted(data, (*lost, *(file.entry["name"] for file in attached)))


def chunks(path: str | Path, *, rows: int = ROWS, pixel_nm: float | None = None) -> Iterator[xr.Dataset]:
    """Read a localization table of any format piece by piece: it need not fit in memory.

    Parameters
    ----------
    path, pixel_nm :
        As in :func:`read`.
    rows : int
        The most localizations to hold at a time; positive.

    Yields
    ------
    xr.Dataset
        As from :func:`read`, in the order of the file.

    Raises
    ------
    ValueError
        If the file holds images, is of no known format, or is damaged; the last when the damage is reached.
    OSError
        If there is no such file, or it may not be read.

    Examples
    --------
    >>> sum(chunk.sizes["localization"] for chunk in chunks("table.smlm"))  # doctest: +SKIP
    50000000
    """
    if rows < 1:
        raise ValueError(f"rows is positive, found {rows!r}")
    found = _recognised(path)
    if found not in TABLES:
        raise ValueError(f"{path} is {NAMES[found]}, which holds images; a table is read piece by piece")
    return cast(TableFormat, importlib.import_module(found)).chunks(path, rows=rows, pixel_nm=pixel_nm)


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
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"{path} has the extension {suffix!r}; known are {', '.join(FORMATS)}")
    cast(Format, importlib.import_module(FORMATS[suffix])).write(data, path)


def format_name(path: str | Path) -> str:
    """What the format of a file is called.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    return NAMES[_recognised(path)]


def holds_table(path: str | Path) -> bool:
    """Tell whether a file is of a format for tables, rather than for images.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    return _recognised(path) in TABLES


def _recognised(path: str | Path) -> str:
    """The module that reads a file, by its first bytes; all other text is taken for a CSV table."""
    if Path(path).is_dir():
        return "smlmsim.io.ome_zarr"
    with open(path, "rb") as file:
        head = file.read(HEAD)
    for signature, module in SIGNATURES.items():
        if head.startswith(signature):
            return module
    if b"\0" in head:
        raise ValueError(
            f"{path} is of no known format, it begins with {head[:8]!r}; known are {', '.join(NAMES.values())}"
        )
    return "smlmsim.io.thunderstorm"
