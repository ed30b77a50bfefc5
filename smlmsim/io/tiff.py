"""Movies as ImageJ hyperstacks: TIFF that Fiji and napari open with the right scale in space and time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
import xarray as xr

from smlmsim.io.atomic import replacing
from smlmsim.io.limits import require_plausible
from smlmsim.io.metadata import Metadata, parse_json
from smlmsim.io.movie import DIMS, MOVIES, Axis, even_axis, one_movie, stamped

OURS = "smlmsim"
LENGTHS_NM = {"nm": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "\\u00B5m": 1e3, "micron": 1e3, "mm": 1e6}
TIMES_S = {"sec": 1.0, "s": 1.0, "ms": 1e-3, "msec": 1e-3, "min": 60.0}


def read(path: str | Path, *, pixel_nm: float | None = None, point_s: float | None = None) -> xr.Dataset:
    """Read a movie; a stack of slices is taken for one of time points.

    Parameters
    ----------
    path : str or Path
        A TIFF file of grey images.
    pixel_nm, point_s : float, optional
        The size of a pixel and the duration of a time point; they stand in for what the file does not say.

    Returns
    -------
    xr.Dataset
        One variable (time, y, x) in the precision of the file: the one of ``MOVIES`` that was written,
        otherwise ``counts`` for whole numbers and ``density`` for others. The attributes are
        :class:`~smlmsim.io.metadata.Metadata`.

    Raises
    ------
    ValueError
        If it is no TIFF file, is damaged, has colours, or does not say its scale; the message names the file.
    OSError
        If there is no such file, or it may not be read.
    """
    with open(path, "rb") as handle:
        try:
            with tifffile.TiffFile(handle) as file:
                metadata, resolution = dict(file.imagej_metadata or {}), _pixels_per_unit(file)
                axes = dict(zip(file.series[0].axes, file.series[0].shape, strict=True))
                require_plausible("the first series", file.series[0].nbytes, Path(path).stat().st_size)
                values = file.series[0].asarray()
        except Exception as error:  # tifffile meets damage with errors of many kinds
            raise ValueError(f"{path}: not a TIFF file, or a damaged one ({error})") from error
    try:
        known = Metadata.from_tree(parse_json(str(metadata.get(OURS, "{}")).encode()), f"the key {OURS!r}")
        return known.stamped(_stamped(_frames(values, axes), metadata, resolution, pixel_nm, point_s))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write a movie; ImageJ shows it in um and s, from its smallest to its largest value.

    Parameters
    ----------
    data : xr.DataArray
        (time, y, x), at least 2 x 2 pixels, uint8, uint16 or float32, finite, with even coordinates in s and
        nm. Or a dataset with a single such variable.
    path : str or Path
        The file to make or replace.

    Raises
    ------
    smlmsim.schema.SchemaError
        If it is no such movie; the message says what was found.
    OSError
        If the file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    image = one_movie(data, "a stack")
    time, y, x = (even_axis(image, dim) for dim in DIMS)
    values = np.ascontiguousarray(image.values)
    metadata = {
        "axes": "TYX",
        "unit": "um",
        "finterval": time.step,
        "min": float(values.min()),
        "max": float(values.max()),
        "xorigin": 0.5 - x.start / x.step,
        "yorigin": 0.5 - y.start / y.step,
        "start_s": time.start,
    }
    if image.name in MOVIES:
        metadata["variable"] = image.name
    if known := Metadata.of(data).tree():
        metadata[OURS] = json.dumps(known)
    resolution = (1e3 / x.step, 1e3 / y.step)
    with replacing(path) as draft:
        tifffile.imwrite(draft, values, imagej=True, resolution=resolution, metadata=metadata)


def _pixels_per_unit(file: tifffile.TiffFile) -> dict[str, float]:
    """The resolution of the first page along x and y, 0 where there is none."""
    tags = file.pages.first.tags
    pairs = {axis: tags.valueof(f"{axis.upper()}Resolution", default=(0, 1)) for axis in "xy"}
    return {axis: count / units for axis, (count, units) in pairs.items()}


def _frames(values: npt.NDArray[Any], axes: Mapping[str, int]) -> npt.NDArray[Any]:
    """The images as (time, y, x) in native byte order."""
    long = {axis: size for axis, size in axes.items() if size > 1 and axis not in "YX"}
    grey = {"Y", "X"} <= axes.keys() and len(long) <= 1 and long.keys().isdisjoint({"C", "S"})
    if not grey or values.dtype.kind not in "uif":
        raise ValueError(f"a movie of grey images is read, found {values.dtype} with the axes {dict(axes)}")
    return values.reshape(-1, axes["Y"], axes["X"]).astype(values.dtype.newbyteorder("="))


def _stamped(
    frames: npt.NDArray[Any],
    metadata: Mapping[str, Any],
    pixels_per_unit: Mapping[str, float],
    pixel_nm: float | None,
    point_s: float | None,
) -> xr.Dataset:
    """Put images on the axes that the metadata tell."""
    steps_nm = {dim: pixel_nm or _step_nm(metadata, pixels_per_unit[dim]) for dim in "xy"}
    step_s = point_s or float(metadata.get("finterval", 0)) * TIMES_S.get(metadata.get("tunit", "sec"), 0)
    if step_s <= 0 and len(frames) > 1:
        raise ValueError("the file does not say how long a time point is; give point_s")
    time = Axis(float(metadata.get("start_s", step_s / 2)), step_s)
    y, x = (Axis((0.5 - float(metadata.get(f"{d}origin", 0))) * steps_nm[d], steps_nm[d]) for d in "yx")
    return stamped(frames, metadata.get("variable"), (time, y, x))


def _step_nm(metadata: Mapping[str, Any], pixels_per_unit: float) -> float:
    unit_nm = LENGTHS_NM.get(metadata.get("unit", ""))
    if unit_nm is None or pixels_per_unit <= 0:
        raise ValueError("the file does not say how large a pixel is; give pixel_nm")
    return unit_nm / pixels_per_unit
