"""Camera frames as OME-TIFF and OME-Zarr, written block by block, so that a movie need not fit in memory.

Both hold the pixel and the time between frames as their standards say. The calibration of the camera, the exposure and
where the field lies are in a JSON text: that is the description of the image in OME-XML, and the attribute
``smlmsim_frames`` of the group in Zarr.
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
import xarray as xr
import zarr
from zarr.codecs import BloscCodec

from smlmsim import schema
from smlmsim.io import ome_zarr, tiff
from smlmsim.io.atomic import replacing, require_room
from smlmsim.io.movie import Axis
from smlmsim.io.raw_stack import SAID

TIFF, ZARR = (".ome.tif", ".ome.tiff"), ".zarr"
PIXELS = ("camera_offset", "camera_electrons_per_level", "camera_read_noise_e")
"""What differs between pixels, if anything does."""
LARGEST_TIFF = 2**32 - 2**25
"""Bytes that fit in a TIFF file with 32-bit addresses, with room for the tags; larger ones are written as BigTIFF."""
TAGS_BYTES = 300
"""Of every frame in a TIFF file, besides its pixels."""
MOST_PLANES = 20_000
"""Frames that are described one by one in the OME-XML; of more, it would take longer to read than they are worth."""
_log = logging.getLogger(__name__)


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write camera frames; a movie of time points goes to :func:`smlmsim.io.tiff.write`.

    Raises
    ------
    smlmsim.schema.SchemaError
        If it holds neither.
    OSError
        If the file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    if isinstance(data, xr.Dataset) and "frames" in data:
        write_blocks([data], data.sizes["frame"], path)
    else:
        tiff.write(data, path)


def write_blocks(blocks: Iterable[xr.Dataset], frames: int, path: str | Path) -> None:
    """Write frames that come in blocks, completely or not at all.

    Parameters
    ----------
    blocks : iterable of xr.Dataset
        As :func:`smlmsim.schema.check_frames` describes them, in their order, all of the same pixels.
    frames : int
        Number of all frames, at least 1.
    path : str or Path
        With the extension ``.ome.tif``, ``.ome.tiff`` or ``.zarr``.

    Raises
    ------
    ValueError
        If the extension is another one, or there are more or fewer frames.
    smlmsim.schema.SchemaError
        If a block does not hold frames.
    OSError
        If the file cannot be written.
    """
    name = Path(path).name.lower()
    if not name.endswith((*TIFF, ZARR)):
        raise ValueError(f"{path} is no name for camera frames; its end is .ome.tif or .zarr")
    coming = iter(blocks)
    first = next(coming, None)
    if first is None:
        raise ValueError("there are no frames to write")
    schema.check_frames(first)
    all_levels = _levels(itertools.chain([first], coming), frames)
    (_write_zarr if name.endswith(ZARR) else _write_tiff)(first, all_levels, frames, Path(path))


def _levels(blocks: Iterable[xr.Dataset], frames: int) -> Iterator[npt.NDArray[np.uint16]]:
    """The grey levels of every block, (frame, camera_y, camera_x), with a count of the frames."""
    done = 0
    for block in blocks:
        schema.check_frames(block)
        done += block.sizes["frame"]
        if done > frames:
            break
        yield block.frames.values
    if done != frames:
        raise ValueError(
            f"found {'more than ' * (done > frames)}{min(done, frames)} frames, expected {frames}"
        )


def _said(first: xr.Dataset) -> dict[str, Any]:
    """The attributes of frames and the centre of the first pixel, as plain values."""
    plain = {
        name: value.item() if isinstance(value, np.generic) else value for name, value in first.attrs.items()
    }
    return {**plain, "camera_y_nm": float(first.camera_y[0]), "camera_x_nm": float(first.camera_x[0])}


def _write_tiff(first: xr.Dataset, levels: Iterator[npt.NDArray[np.uint16]], frames: int, path: Path) -> None:
    if found := [name for name in PIXELS if name in first]:
        _log.info("an OME-TIFF has no place for %s; an OME-Zarr has", ", ".join(found))
    rows, columns = first.sizes["camera_y"], first.sizes["camera_x"]
    size = frames * (2 * rows * columns + TAGS_BYTES)
    with replacing(path) as draft:
        require_room(draft.parent, size)
        with tifffile.TiffWriter(draft, ome=True, bigtiff=size > LARGEST_TIFF) as file:
            file.write(
                (page for block in levels for page in block),
                shape=(frames, rows, columns),
                dtype=np.uint16,
                photometric="minisblack",
                metadata=_ome_xml(first, frames),
            )


def _ome_xml(first: xr.Dataset, frames: int) -> dict[str, Any]:
    """What the OME-XML says of the image."""
    exposure_s, pixel_nm = float(first.exposure_s), float(first.camera_pixel_nm)
    said: dict[str, Any] = {
        "axes": "TYX",
        "Name": "frames",
        "Description": json.dumps({SAID: _said(first)}),
        "PhysicalSizeX": pixel_nm,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": pixel_nm,
        "PhysicalSizeYUnit": "nm",
        "TimeIncrement": exposure_s,
        "TimeIncrementUnit": "s",
    }
    if frames <= MOST_PLANES:
        said["Plane"] = {"ExposureTime": [exposure_s] * frames, "ExposureTimeUnit": ["s"] * frames}
    return said


def _write_zarr(first: xr.Dataset, levels: Iterator[npt.NDArray[np.uint16]], frames: int, path: Path) -> None:
    exposure_s, pixel_nm = float(first.exposure_s), float(first.camera_pixel_nm)
    axes = {
        "t": Axis((first.first_frame + 0.5) * exposure_s, exposure_s),
        "y": Axis(float(first.camera_y[0]), pixel_nm),
        "x": Axis(float(first.camera_x[0]), pixel_nm),
    }
    shape = first.frames.shape
    with ome_zarr.replacing_image(path) as draft:
        group = zarr.open_group(draft, mode="w", zarr_format=3)
        group.attrs["ome"] = ome_zarr.ome_attributes("frames", axes, {"": first.frames})
        group.attrs[SAID] = _said(first)
        array = group.create_array(
            "0",
            shape=(frames, *shape[1:]),
            chunks=shape,  # one for each block, so that it is written once
            dtype=np.uint16,
            dimension_names=list(axes),
            compressors=BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle", typesize=2),
        )
        for name in PIXELS:
            if name in first:
                group.create_array(name, data=first[name].values, dimension_names=("y", "x"))
        done = 0
        for block in levels:
            array[done : done + len(block)] = block
            done += len(block)
