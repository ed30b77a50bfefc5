"""Reading of Picasso tables."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from smlmsim.io import hdf5, records
from smlmsim.io.columns import ROWS
from smlmsim.io.formats import FORMATS, HDF5
from smlmsim.io.picasso import movie
from smlmsim.io.picasso.fields import FIELDS, MEAN_FRAME, PIXELS
from smlmsim.io.picasso.locs import Locs, holds
from smlmsim.io.reading import Reading

FIRST_FRAME = 0
"""Number of the first frame in this format."""
_log = logging.getLogger(__name__)


def chunks(path: Path, reading: Reading, *, rows: int, others: bool) -> Iterator[xr.Dataset]:
    """Read the pieces of a table, as :class:`~smlmsim.io.formats.TableModule` says.

    Data frames that pandas has stored as ``locs`` are read too, except for columns of texts. Tables of molecules, whose
    frames are means, have no ``loc_frame``. ``camera_pixel_nm`` takes precedence over the YAML file.
    """
    with hdf5.opened(path) as file:
        if not holds(file):
            raise ValueError(_unknown(sorted(file)))
        locs = Locs.of(file)
        said = movie.read(file, path, reading.camera_pixel_nm)
        known = _known(locs, said)
        if "loc_frame" not in known:
            _log.info("%s: %s; the table has no camera frames", path, _why_no_frames(locs))
        pieces = _pieces(locs, rows, said, with_frames="loc_frame" in known)
        yield from records.tables(pieces, known, said.metadata.tree(), path, reading, others=others)


def _pieces(locs: Locs, rows: int, said: movie.Movie, *, with_frames: bool) -> Iterator[records.Fields]:
    """Yield the records of a file without placeholder fields."""
    for start in range(0, locs.size, rows):
        found = locs.read(start, min(start + rows, locs.size))
        for name in said.stand_ins:
            found.pop(name, None)
        if not with_frames and "frame" in found:
            found[MEAN_FRAME] = found.pop("frame")
        yield found


def _unknown(names: list[str]) -> str:
    """The message that a file is of no readable HDF5 format."""
    formats = ", ".join(form.name for form in FORMATS if set(HDF5) & set(form.signatures))
    held = ", ".join(name[:40] for name in names[:10]) or "nothing"
    return f"none of the tables in HDF5 that are read ({formats}); at its top it holds {held}"


def _known(locs: Locs, said: movie.Movie) -> dict[str, records.Known]:
    """The meaning of the fields, and their units."""
    shifts = {"loc_y": -said.shift_px[0], "loc_x": -said.shift_px[1]}
    known = {
        name: records.Known(field, said.pixel_nm if name in PIXELS else 1.0, shifts.get(name, 0))
        for name, field in FIELDS.items()
    }
    if "frame" not in locs.names or _are_means(locs):
        del known["loc_frame"]
    return known


def _are_means(locs: Locs) -> bool:
    """Whether frames are not whole numbers, as for tables of molecules, which hold means."""
    if locs.kind("frame").kind != "f":
        return False
    for start in range(0, locs.size, ROWS):
        frame = locs.read(start, min(start + ROWS, locs.size), "frame")["frame"]
        if (frame[np.isfinite(frame)] % 1 != 0).any():
            return True
    return False


def _why_no_frames(locs: Locs) -> str:
    if "frame" not in locs.names:
        return "there is no field 'frame'"
    return "the field 'frame' holds means, as of molecules, that lie between camera frames"
