"""The images of a TIFF file that holds a single grey movie."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from smlmsim.io.limits import bounded_memory, require_plausible
from smlmsim.io.metadata import parse_json
from smlmsim.io.ome_xml import Described
from smlmsim.io.tiff_pages import UnlikePagesError
from smlmsim.memory import require_memory

DIALECTS = {
    "lsm": "Zeiss LSM", "stk": "MetaMorph", "fluoview": "FluoView", "scanimage": "ScanImage", "ndtiff": "NDTiff",
    "ndpi": "Hamamatsu NDPI", "svs": "Aperio SVS", "scn": "Leica SCN", "bif": "Ventana BIF", "qpi": "PerkinElmer QPI",
}  # fmt: skip
"""Kinds of TIFF whose channels and slices cannot be determined from their pages."""
MOST = 2**48
"""Largest number of images that is believed; arithmetic with larger ones could overflow."""
PAGE_BYTES = 4000
"""Memory that a page takes besides its pixels."""
UNPACKING_BYTES = 2**28
"""Additional memory that reading may take; a strip that would exceed it is refused."""
_log = logging.getLogger(__name__)


@contextmanager
def damage_said() -> Iterator[None]:
    """Turn all errors of tifffile into a ValueError, and all its complaints into a single warning.

    Pages that differ are no damage: that error is passed on.
    """
    said: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            said.append(record.getMessage())
        return False

    logger = logging.getLogger("tifffile")
    logger.addFilter(keep)
    try:
        yield
    except UnlikePagesError:
        raise
    except Exception as error:
        if "imagecodecs" in str(error):
            raise ValueError(
                "its pages are compressed in a way that needs the package imagecodecs; install it, or save the file "
                "without compression"
            ) from error
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"not a TIFF file, or a damaged one ({reason})") from error
    finally:
        logger.removeFilter(keep)
    if said:
        _log.warning(
            "the TIFF file has faults, the first of %d: %s", len(said), " ".join(said[0].split())[:200]
        )


def first_page(file: tifffile.TiffFile) -> tifffile.TiffPage:
    """The first page, which all others resemble; it must be a grey image."""
    with damage_said():
        page = file.pages.first
        dialect = next(
            (words for name, words in DIALECTS.items() if getattr(file, f"is_{name}", False)), None
        )
        size, samples, dtype, photometric = page.shape, page.samplesperpixel, page.dtype, page.photometric
    if dialect:
        raise ValueError(
            f"a file of the kind {dialect} is not read; save it as OME-TIFF, in Fiji with Bio-Formats"
        )
    if samples > 1:
        raise ValueError(f"a movie of grey images is read, found colours: {samples} samples in a pixel")
    if len(size) != 2 or not math.prod(size):
        raise ValueError(f"a movie of grey images is read, found pages of the shape {size}")
    if dtype is None or dtype.kind not in "buif":
        found = dtype or f"{page.bitspersample} bits in a sample"
        raise ValueError(f"a movie of grey images is read, found pixels of {found}")
    if photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        _log.warning("0 stands for white in this file; its values are read as they are")
    return page


def imagej_metadata(file: tifffile.TiffFile) -> dict[str, Any]:
    """The ImageJ metadata of a file, by name; empty if ImageJ did not write it."""
    with damage_said():
        return dict(file.imagej_metadata or {})


def image_sizes(
    page: tifffile.TiffPage, metadata: Mapping[str, Any], ome: Described | None
) -> dict[str, int]:
    """The number of images along each axis along which there are several, if they are those of one movie.

    The axis along which the next image lies comes last.
    """
    sizes = ome.sizes if ome else _sizes(page, metadata)
    long = {axis: size for axis, size in sizes.items() if size > 1}
    if len(long.keys() - {"C"}) > 1 or (ome and "Z" in long):
        words = {"T": "time points", "Z": "slices (z)", "C": "channels"}
        found = " x ".join(f"{size} {words.get(axis, f'along {axis}')}" for axis, size in long.items())
        raise ValueError(f"a movie of one slice is read, found {found}; save the wanted ones alone")
    return long


def plane_count(long: Mapping[str, int], pages: int, ome: Described | None) -> int:
    """How many images there are, of which some sizes are told.

    ImageJ leaves out all pages but the first of a file above 4 GB.
    """
    claimed = math.prod(long.values())
    planes = claimed if pages == 1 and not ome else pages
    channels = long.get("C", 1)
    if channels > 1 and claimed != planes:
        raise ValueError(
            f"the metadata speak of {claimed} images in {channels} channels, the file holds {planes}, and nothing "
            "tells which are of which channel; was it cut short, or are others in other files?"
        )
    if planes > channels and "T" not in long:
        kind = "slices (z)" if "Z" in long else "pages"
        _log.info("the %d %s are taken for time points", planes // channels, kind)
    if claimed not in (planes, 1):
        fewer = (
            "; the others are in other files of the set, or were never written" if claimed > planes else ""
        )
        _log.warning(
            "the metadata speak of %d images, the file holds %d, which are read%s", claimed, planes, fewer
        )
    return planes


def _sizes(page: tifffile.TiffPage, metadata: Mapping[str, Any]) -> dict[str, int]:
    """The number of images along each axis except y and x, according to ImageJ or tifffile."""
    if metadata:
        names = {"T": "frames", "Z": "slices", "C": "channels"}
        found = {axis: metadata.get(name, 1) for axis, name in names.items()}
        if all(size == 1 for size in found.values()):
            found = {"images": metadata.get("images", 1)}
    elif page.is_shaped and page.description[:1] == "{":
        about = parse_json(page.description.encode())
        shape, axes = about.get("shape"), str(about.get("axes", ""))
        shape = shape if isinstance(shape, list) else [shape]
        axes = axes if len(axes) == len(shape) else "ABDEFGHI"
        found = dict(zip(axes, shape[: -2 - (len(shape) > 2 and axes[-1:] == "S")], strict=False))
    else:
        found = {}
    if any(not isinstance(size, int) or not 0 < size < MOST for size in found.values()):
        raise ValueError(f"the metadata speak of an impossible number of images: {str(found)[:100]}")
    return found


def read_images(
    file: tifffile.TiffFile, page: tifffile.TiffPage, planes: int, chosen: Sequence[int] | None = None
) -> npt.NDArray[Any]:
    """The pixels (plane, y, x) of all planes, or of chosen ones in their order, in native byte order."""
    stored = file.filehandle.size
    assert page.dtype is not None
    places = range(planes) if chosen is None else chosen
    tile = page.tilewidth * page.tilelength * page.dtype.itemsize
    require_plausible("the file", planes * page.nbytes + tile, stored)
    needed = len(places) * page.nbytes
    require_memory(
        needed, f"{len(places)} images of {page.nbytes / 2**20:.3g} MiB", "read a part of the stack"
    )
    with damage_said(), bounded_memory(needed + planes * PAGE_BYTES + tile, UNPACKING_BYTES):
        if planes > 1 and not file.pages.is_multipage:
            values = _one_block(file, page, planes, places)
        else:
            file.pages.cache = file.pages.useframes = True
            pages = file.pages if chosen is None else [file.pages[place] for place in chosen]
            if any(0 in (*each.dataoffsets, *each.databytecounts) for each in pages):
                raise ValueError("there are no pixels where some should be; was writing it interrupted?")
            values = file.asarray(key=slice(None) if chosen is None else list(chosen), maxworkers=1)
        values = values.reshape(len(places), *page.shape)
    exact = {"?": "u1", "e": "f4"}.get(values.dtype.char, values.dtype.newbyteorder("="))
    return values.astype(exact, copy=False)


def _one_block(
    file: tifffile.TiffFile, page: tifffile.TiffPage, planes: int, places: Sequence[int]
) -> npt.NDArray[Any]:
    """Chosen planes of those that lie one after the other behind a single page."""
    assert page.dtype is not None
    if not page.is_contiguous or page.dataoffsets[0] + planes * page.nbytes > file.filehandle.size:
        raise ValueError(f"it says that there are {planes} images and does not hold them; was it cut short?")
    first, last = min(places), max(places)
    file.filehandle.seek(page.dataoffsets[0] + first * page.nbytes)
    kind = page.dtype.newbyteorder(file.byteorder)
    values = file.filehandle.read_array(kind, (last + 1 - first) * math.prod(page.shape))
    return np.asarray(values.reshape(-1, *page.shape)[[place - first for place in places]])


def in_order(images: npt.NDArray[Any], long: Mapping[str, int], ome: Described | None) -> npt.NDArray[Any]:
    """Put pages in the order of their time points, (time, y, x); several channels become (channel, time, y, x).

    Parameters
    ----------
    images : np.ndarray
        (plane, y, x) in the order of the file.
    long : mapping of str to int
        The axes along which there are several, the fastest last.
    ome : Described or None
        What the OME-XML says of every page goes before that.

    Raises
    ------
    ValueError
        If the OME-XML puts two images in one place.
    """
    channels = long.get("C", 1)
    if ome is not None and len(ome.places) == len(images):
        images, long = _as_placed(images, ome.places, channels), {"C": channels, "T": -1}
    if channels == 1:
        return images
    apart = images.reshape(*long.values(), *images.shape[1:])
    return np.moveaxis(apart, list(long).index("C"), 0).reshape(channels, -1, *images.shape[1:])


def _as_placed(images: npt.NDArray[Any], said: Sequence[tuple[int, int]], channels: int) -> npt.NDArray[Any]:
    """Sort images by the channel and the time point that is said of each."""
    places = [(channel if channels > 1 else 0, point) for channel, point in said]
    if channels > 1 and [channel for channel, _ in sorted(set(places))] != [
        place // (len(places) // channels) for place in range(len(places))
    ]:
        raise ValueError("its OME-XML puts several images in one place, or has not as many of each channel")
    if places == sorted(places):
        return images
    _log.info("the pages are put in the order of time that the OME-XML says")
    return images[sorted(range(len(places)), key=places.__getitem__)]


def names_of(metadata: Mapping[str, Any], ome: Described | None, channels: int) -> list[str]:
    """What a file calls its channels: in the OME-XML, or as labels of ImageJ that every time point repeats."""
    if ome:
        return ome.channels
    labels = metadata.get("Labels")
    if not isinstance(labels, list) or labels != labels[:channels] * (len(labels) // channels):
        return []
    return labels[:channels]
