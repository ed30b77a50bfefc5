"""The field of view: where the pixels are."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import PositiveFloat

from smlmsim._contour_kernels import Edges
from smlmsim.spec import Spec


class FieldOfView(Spec):
    """A rectangle of square pixels in the plane of the sample; y runs down, x to the right, both in nm.

    Parameters
    ----------
    height_nm, width_nm : float
        Extent along y and x, a whole number of pixels, at least one.
    pixel_nm : float
        Edge length of a pixel.
    origin_y_nm, origin_x_nm : float
        Position of the upper left corner of the first pixel.
    """

    height_nm: PositiveFloat = 2560.0
    width_nm: PositiveFloat = 2560.0
    pixel_nm: PositiveFloat = 20.0
    origin_y_nm: float = 0.0
    origin_x_nm: float = 0.0

    @pydantic.model_validator(mode="after")
    def _whole_pixels(self) -> Self:
        for name in ("height_nm", "width_nm"):
            pixels = getattr(self, name) / self.pixel_nm
            if pixels < 1 - 1e-9:
                raise ValueError(
                    f"{name} = {getattr(self, name):g} is smaller than one pixel of {self.pixel_nm:g} nm"
                )
            if abs(pixels - round(pixels)) > 1e-6:
                raise ValueError(
                    f"{name} = {getattr(self, name):g} is {pixels:.3f} pixels of {self.pixel_nm:g} nm; "
                    f"{round(pixels) * self.pixel_nm:g} nm would be {round(pixels)}"
                )
        return self

    @classmethod
    def of(cls, observation: xr.Dataset) -> Self:
        """Return the field that the pixels of an observation, with ``counts`` (..., y, x), cover.

        The size of a pixel is the attribute ``pixel_nm``, or else the step of the coordinates.
        """
        y, x = observation["y"].values, observation["x"].values
        steps = [float(axis[-1] - axis[0]) / (axis.size - 1) for axis in (y, x) if axis.size > 1]
        pixel_nm = float(observation.attrs.get("pixel_nm", steps[0] if steps else 0.0))
        return cls(
            height_nm=y.size * pixel_nm,
            width_nm=x.size * pixel_nm,
            pixel_nm=pixel_nm,
            origin_y_nm=float(y[0]) - pixel_nm / 2,
            origin_x_nm=float(x[0]) - pixel_nm / 2,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of pixels along y and x."""
        return round(self.height_nm / self.pixel_nm), round(self.width_nm / self.pixel_nm)

    @property
    def area_um2(self) -> float:
        """The area in um^2."""
        return self.height_nm * self.width_nm * 1e-6

    @property
    def y_nm(self) -> npt.NDArray[np.float64]:
        """Centres of the pixel rows in nm, (y,)."""
        return np.asarray(self.origin_y_nm + (np.arange(self.shape[0]) + 0.5) * self.pixel_nm)

    @property
    def x_nm(self) -> npt.NDArray[np.float64]:
        """Centres of the pixel columns in nm, (x,)."""
        return np.asarray(self.origin_x_nm + (np.arange(self.shape[1]) + 0.5) * self.pixel_nm)

    @property
    def rectangle_nm(self) -> list[float]:
        """The upper left corner and the extent: y0, x0, height, width."""
        return [self.origin_y_nm, self.origin_x_nm, self.height_nm, self.width_nm]

    def edges(self, margin_nm: float = 0.0) -> Edges:
        """The borders, moved outwards by a margin, in the form that kernels take: top, bottom, left, right."""
        top, left = self.origin_y_nm - margin_nm, self.origin_x_nm - margin_nm
        bottom, right = top + self.height_nm + 2 * margin_nm, left + self.width_nm + 2 * margin_nm
        return np.float32(top), np.float32(bottom), np.float32(left), np.float32(right)

    def covered(self, pixel_nm: float) -> Self:
        """The smallest number of whole pixels of a camera, centred on the field, that cover it."""
        rows, columns = (math.ceil(extent / pixel_nm - 1e-9) for extent in (self.height_nm, self.width_nm))
        height_nm, width_nm = rows * pixel_nm, columns * pixel_nm
        return type(self)(
            height_nm=height_nm,
            width_nm=width_nm,
            pixel_nm=pixel_nm,
            origin_y_nm=self.origin_y_nm - (height_nm - self.height_nm) / 2,
            origin_x_nm=self.origin_x_nm - (width_nm - self.width_nm) / 2,
        )

    def grown(self, share: float) -> Self:
        """The field with a margin, a share of its extent rounded up to whole pixels, added on every side."""
        rows, columns = (math.ceil(pixels * share) for pixels in self.shape)
        return self.replace(
            {
                "height_nm": self.height_nm + 2 * rows * self.pixel_nm,
                "width_nm": self.width_nm + 2 * columns * self.pixel_nm,
                "origin_y_nm": self.origin_y_nm - rows * self.pixel_nm,
                "origin_x_nm": self.origin_x_nm - columns * self.pixel_nm,
            }
        )

    def contains(
        self, y_nm: npt.NDArray[np.floating], x_nm: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.bool_]:
        """Whether points lie inside; the upper and left edges belong to the field, the others do not."""
        y, x = y_nm - self.origin_y_nm, x_nm - self.origin_x_nm
        inside: npt.NDArray[np.bool_] = (y >= 0) & (y < self.height_nm) & (x >= 0) & (x < self.width_nm)
        return inside
