"""Localization tables of DECODE: emitters in HDF5 files; read only.

``data/xyz`` holds positions, x and y in camera pixels or nm, z in nm; ``data/frame_ix`` camera frames counted from
0. The attributes ``xy_unit`` and ``px_size`` of ``meta`` give the unit and the pixel, unless ``camera_pixel_nm`` is
given. The centre of the first pixel is at 0, and no offset is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import hdf5, records
from smlmsim.io.columns import ROWS
from smlmsim.io.limits import bounded_memory
from smlmsim.io.metadata import Metadata
from smlmsim.io.reading import Reading

FIRST_FRAME = 0
"""Number of the first frame in this format."""
FIELDS = {
    "loc_frame": "frame_ix",
    "loc_x": "x",
    "loc_y": "y",
    "loc_z": "z",
    "loc_intensity": "phot",
    "loc_background": "bg",
    "loc_uncertainty_x": "x_sig",
    "loc_uncertainty_y": "y_sig",
    "loc_uncertainty_z": "z_sig",
}
LATERAL = {"loc_x": 0, "loc_uncertainty_x": 0, "loc_y": 1, "loc_uncertainty_y": 1}
"""Variables in the unit of x and y, and the axis of each: 0 for x, 1 for y."""
SPLIT = {"xyz": ("x", "y", "z"), "xyz_sig": ("x_sig", "y_sig", "z_sig"), "xyz_cr": ("x_cr", "y_cr", "z_cr")}
LEFT_OUT = ("id",)


class Emitters(NamedTuple):
    """The datasets of a file, the number of emitters, and the unit of x and y."""

    data: dict[str, h5py.Dataset]
    size: int
    scale: tuple[float, float]
    metadata: Metadata


def recognises(path: Path) -> bool:
    """Whether an HDF5 file holds emitters."""
    try:
        with hdf5.opened(path, whole=False) as file, bounded_memory():
            data = hdf5.group(file, "data")
            return data is not None and {"xyz", "frame_ix"} <= set(data)
    except ValueError:
        return False


def chunks(path: Path, reading: Reading, *, rows: int, others: bool) -> Iterator[xr.Dataset]:
    """Read the pieces of a table, as :class:`~smlmsim.io.formats.TableModule` says."""
    with hdf5.opened(path) as file:
        found = _emitters(file, reading.camera_pixel_nm)
        known = {
            name: records.Known(field, found.scale[LATERAL[name]] if name in LATERAL else 1.0)
            for name, field in FIELDS.items()
        }
        attrs = found.metadata.tree()
        yield from records.tables(_pieces(found, rows), known, attrs, path, reading, others=others)


def _pieces(found: Emitters, rows: int) -> Iterator[records.Fields]:
    """Yield the emitters in pieces."""
    for start in range(0, found.size, rows):
        fields: dict[str, npt.NDArray[Any]] = {}
        for name, data in found.data.items():
            with bounded_memory(rows * 4 * data.dtype.itemsize):
                values = data[start : start + rows]
            fields |= _split(name, values)
        yield fields


def _split(name: str, values: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Split a dataset into its columns."""
    if name not in SPLIT:
        return {name: values}
    return {part: values[:, axis] for axis, part in enumerate(SPLIT[name])}


def _emitters(file: h5py.File, given_nm: float | None) -> Emitters:
    data = file["data"]
    found = {name: part for name in data if (part := hdf5.dataset(data, name)) is not None}
    if missing := [name for name in ("xyz", "frame_ix") if name not in found]:
        raise ValueError(
            f"no dataset {' nor '.join(missing)} of emitters; found {', '.join(list(found)[:20])}"
        )
    if found["xyz"].ndim != 2 or found["xyz"].shape[1] != 3:
        raise ValueError(f"'data/xyz' has the shape {found['xyz'].shape}, not one of three columns")
    size = found["xyz"].shape[0]
    if size == 0:
        raise ValueError("the file holds no emitters")
    if found["frame_ix"].shape != (size,):
        raise ValueError(f"'data/frame_ix' has the shape {found['frame_ix'].shape}, for {size} emitters")
    shapes = {name: (size, 3) if name in SPLIT else (size,) for name in found}
    kept = {
        name: part
        for name, part in found.items()
        if name not in LEFT_OUT
        and part.shape == shapes[name]
        and part.dtype.kind in "iuf"
        and _says_anything(part)
    }
    scale, metadata = _unit(file, given_nm)
    return Emitters(kept, size, scale, metadata)


def _says_anything(data: h5py.Dataset) -> bool:
    """Whether any value is known: unknown columns, such as bounds that a network did not compute, are all NaN."""
    if data.dtype.kind != "f":
        return True
    return any(np.isfinite(data[start : start + ROWS]).any() for start in range(0, len(data), ROWS))


def _unit(file: h5py.File, given_nm: float | None) -> tuple[tuple[float, float], Metadata]:
    """The factors from the unit of x and y to nm, and the pixel of the camera."""
    meta = hdf5.group(file, "meta")
    said: dict[str, Any] = {}
    if meta is not None:
        with bounded_memory():
            said = {name: meta.attrs[name] for name in ("xy_unit", "px_size") if name in meta.attrs}
    unit = said.get("xy_unit")
    unit = unit.decode(errors="replace") if isinstance(unit, bytes) else unit
    pixels = _pixels(said.get("px_size"))
    metadata = Metadata(camera_pixel_nm=pixels[0] if pixels and pixels[0] == pixels[1] else None)
    if unit == "nm":
        return (1.0, 1.0), metadata
    if unit not in ("px", "None", None):
        raise ValueError(f"positions are in {str(unit)[:40]!r}; known are 'px' and 'nm'")
    if given_nm is not None:
        return (given_nm, given_nm), metadata
    if unit is None or pixels is None:
        raise ValueError("the file does not say how large a camera pixel is; give camera_pixel_nm=100, say")
    return pixels, metadata


def _pixels(found: Any) -> tuple[float, float] | None:
    """The pixel along x and y, in nm."""
    sizes = np.ravel(found) if isinstance(found, (np.ndarray, np.number)) else np.empty(0)
    if sizes.dtype.kind not in "iuf" or not 1 <= sizes.size <= 3 or not ((sizes > 0) & (sizes < 1e6)).all():
        return None
    return float(sizes[0]), float(sizes[min(1, sizes.size - 1)])
