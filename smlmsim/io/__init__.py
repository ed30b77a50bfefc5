"""Files: what a file holds tells its format when it is read, its extension when it is written."""

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
from smlmsim.io.formats import FORMATS, OME_ZARR, SMLM, extensions, overview, recognised
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
    """What was read from a file, and what became of it in the file that was written.

    Parameters
    ----------
    data : xr.Dataset
        What was read.
    lost : tuple of str
        Columns, metadata and images, by name, that have no place in the file.
    changed : tuple of str
        Sentences about what the file holds in another way.
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
    """Read a file of any format, whatever it is called.

    Parameters
    ----------
    path : str or Path
    reading : Reading
        How a table is to be understood where its file does not say, or says otherwise.
    others : bool
        Whether to read the columns of a table that are not in the vocabulary, too. They are called ``other_*``; the
        attribute ``left_out`` names those that are no numbers, if there are any.
    pixel_nm, point_s : float, optional
        The pixel of images, and the duration of a time point, where the file does not say it.

    Returns
    -------
    xr.Dataset
        Localizations ``loc_*`` (localization,) from a table, sorted by frame, which are counted from 0; one variable
        (time, y, x) from images. The attributes are :class:`~smlmsim.io.metadata.Metadata`.

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
    """Write a file in another format, with its metadata and all else that the other format can hold.

    Columns of a table that are not in the vocabulary, and the images inside of a .smlm file, are kept where they have a
    place. Frames keep the numbers that they have in the source where the other format lets them.

    Parameters
    ----------
    source, target : str or Path
        Read as by :func:`read`, written as by :func:`write`.
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
        raise ValueError(f"{source} would be replaced by what is made of it; choose another name")
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
    """Read a localization table of any format piece by piece: it need not fit in memory.

    Parameters
    ----------
    path, reading, others :
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
        If the file holds images, is of no known format, or is damaged; the last when the damage is reached. Also if a
        frame 0 turns up in a table that was taken to count from 1, which :func:`read` copes with.
    OSError
        If there is no such file, or it may not be read.

    Examples
    --------
    >>> sum(chunk.sizes["localization"] for chunk in chunks("table.smlm"))  # doctest: +SKIP
    50000000
    """
    if rows < 1:
        raise ValueError(f"rows is positive, found {rows!r}")
    found = recognised(path)
    if found.holds != "table":
        raise ValueError(f"{path} is {found.name}, which holds images; a table is read piece by piece")
    return reading.applied(found.chunks(path, reading, rows=rows, others=others), str(path))


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write a file of any format that is written; it is there whole or not at all.

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
    form = _writing(path)
    (form.table if form.holds == "table" else form.images).write(data, path)


def format_name(path: str | Path) -> str:
    """What the format of a file is called.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    return recognised(path).called(Path(path))


def holds_table(path: str | Path) -> bool:
    """Tell whether a file is of a format for tables, rather than for images.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    return recognised(path).holds == "table"


def _counting(chunks: Iterator[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Pass pieces on and show how many localizations they were."""
    with bar(None, "localizations", thousands=True) as progress:
        for chunk in chunks:
            yield chunk
            progress.update(chunk.sizes["localization"])


def _writing(path: str | Path) -> Any:
    """The format that an extension stands for."""
    known = extensions()
    suffix = Path(path).suffix.lower()
    if suffix not in known:
        raise ValueError(f"{path} has the extension {suffix!r}; known are {', '.join(known)}")
    return known[suffix]
