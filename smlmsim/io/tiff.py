"""Movies as TIFF: written as ImageJ hyperstacks, which Fiji and napari open at the right scale.

One movie of grey images, of one or more channels, is read from OME-TIFF, ImageJ TIFF and plain TIFF. Its scale is that
of the OME-XML, of the metadata of ImageJ, or of the resolution tags, in this order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import tifffile
import xarray as xr

from smlmsim.channels import split
from smlmsim.io.atomic import replacing
from smlmsim.io.metadata import Metadata, parse_json
from smlmsim.io.movie import DIMS, MOVIES, even_axis, one_movie, own_meaning, stamped
from smlmsim.io.ome_xml import Described, described
from smlmsim.io.raw_stack import SAID, Said, Stack
from smlmsim.io.tiff_images import (
    damage_said,
    first_page,
    image_sizes,
    imagej_metadata,
    in_order,
    names_of,
    plane_count,
    read_images,
)
from smlmsim.io.tiff_pages import page_count
from smlmsim.io.tiff_scale import axes_of, scale_of

OURS, SHOWN = "smlmsim", "smlmsim_variable"


def read(path: str | Path, *, pixel_nm: float | None = None, point_s: float | None = None) -> xr.Dataset:
    """Read a movie; a z-stack is read as time points.

    Assumptions, and content of the file that is not read, are logged.

    Parameters
    ----------
    path : str or Path
        A TIFF file of grey images.
    pixel_nm, point_s : float, optional
        Size of a pixel and duration of a time point; they take precedence over the file.

    Returns
    -------
    xr.Dataset
        One variable (time, y, x), or (channel, time, y, x), in the precision of the file: the one of
        ``MOVIES`` that was written, otherwise ``counts`` for whole numbers and ``density`` for others. There is no
        coordinate ``time`` where nothing says how long a time point of several is. The attributes are
        :class:`~smlmsim.io.metadata.Metadata`.

    Raises
    ------
    ValueError
        If it is no TIFF file, is damaged, has colours, several images or slices over time, or does not
        say its pixel; the message names the file.
    OSError
        If there is no such file, or it may not be read.
    """
    with open(path, "rb") as handle, _naming(path):
        return _read(handle, Path(path).name, pixel_nm, point_s)


def require_movie(path: str | Path) -> None:
    """Require that :func:`read` reads a file, as far as its header and its first image tell.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    with open(path, "rb") as handle, _naming(path):
        _read(handle, Path(path).name, None, None, only_first=True)


@contextmanager
def stack(path: str | Path) -> Iterator[Stack]:
    """Open the camera frames of a file, to be read piece by piece; a z-stack is read as frames.

    Parameters
    ----------
    path : str or Path
        A TIFF file of grey images, of one channel.

    Raises
    ------
    ValueError
        As :func:`read`, but the pixel may be unknown; also if there are several channels.
    OSError
        If there is no such file, or it may not be read.
    """
    with open(path, "rb") as handle:
        with _naming(path):
            with damage_said():
                pages = page_count(handle)
                file = tifffile.TiffFile(handle)
            found = _stack(file, pages, Path(path))
        with file:
            yield found


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Name the file in errors, of whatever type a damaged one causes."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:  # a damaged tag can hold a value of any kind
        raise ValueError(f"{path}: a damaged TIFF file ({' '.join(str(error).split())[:200]})") from error


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write a movie; ImageJ shows it in um and s, from its smallest to its largest value.

    Several channels become one composite image, whose labels are their names.

    Parameters
    ----------
    data : xr.DataArray
        (time, y, x) or (channel, time, y, x), at least 2 x 2 pixels, finite, equally spaced coordinates in s and nm;
        uint8, uint16, float32, or values that one of them holds exactly. Or a dataset with a single such variable.
    path : str or Path
        File to make or replace.

    Raises
    ------
    smlmsim.schema.SchemaError
        If it is not such a movie; the message says what was found.
    OSError
        If the file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    image = one_movie(data, "a stack")
    time, y, x = (even_axis(image, dim) for dim in DIMS)
    values = np.ascontiguousarray(image.transpose("time", ..., "y", "x").values)
    metadata: dict[str, Any] = {
        "axes": "TYX",
        "unit": "um",
        "finterval": time.step,
        "min": float(values.min()),
        "max": float(values.max()),
        "xorigin": 0.5 - x.start / x.step,
        "yorigin": 0.5 - y.start / y.step,
        "start_s": time.start,
    }
    if len(parts := split(image)) > 1:
        metadata |= {"axes": "TCYX", "mode": "composite", "Labels": list(parts) * len(values)}
        metadata["Ranges"] = tuple(float(end(part)) for part in parts.values() for end in (np.min, np.max))
    if image.name in MOVIES:
        metadata["variable"] = image.name
    if known := Metadata.of(data).tree():
        metadata[OURS] = json.dumps(known)
    if meaning := own_meaning(image):
        metadata[SHOWN] = json.dumps(meaning)
    resolution = (_rational(1e3 / x.step), _rational(1e3 / y.step))
    with replacing(path) as draft:
        tifffile.imwrite(draft, values, imagej=True, resolution=resolution, metadata=metadata)


