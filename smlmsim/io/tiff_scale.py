"""The scale of a TIFF file: the size of a pixel and the duration of a time point."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import tifffile

from smlmsim.io.image_units import length_nm, positive, time_s
from smlmsim.io.movie import Axis, chosen, require_pixel
from smlmsim.io.ome_xml import Described

RESOLUTION_UNITS = {2: "inch", 3: "cm"}
LARGEST_PRINTED_NM = 1e4
"""A larger pixel, given per inch or cm, is that of a screen or printer: 72 pixels per inch are 353 um."""
_log = logging.getLogger(__name__)


class Scale(NamedTuple):
    """The pixel along y and x and the interval between images that a file states; None if not stated."""

    y_nm: float | None
    x_nm: float | None
    step_s: float | None


def scale_of(page: tifffile.TiffPage, metadata: Mapping[str, Any], ome: Described | None) -> Scale:
    """The scale from the OME-XML, or else from ImageJ or the resolution tags."""
    printed = {axis: _tagged_nm(page, metadata, axis) for axis in "yx"}
    if ome:
        pixels = {axis: ome.steps_nm.get(axis) for axis in "yx"}
        if not any(pixels.values()) and (pixels := printed)["x"]:
            _log.info("the pixel is that of the resolution tags; the OME-XML says none")
        return Scale(pixels["y"], pixels["x"], ome.step_s)
    return Scale(printed["y"], printed["x"], _interval_s(metadata))


def _tagged_nm(page: tifffile.TiffPage, metadata: Mapping[str, Any], axis: str) -> float | None:
    """The pixel along an axis from the resolution tag, with the unit of the tag or of the ImageJ metadata."""
    try:
        count, units = page.tags.valueof(f"{axis.upper()}Resolution", default=(0, 1))
        per_unit = positive(count / units)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    unit = (
        metadata.get("unit")
        if metadata
        else RESOLUTION_UNITS.get(page.tags.valueof("ResolutionUnit", default=0))
    )
    unit = metadata.get("yunit", unit) if axis == "y" else unit
    unit_nm = length_nm(unit)
    if per_unit is None or unit_nm is None:
        return None
    pixel_nm = unit_nm / per_unit
    if pixel_nm > LARGEST_PRINTED_NM and unit_nm in (length_nm("inch"), length_nm("cm")):
        if axis == "x":
            _log.info(
                "%.4g pixels per %s are those of a screen or a printer, and not believed", per_unit, unit
            )
        return None
    return positive(pixel_nm)


def _interval_s(metadata: Mapping[str, Any]) -> float | None:
    """The interval between images in the ImageJ metadata."""
    step, unit_s = positive(metadata.get("finterval")), time_s(metadata.get("tunit", "sec"))
    if step and unit_s:
        return step * unit_s
    if step:
        _log.info("the frame interval of %g %s is in no unit of time", step, str(metadata.get("tunit"))[:40])
    if rate := positive(metadata.get("fps")):
        _log.warning(
            "the file has no frame interval; %.6g s are taken from fps = %g, which may be only the speed of playing",
            1 / rate,
            rate,
        )
        return positive(1 / rate)
    return None


def axes_of(
    scale: Scale, metadata: Mapping[str, Any], images: int, pixel_nm: float | None, point_s: float | None
) -> tuple[Axis | None, Axis, Axis]:
    """The coordinates along time, y and x; None along time if several images have no known interval."""
    y, x = (
        Axis((0.5 - _number(metadata, f"{dim}origin", 0.0)) * step_nm, step_nm)
        for dim, found in (("y", scale.y_nm), ("x", scale.x_nm))
        for step_nm in (require_pixel(chosen("pixel_nm", pixel_nm, found)),)
    )
    step_s = chosen("point_s", point_s, scale.step_s)
    if step_s is None and images > 1:
        return None, y, x
    middle = (step_s or 0.0) / 2
    started = _number(metadata, "start_s", middle) if point_s in (None, scale.step_s) else middle
    return Axis(started, step_s or 0.0), y, x


def _number(metadata: Mapping[str, Any], name: str, default: float) -> float:
    try:
        return float(metadata.get(name, default))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"the ImageJ metadata say {name}={str(metadata[name])[:40]!r}, which is no number"
        ) from None
