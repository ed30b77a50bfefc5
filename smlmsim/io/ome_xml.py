"""The OME-XML in an OME-TIFF file (schema 2016-06, https://docs.openmicroscopy.org/ome-model)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from smlmsim.io.image_units import length_nm, positive, time_s

_log = logging.getLogger(__name__)
UNEVEN = 0.05  # scatter of plane times, relative to the mean interval, above which it is logged


class Described(NamedTuple):
    """The single image that an OME-XML text describes.

    Parameters
    ----------
    sizes : dict of str to int
        Along T, Z and C, in the order of the pages: the axis along which the next page lies comes last.
    steps_nm : dict of str to float
        Pixel along y and x, if stated.
    step_s : float or None
        Interval between time points.
    places : list of (int, int)
        The channel and the time point of every page of this file, in the order of the pages, as far as the text tells.
    channels : list of str
        What the channels are called, as far as the text tells.
    exposure_s : float or None
        Exposure of the first plane that states one.
    camera : dict of str to float
        Calibration of the camera, by the names of :class:`~smlmsim.camera.Camera`, as far as the text tells.
    description : str
        Description of the image, in any words.
    """

    sizes: dict[str, int]
    steps_nm: dict[str, float]
    step_s: float | None
    places: list[tuple[int, int]]
    channels: list[str]
    exposure_s: float | None = None
    camera: dict[str, float] = {}  # noqa: RUF012
    description: str = ""


def described(text: str, filename: str) -> Described:
    """Read the OME-XML of a file.

    Parameters
    ----------
    text : str
    filename : str
        Name of the file, since a set of files shares one text.

    Raises
    ------
    ValueError
        If it is not OME-XML, uses entities, or describes no or several images; the message names them.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("its OME-XML has a DOCTYPE, which is not allowed")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"its OME-XML is damaged ({error})") from None
    for elsewhere in _all(root, "BinaryOnly"):
        name = elsewhere.get("MetadataFile", "another file")[:100]
        raise ValueError(f"its OME-XML is in {name}; save it as one OME-TIFF file, in Fiji with Bio-Formats")
    images = [(image, pixels) for image in _all(root, "Image") for pixels in _all(image, "Pixels")]
    if len(images) != 1:
        names = ", ".join(repr(image.get("Name") or image.get("ID") or "?")[:60] for image, _ in images[:8])
        raise ValueError(
            f"it holds {len(images)} images ({names or 'no Pixels'}); one is read, so save it by itself"
        )
    pixels = images[0][1]
    return Described(
        {axis: _size(pixels, axis) for axis in _slowest_first(pixels)},
        _steps_nm(pixels),
        _step_s(pixels),
        _places(pixels, root, filename),
        [channel.get("Name", "") for channel in _all(pixels, "Channel")],
        _exposure_s(pixels),
        _camera(pixels, root),
        next((each.text or "" for each in _all(images[0][0], "Description")), ""),
    )


