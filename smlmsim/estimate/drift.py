"""Drift: how far the image of all localizations shifts as a whole during a recording."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.acquisition import recorded_frames
from smlmsim.estimate.covered import field_of_view

Floats = npt.NDArray[np.float64]

PARTS = 4
"""Number of parts of equal length into which a recording is cut."""
PIXEL_NM, BLUR_NM = 25.0, 40.0
"""Pixel of the images that are compared, and standard deviation of the Gaussian by which they are blurred."""
FARTHEST_NM = 600.0
"""Largest shift that is looked for."""
MOST_PIXELS = 2048
"""Pixels along the longer side of an image: larger fields get larger pixels."""
LEAST_LOCALIZATIONS = 100
"""Fewest localizations in an image that is compared."""
LARGEST_ERROR_NM = 50.0
"""If independent halves of the localizations give shifts that differ by more, there is no shift to tell of."""


class Drift(NamedTuple):
    """The greatest shift of a later quarter of a recording from the first, and its standard error, nm."""

    shift_nm: float
    error_nm: float

    @property
    def is_seen(self) -> bool:
        """Whether the shift exceeds three standard errors."""
        return self.shift_nm > 3 * self.error_nm


def drift(table: xr.Dataset) -> Drift | None:
    """Measure by how much the image of the later quarters of a recording is shifted from that of the first quarter.

    The shift is where the cross-correlation of both images is greatest. It is measured on every second localization and
    on the others separately: the two shifts tell the error. In fixed cells a shift is drift of the stage; in living
    ones it may be motion that all structures share.

    Parameters
    ----------
    table : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` (localization,).

    Returns
    -------
    Drift or None
        None if there are fewer than 200 localizations in a quarter, or the shifts of both halves differ by more than
        50 nm: the quarters then have too little in common.
    """
    begin, end = recorded_frames(table)
    part = ((table.loc_frame.values - begin) * PARTS) // max(end - begin, 1)
    halves = np.arange(table.sizes["localization"]) % 2
    least = min(np.count_nonzero((part == p) & (halves == h)) for p in range(PARTS) for h in (0, 1))
    if least < LEAST_LOCALIZATIONS:
        return None
    images = _Images(table)
    shifts = np.array(
        [
            [_shift(images(part, halves, 0, h), images(part, halves, p, h)) for h in (0, 1)]
            for p in range(1, PARTS)
        ]
    )  # (part, half, yx)
    shifts *= images.pixel_nm
    difference = np.hypot(*(shifts[:, 0] - shifts[:, 1]).T)
    if not np.isfinite(difference).all() or difference.max() > LARGEST_ERROR_NM:
        return None
    mean = shifts.mean(axis=1)
    farthest = int(np.argmax(np.hypot(*mean.T)))
    error = math.hypot(float(np.sqrt(np.mean(difference**2))) / 2, images.pixel_nm / 10)
    return Drift(float(np.hypot(*mean[farthest])), error)


class _Images:
    """Blurred images of parts of a table, as Fourier transforms."""

    def __init__(self, table: xr.Dataset) -> None:
        field = field_of_view(table, pixel_nm=PIXEL_NM)
        self.pixel_nm = max(PIXEL_NM, max(field.height_nm, field.width_nm) / MOST_PIXELS)
        origin = np.array([[field.origin_y_nm], [field.origin_x_nm]])
        places = np.stack([table.loc_y.values, table.loc_x.values]).astype(np.float64)
        self._pixel = ((places - origin) // self.pixel_nm).astype(np.int64)
        self._shape = self._pixel.max(axis=1) + 1
        self._made: dict[tuple[int, int], npt.NDArray[np.complex128]] = {}

    def __call__(
        self, part: npt.NDArray[np.int64], halves: npt.NDArray[np.int64], p: int, h: int
    ) -> tuple[npt.NDArray[np.complex128], tuple[int, int], float]:
        if (p, h) not in self._made:
            chosen = self._pixel[:, (part == p) & (halves == h)]
            image = np.zeros(self._shape)
            np.add.at(image, tuple(chosen), 1.0)
            self._made[p, h] = np.fft.rfft2(image - image.mean(), self._padded)
        return self._made[p, h], self._padded, self.pixel_nm

    @property
    def _padded(self) -> tuple[int, int]:
        """The shape with room for shifts."""
        from scipy.fft import next_fast_len

        rows, columns = (next_fast_len(int(size + 2 * FARTHEST_NM / self.pixel_nm)) for size in self._shape)
        return rows, columns


def _shift(
    first: tuple[npt.NDArray[np.complex128], tuple[int, int], float],
    later: tuple[npt.NDArray[np.complex128], tuple[int, int], float],
) -> tuple[float, float]:
    """The shift (y, x) in pixels at which two images correlate most; NaN if that is at the border."""
    (one, shape, pixel_nm), (other, _, _) = first, later
    correlation = np.fft.irfft2(other * one.conj() * _blur(shape, pixel_nm), shape)
    reach = int(FARTHEST_NM / pixel_nm)
    around = np.roll(correlation, (reach, reach), axis=(0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    y, x = np.unravel_index(int(around.argmax()), around.shape)
    if not (0 < y < 2 * reach and 0 < x < 2 * reach):
        return math.nan, math.nan
    return (
        float(y) - reach + _vertex(*around[y - 1 : y + 2, x]),
        float(x) - reach + _vertex(*around[y, x - 1 : x + 2]),
    )


def _blur(shape: tuple[int, int], pixel_nm: float) -> Floats:
    """The transfer function of two Gaussian blurs, one for each image."""
    y, x = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])
    return np.asarray(np.exp(-4 * np.pi**2 * (BLUR_NM / pixel_nm) ** 2 * (y**2 + x**2)))


def _vertex(before: float, at: float, after: float) -> float:
    """The place of the maximum of a parabola through three points, in steps from the middle one."""
    bend = before - 2 * at + after
    return 0.5 * (before - after) / bend if bend else 0.0