def _rational(number: float) -> tuple[int, int]:
    """The 32-bit fraction nearest to a positive number, as a tag holds it."""
    exact, largest = Fraction(number), 2**32 - 1
    near = exact.limit_denominator(max(1, min(largest, int(largest / exact))))
    return near.numerator, near.denominator


def _stack(file: tifffile.TiffFile, pages: int, path: Path) -> Stack:
    """The frames of an open file."""
    page = first_page(file)
    ome = described(page.description, path.name) if page.is_ome else None
    metadata = {} if ome else imagej_metadata(file)
    sizes = image_sizes(page, metadata, ome)
    if (channels := sizes.get("C", 1)) > 1:
        raise ValueError(f"frames of one channel are localized, found {channels} channels; save one alone")
    planes = plane_count(sizes, pages, ome)
    places = ome.places if ome and len(ome.places) == planes else []
    order = sorted(range(planes), key=places.__getitem__) if places else range(planes)
    with damage_said():
        scale = scale_of(page, metadata, ome)

    def read(begin: int, end: int) -> npt.NDArray[Any]:
        with _naming(path):
            return read_images(file, page, planes, order[begin:end])

    said = _said(ome)
    step_s = scale.step_s or (ome.exposure_s if ome else None)
    return Stack(planes, (page.shape[0], page.shape[1]), (scale.y_nm, scale.x_nm), step_s, said, read)


def _said(ome: Described | None) -> Said:
    """What an OME-XML text says of the camera: as this project writes it, or else of its detector."""
    if ome is None:
        return Said()
    if SAID in ome.description[: len(SAID) + 10]:
        tree = parse_json(ome.description.encode())
        return Said.of(tree.get(SAID) if isinstance(tree, dict) else tree)
    return Said(ome.camera)


def _read(
    handle: BinaryIO, name: str, pixel_nm: float | None, point_s: float | None, *, only_first: bool = False
) -> xr.Dataset:
    """Read the movie of an open file, or its first image alone."""
    with damage_said():
        pages = page_count(handle)
        file = tifffile.TiffFile(handle)
    with file:
        page = first_page(file)
        ome = described(page.description, name) if page.is_ome else None
        metadata = {} if ome else imagej_metadata(file)
        sizes = image_sizes(page, metadata, ome)
        planes = plane_count(sizes, pages, ome)
        if only_first:
            frames = read_images(file, page, planes, [0])
        else:
            frames = in_order(read_images(file, page, planes), sizes, ome)
        with damage_said():
            scale = scale_of(page, metadata, ome)
    known = Metadata.from_tree(parse_json(str(metadata.get(OURS, "{}")).encode()), f"the key {OURS!r}")
    axes = axes_of(scale, metadata, frames.shape[-3], pixel_nm, point_s)
    meaning = parse_json(str(metadata.get(SHOWN, "{}")).encode())
    channels = names_of(metadata, ome, sizes.get("C", 1))
    return known.stamped(stamped(frames, metadata.get("variable"), axes, meaning, channels))
