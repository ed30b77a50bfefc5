"""Files: the format is recognised by content when reading, and chosen by extension when writing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from smlmsim.io import columns as table_columns
from smlmsim.io.atomic import (
    making,
    naming,
    remedy,
    replacing,
    require_room,
    require_writable,
    require_writable_file,
)
from smlmsim.io.columns import LEFT_OUT, ROWS
from smlmsim.io.formats import FORMATS, OME_TIFF, OME_ZARR, SMLM, extensions, overview, recognised
from smlmsim.io.metadata import Metadata
from smlmsim.io.reading import CountedFromZeroError, Reading, exposure_s
from smlmsim.progress import bar
from smlmsim.selection import Selection

__all__ = [
    "FORMATS",
    "Converted",
    "Metadata",
    "Reading",
    "chunks",
    "convert",
    "exposure_s",
    "extensions",
    "format_name",
    "holds_table",
    "making",
    "naming",
    "overview",
    "read",
    "remedy",
    "replacing",
    "require_room",
    "require_writable",
    "require_writable_file",
    "write",
]


_log = logging.getLogger(__name__)


class Converted(NamedTuple):
    """What was read from a file, and what changed or was lost in the file that was written.

    Parameters
    ----------
    data : xr.Dataset
        Data that was read.
    lost : tuple of str
        Names of columns, metadata and images that the written format cannot hold.
    changed : tuple of str
        Sentences about values that the written file holds in another form.
    """

    data: xr.Dataset
    lost: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def read(
    path: str | Path,
    reading: Reading = Reading(),
    *,
    others: bool = False,
    pixel_nm: float | None = None,
    point_s: float | None = None,
) -> xr.Dataset:
    """Read a file of any format, whatever its name.

    Parameters
    ----------
    path : str or Path
    reading : Reading
        Units and columns of a table where its file does not state them, or states them wrongly.
    others : bool
        Whether to also read columns of a table that are not in the vocabulary. They are named ``other_*``; the
        attribute ``left_out`` names columns that do not hold numbers, if there are any.
    pixel_nm, point_s : float, optional
        The pixel of images and the duration of a time point; they take precedence over the file.

    Returns
    -------
    xr.Dataset
        Localizations ``loc_*`` (localization,) from a table, sorted by frame, with frames counted from 0; or one
        variable (time, y, x) from images. The attributes are :class:`~smlmsim.io.metadata.Metadata`.

    Raises
    ------
    ValueError
        If the file is of no known format, or damaged; the message names the file.
    OSError
        If there is no such file, or it may not be read.
    """
    form = recognised(path)
    if form.holds == "images":
        return form.images.read(path, pixel_nm=pixel_nm, point_s=point_s)

    def gathered(understood: Reading) -> xr.Dataset:
        pieces = form.chunks(path, understood, others=others)
        return table_columns.gathered(_counting(understood.applied(pieces, str(path))))

    try:
        return gathered(reading)
    except CountedFromZeroError:
        _log.info("%s: there is a frame 0 further down, so frames are counted from 0", path)
        return gathered(reading.replace({"first_frame": 0}))


def convert(
    source: str | Path,
    target: str | Path,
    reading: Reading = Reading(),
    selection: Selection = Selection(),
    *,
    pixel_nm: float | None = None,
    point_s: float | None = None,
) -> Converted:
    """Convert a file to another format, with its metadata and everything else that the format can hold.

    Columns of a table that are not in the vocabulary, and the images inside a .smlm file, are kept if the format can
    hold them. Frames keep their numbers if the format allows it.

    Parameters
    ----------
    source, target : str or Path
        File to read as by :func:`read`, and file to write as by :func:`write`.
    reading, pixel_nm, point_s :
        As in :func:`read`.
    selection : Selection
        Which localizations of a table are written.

    Raises
    ------
    ValueError, OSError
        As :func:`read` and :func:`write`.
    """
    found = recognised(source)
    form = _writing(target)
    if Path(target).exists() and Path(source).samefile(target):
        raise ValueError(f"{source} would be replaced by its own conversion; choose another name")
    if form is not OME_ZARR:
        require_writable_file(target)
    data = read(source, reading, others=True, pixel_nm=pixel_nm, point_s=point_s)
    left_out = data.attrs.pop(LEFT_OUT, ())
    if found.holds == "images":
        write(data, target)
        return Converted(data)
    data = selection.select(data)
    from smlmsim.io import losses, smlm

    attached = smlm.read_attachments(source) if found is SMLM else []
    if form is SMLM:
        smlm.write(data, target, attachments=attached)
        attached = []
    else:
        write(data, target)
    missing, changed = losses.of(data, Path(target), form)
    return Converted(data, (*left_out, *missing, *(file.entry["name"] for file in attached)), tuple(changed))


def chunks(
    path: str | Path, reading: Reading = Reading(), *, rows: int = ROWS, others: bool = False
) -> Iterator[xr.Dataset]:
    """Read a localization table of any format in pieces, so that it need not fit in memory.

    Parameters
    ----------
    path, reading, others :
        As in :func:`read`.
    rows : int
        Largest number of localizations in a piece; positive.

    Yields
    ------
    xr.Dataset
        Localizations as from :func:`read`, in the order of the file.

    Raises
    ------
    ValueError
        If the file holds images, is of no known format, or is damaged (raised when the damage is reached). Also if a
        frame 0 occurs in a table that was taken to count from 1, which :func:`read` can handle.
    OSError
        If there is no such file, or it may not be read.

    Examples
    --------
    >>> sum(chunk.sizes["localization"] for chunk in chunks("table.smlm"))  # doctest: +SKIP
    50000000
    """
    if rows < 1:
        raise ValueError(f"rows must be positive, found {rows!r}")
    found = recognised(path)
    if found.holds != "table":
        raise ValueError(f"{path} is {found.name}, which holds images; only tables are read in pieces")
    return reading.applied(found.chunks(path, reading, rows=rows, others=others), str(path))


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write a file of any writable format, completely or not at all.

    Parameters
    ----------
    data : xr.Dataset or xr.DataArray
        Localizations for a table, one variable (time, y, x) for images, or camera frames.
    path : str or Path
        File whose extension selects the format; of localizations with their camera frames, also what is written.

    Raises
    ------
    ValueError
        If the extension is not known, or the format cannot hold the data.
    OSError
        If the file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    table = extensions().get(Path(path).suffix.lower())
    as_table = "loc_frame" in data and table is not None and table.holds == "table"
    if isinstance(data, xr.Dataset) and "frames" in data and not as_table:
        OME_TIFF.images.write(data, path)
        return
    form = _writing(path)
    (form.table if form.holds == "table" else form.images).write(data, path)


def format_name(path: str | Path) -> str:
    """Return the name of the format of a file.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    return recognised(path).called(Path(path))


def holds_table(path: str | Path) -> bool:
    """Whether the format of a file is one for tables, rather than for images.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    return recognised(path).holds == "table"


def _counting(chunks: Iterator[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Pass pieces on, and show the number of localizations in a progress bar."""
    with bar(None, "localizations", thousands=True) as progress:
        for chunk in chunks:
            yield chunk
            progress.update(chunk.sizes["localization"])


def _writing(path: str | Path) -> Any:
    """The format that an extension selects."""
    known = extensions()
    suffix = "".join(Path(path).suffixes[-2:]).lower()
    if suffix not in known:
        suffix = Path(path).suffix.lower()
    if suffix not in known:
        raise ValueError(f"{path} has the extension {suffix!r}; known are {', '.join(known)}")
    return known[suffix]
