"""Localization tables of storm-analysis in HDF5: a group of datasets for each camera frame; read only.

``fr_0``, ``fr_1``, ... hold x, y and widths in camera pixels, z in um, sums and backgrounds in photoelectrons. Their
attributes dx, dy and dz are the drift, which is added. The attributes of the root give the pixel, the size of the
movie and the number of camera frames. The centre of the first pixel is at 0, and no offset is added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import columns as table_columns
from smlmsim.io import hdf5, records
from smlmsim.io.limits import bounded_memory
from smlmsim.io.metadata import Metadata
from smlmsim.io.reading import Reading

FIRST_FRAME = 0
"""Number of the first frame in this format."""
GROUP = re.compile(r"fr_(\d{1,9})")
FIELDS = {
    "loc_frame": "frame",
    "loc_x": "x",
    "loc_y": "y",
    "loc_z": "z",
    "loc_intensity": "sum",
    "loc_background": "background",
    "loc_sigma_x": "xsigma",
    "loc_sigma_y": "ysigma",
}
PIXELS = ("loc_x", "loc_y", "loc_sigma_x", "loc_sigma_y")
NM_PER_UM = 1000.0
"""Nanometres in a micrometre, the unit of z in this format."""
DRIFT = {"x": "dx", "y": "dy", "z": "dz"}

Fields = dict[str, npt.NDArray[Any]]


def recognises(path: Path) -> bool:
    """Whether an HDF5 file holds groups for camera frames."""
    try:
        with hdf5.opened(path, whole=False) as file, bounded_memory():
            return any(GROUP.fullmatch(name) for name in file)
    except ValueError:
        return False


def chunks(path: Path, reading: Reading, *, rows: int, others: bool) -> Iterator[xr.Dataset]:
    """Read the pieces of a table, as :class:`~smlmsim.io.formats.TableModule` says."""
    with hdf5.opened(path, whole=False) as file:
        with bounded_memory():
            said = {
                name: value
                for name in ("pixel_size", "movie_x", "movie_y", "movie_l")
                if (value := _attribute(file, name))
            }
        pixel_nm = reading.camera_pixel_nm or said.get("pixel_size")
        if pixel_nm is None:
            raise ValueError(
                "the file does not say how large a camera pixel is; give camera_pixel_nm=160, say"
            )
        known = {
            name: records.Known(field, pixel_nm if name in PIXELS else 1.0) for name, field in FIELDS.items()
        }
        known["loc_z"] = records.Known("z", NM_PER_UM)
        attrs = _metadata(said, pixel_nm).tree()
        pieces = _pieces(_frames(file), rows)
        yield from records.tables(pieces, known, attrs, path, reading, others=others)


def _attribute(file: h5py.File, name: str) -> float | None:
    """A positive number in the attributes of the root; None if there is none."""
    found = file.attrs.get(name)
    usable = isinstance(found, (int, float, np.number)) and 0 < found < table_columns.LAST_FRAME
    return float(found) if usable else None


def _metadata(said: dict[str, float], pixel_nm: float) -> Metadata:
    field = None
    if "movie_x" in said and "movie_y" in said:
        field = (0.0, 0.0, said["movie_y"] * pixel_nm, said["movie_x"] * pixel_nm)
    frames = int(said["movie_l"]) if said.get("movie_l", 0) >= 1 else None
    return Metadata(camera_pixel_nm=said.get("pixel_size"), frames=frames, field_nm=field)


def _frames(file: h5py.File) -> Iterator[Fields]:
    """Yield the columns of each non-empty camera frame; all must have the columns of the first."""
    with bounded_memory():
        numbers = sorted(int(match[1]) for name in file if (match := GROUP.fullmatch(name)))
    names: list[str] = []
    for number in numbers:
        with bounded_memory():
            group = hdf5.group(file, f"fr_{number}")
            data = _datasets(group) if group is not None else {}
        found = _columns(group, data, number) if data else {}
        if not found:
            continue
        names = names or list(found)
        size = len(found["x"])
        missing = np.full(size, np.nan, np.float32)
        yield {name: found.get(name, missing) for name in names}


def _datasets(group: h5py.Group) -> dict[str, h5py.Dataset]:
    """The datasets of a camera frame that are columns of numbers."""
    found = {name: hdf5.dataset(group, name) for name in group}
    return {
        name: data
        for name, data in found.items()
        if data is not None and data.ndim == 1 and data.dtype.kind in "iuf"
    }


def _columns(group: h5py.Group, data: dict[str, h5py.Dataset], number: int) -> Fields:
    """The columns of a camera frame, shifted by the drift."""
    with bounded_memory(sum(each.size * each.dtype.itemsize for each in data.values())):
        found: Fields = {name: each[:] for name, each in data.items()}
    sizes = {len(values) for values in found.values()}
    if "x" not in found or "y" not in found or len(sizes) > 1:
        raise ValueError(f"the group 'fr_{number}' has no x and y, or columns of different lengths")
    for name, attribute in DRIFT.items():
        drift = group.attrs.get(attribute, 0.0)
        if name in found and isinstance(drift, (int, float, np.number)) and drift:
            found[name] = found[name] + np.float64(drift)
    return found | {"frame": np.full(sizes.pop(), number, np.int32)}


def _pieces(frames: Iterator[Fields], rows: int) -> Iterator[Fields]:
    """Join or cut camera frames into pieces of a given number of rows."""
    waiting: list[Fields] = []
    held = 0
    for found in frames:
        size = len(found["x"])
        if waiting and held + size > rows:
            yield _joined(waiting)
            waiting, held = [], 0
        if size > rows:
            for start in range(0, size, rows):
                yield {name: values[start : start + rows] for name, values in found.items()}
        elif size:
            waiting.append(found)
            held += size
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Fields]) -> Fields:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