def _all(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """The children of a given name, in the namespace of any version."""
    return (child for child in element if isinstance(child.tag, str) and child.tag.rpartition("}")[2] == name)


def _slowest_first(pixels: ElementTree.Element) -> str:
    """T, Z and C in the order of the pages, the fastest last; XYCZT, which is usual, if the text does not say it."""
    order = pixels.get("DimensionOrder", "XYCZT")
    return order[:1:-1] if order[:2] == "XY" and sorted(order) == sorted("XYCZT") else "TZC"


def _size(pixels: ElementTree.Element, axis: str) -> int:
    found = pixels.get(f"Size{axis}", "1")
    if not re.fullmatch(r"[0-9]{1,18}", found) or int(found) < 1:
        raise ValueError(f"its OME-XML has Size{axis}={found[:40]!r}")
    return int(found)


def _steps_nm(pixels: ElementTree.Element) -> dict[str, float]:
    found = {}
    for axis in "yx":
        name = f"PhysicalSize{axis.upper()}"
        unit = pixels.get(f"{name}Unit", "\u00b5m")
        size, unit_nm = positive(pixels.get(name)), length_nm(unit)
        if size and unit_nm:
            found[axis] = size * unit_nm
        elif size:
            _log.info("the OME-XML says %s = %g %s, which is no length", name, size, unit[:40])
    return found


def _step_s(pixels: ElementTree.Element) -> float | None:
    """The interval between time points, as stated or from the times of the planes."""
    step, unit_s = positive(pixels.get("TimeIncrement")), time_s(pixels.get("TimeIncrementUnit", "s"))
    if step and unit_s:
        return step * unit_s
    planes = sorted(
        (
            int(plane.get("TheT", "-1")),
            float(plane.get("DeltaT", "nan")) * (time_s(plane.get("DeltaTUnit", "s")) or 0),
        )
        for plane in _all(pixels, "Plane")
        if re.fullmatch(r"[0-9]{1,9}", plane.get("TheT", "")) and _not_negative(plane.get("DeltaT"))
    )
    if len(planes) < 2 or not (points := planes[-1][0] - planes[0][0]):
        return None
    mean = positive((planes[-1][1] - planes[0][1]) / points)
    if mean:
        farthest = max(abs(at - planes[0][1] - (number - planes[0][0]) * mean) for number, at in planes)
        level = logging.WARNING if farthest > UNEVEN * mean else logging.INFO
        _log.log(
            level,
            "the OME-XML has no TimeIncrement; a time point of %.6g s is the mean of the planes' DeltaT, "
            "from which they deviate by up to %.2g s",
            mean,
            farthest,
        )
    return mean


def _not_negative(value: str | None) -> bool:
    """Whether a text is a finite number that is not negative."""
    return positive(value) is not None or (value or "").strip() in ("0", "0.0")


def _places(pixels: ElementTree.Element, root: ElementTree.Element, filename: str) -> list[tuple[int, int]]:
    """The channels and time points of the pages of this file, where every page has its own entry."""
    found: dict[int, tuple[int, int]] = {}
    for data in _all(pixels, "TiffData"):
        place, *at = (data.get(name, "0") for name in ("IFD", "FirstC", "FirstT"))
        own = [
            uuid.get("FileName", filename) == filename or uuid.text == root.get("UUID")
            for uuid in _all(data, "UUID")
        ]
        if not all(own):
            continue
        if data.get("PlaneCount", "1") != "1" or not all(number.isdecimal() for number in (place, *at)):
            return []
        channel, point = (int(number[:9]) for number in at)
        found[int(place[:9])] = channel, point
    return [found[page] for page in sorted(found)] if sorted(found) == list(range(len(found))) else []


def _exposure_s(pixels: ElementTree.Element) -> float | None:
    """The exposure of the first plane that states one."""
    for plane in _all(pixels, "Plane"):
        exposure, unit_s = positive(plane.get("ExposureTime")), time_s(plane.get("ExposureTimeUnit", "s"))
        if exposure and unit_s:
            return exposure * unit_s
    return None


def _camera(pixels: ElementTree.Element, root: ElementTree.Element) -> dict[str, float]:
    """The offset of the detector of the first channel and, if it multiplies electrons, its gain.

    The gain of other detectors is in no unit that the schema would state.
    """
    used = next(
        (each for channel in _all(pixels, "Channel") for each in _all(channel, "DetectorSettings")), None
    )
    detectors = [each for instrument in _all(root, "Instrument") for each in _all(instrument, "Detector")]
    named = [each for each in detectors if used is not None and each.get("ID") == used.get("ID")]
    about = [*([used] if used is not None else []), *(named or detectors if len(detectors) == 1 else named)]
    said = {
        name: next((each.get(name) for each in about if each.get(name)), None) for name in ("Offset", "Gain")
    }
    kind = next((each.get("Type") for each in about if each.get("Type")), None)
    found = {}
    if (offset := positive(said["Offset"])) is not None:
        found["offset"] = offset
    if (gain := positive(said["Gain"])) is not None and kind == "EMCCD" and gain >= 1:
        found["em_gain"] = gain
    elif said["Gain"]:
        _log.info("the OME-XML says a gain of %s in no unit, which is not used", said["Gain"][:40])
    return found
