"""Units of length and time as ImageJ, OME-XML and OME-Zarr spell them."""

from __future__ import annotations

import math
from typing import Any

_MICRO = "\u03bc"  # the micro sign after case folding
_LENGTHS_NM = {
    1e-3: ("pm", "picometer", "picometre", "picometers", "picometres"),
    0.1: ("å", "angstrom", "ångström", "angstroms"),
    1.0: ("nm", "nanometer", "nanometre", "nanometers", "nanometres"),
    1e3: ("um", _MICRO + "m", "â" + _MICRO + "m", "micron", "microns",
          "micrometer", "micrometre", "micrometers", "micrometres"),
    1e6: ("mm", "millimeter", "millimetre", "millimeters", "millimetres"),
    1e7: ("cm", "centimeter", "centimetre", "centimeters", "centimetres"),
    25.4e6: ("in", "inch", "inches", '"'),
    1e9: ("m", "meter", "metre", "meters", "metres"),
}  # fmt: skip
_TIMES_S = {
    1e-9: ("ns", "nsec", "nanosecond", "nanoseconds"),
    1e-6: ("us", "usec", _MICRO + "s", _MICRO + "sec", "microsecond", "microseconds"),
    1e-3: ("ms", "msec", "millisecond", "milliseconds"),
    1.0: ("s", "sec", "secs", "second", "seconds"),
    60.0: ("min", "mins", "minute", "minutes"),
    3600.0: ("h", "hr", "hour", "hours"),
    86400.0: ("d", "day", "days"),
}
_NM = {name: size for size, names in _LENGTHS_NM.items() for name in names}
_S = {name: size for size, names in _TIMES_S.items() for name in names}


def length_nm(unit: Any) -> float | None:
    """The length of a unit in nm; None if it is not a unit of length, such as "pixel"."""
    return _NM.get(_folded(unit))


def time_s(unit: Any) -> float | None:
    """The duration of a unit in s; None if it is not a unit of time, such as "frame"."""
    return _S.get(_folded(unit))


def positive(value: Any) -> float | None:
    """The step that a file gives, if it is a finite positive number; otherwise None."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 and not isinstance(value, bool) else None


def _folded(unit: Any) -> str:
    return str(unit).strip().casefold().replace("\\u00b5", _MICRO)
