"""The frames of an open file, whatever its format."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from smlmsim.camera import Camera
from smlmsim.spec import brief

SAID = "smlmsim_frames"
"""Under which key files of this project keep the calibration of the camera and where the field lies."""


class Said(NamedTuple):
    """What a file says of its frames besides their scale.

    Parameters
    ----------
    camera : mapping of str to float
        Calibration, by the names of :class:`~smlmsim.camera.Camera`.
    first_frame : int
        Number of the first frame in the recording, counted from 0.
    first_pixel_nm : (float, float), optional
        Middle of the first pixel, y and x, in the coordinates of the field.
    maps : mapping of str to array, shape (y, x)
        Calibration of single pixels, by the names of :data:`~smlmsim.shot_noise.MAPS`.
    """

    camera: Mapping[str, float] = {}
    first_frame: int = 0
    first_pixel_nm: tuple[float, float] | None = None
    maps: Mapping[str, npt.NDArray[np.float64]] = {}

    @classmethod
    def of(cls, tree: Any) -> Self:
        """Take what a file of this project says under :data:`SAID`.

        Raises
        ------
        ValueError
            If it is of another form.
        """
        names = (*Camera.model_fields, "first_frame", "camera_y_nm", "camera_x_nm")
        found = {name: tree[name] for name in names if name in tree} if isinstance(tree, Mapping) else {}
        good = [isinstance(value, int | float) and math.isfinite(value) for value in found.values()]
        if not found or not all(good) or not 0 <= found.get("first_frame", 0) < 2**31:
            raise ValueError(f"its calibration, {SAID}, is damaged: {brief(tree)}")
        first = [found.pop(name, None) for name in ("camera_y_nm", "camera_x_nm")]
        pixel_nm = None if first[0] is None or first[1] is None else (float(first[0]), float(first[1]))
        number = int(found.pop("first_frame", 0))
        return cls(found, number, pixel_nm)


class Stack(NamedTuple):
    """The frames of an open file, and what the file says of them.

    Parameters
    ----------
    frames : int
        Number of frames.
    shape : (int, int)
        Rows and columns.
    pixel_nm : (float or None, float or None)
        Edge of a pixel along y and x.
    step_s : float or None
        Time from one frame to the next, or else the exposure.
    said : Said
        The calibration of the camera, and more.
    read : callable
        Function of the first frame and the one after the last that returns (frame, y, x).
    """

    frames: int
    shape: tuple[int, int]
    pixel_nm: tuple[float | None, float | None]
    step_s: float | None
    said: Said
    read: Callable[[int, int], npt.NDArray[Any]]
