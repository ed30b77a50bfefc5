"""Joint cumulants of camera pixels at places between them, without those of a pixel with itself."""

from __future__ import annotations

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from baselines.frames import _cumulant_kernels as _kernels

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

REACH = range(-1, 3)
"""Rows and columns of the pixels that are combined, from that at or before the place."""
LEVELS = 3
"""Number of spreads that are tried: the smallest, and larger ones where those pixels are beyond a border."""

Pixel = tuple[int, int]


class Combination(NamedTuple):
    """Distinct pixels whose mean is a place, and the sum of their squared distances from it, in pixels."""

    pixels: tuple[Pixel, ...]
    spread: float


@functools.cache
def combinations(order: int, row: int, column: int) -> tuple[tuple[Combination, ...], ...]:
    """Return the combinations of pixels for the place (row, column) / order, those of one spread together."""
    found: dict[float, list[Combination]] = {}
    for pixels in itertools.combinations(itertools.product(REACH, REACH), order):
        if tuple(map(sum, zip(*pixels, strict=True))) == (row, column):
            spread = sum(y * y + x * x for y, x in pixels) - (row**2 + column**2) / order
            found.setdefault(round(spread, 6), []).append(Combination(pixels, spread))
    return tuple(tuple(found[spread]) for spread in sorted(found)[:LEVELS])


def cumulant_image(counts: F32, order: int, sigma_px: float) -> F64:
    """Return the joint cumulants of the pixels of some frames, corrected for the distances between the pixels.

    Light of an emitter at r falls on n pixels at r_i with a mean m in proportion to
    ``exp(-n |m - r|^2 / 2 sigma^2) exp(-sum |r_i - m|^2 / 2 sigma^2)``. The first factor is the narrower point spread
    function, the same for all combinations. The second one is known, and divided out.

    Parameters
    ----------
    counts : array of float32, shape (frame, y, x)
    order : int
        Number n of pixels in a combination, 2 to 4.
    sigma_px : float
        Standard deviation of the point spread function in pixels.

    Returns
    -------
    array, shape (order (y - 1) + 1, order (x - 1) + 1)
        At the centres of the pixels and ``order - 1`` places between neighbours, along each axis. It is 0 where
        too few pixels are around, as in the corners.
    """
    height, width = counts.shape[1:]
    fluctuations = counts - counts.mean(axis=0)
    image = np.zeros((order * height, order * width))
    for row, column in itertools.product(range(order), repeat=2):
        image[row::order, column::order] = _at_places(
            fluctuations, combinations(order, row, column), sigma_px
        )
    return image[: order * (height - 1) + 1, : order * (width - 1) + 1]


def spread_of_light(counts: F32) -> float:
    """Measure the standard deviation of the point spread function, in pixels, from cumulants of second order.

    Summed over a field, that of pixels at the distance d is in proportion to ``exp(-d^2 / 4 sigma^2)``. The distances
    1 and 2 are compared.

    Returns
    -------
    float
        NaN if the cumulants do not decrease with the distance, or there are fewer than 3 rows or columns.
    """
    if min(counts.shape[1:]) < 3:
        return math.nan
    fluctuations = counts - counts.mean(axis=0)
    near, far = (_mean_product(fluctuations, distance) for distance in (1, 2))
    return math.sqrt(0.75 / math.log(near / far)) if near > far > 0 else math.nan


def _at_places(fluctuations: F32, levels: tuple[tuple[Combination, ...], ...], sigma_px: float) -> F64:
    """The corrected cumulants (y, x) at one place beside each pixel, of the least spread pixels in the frame."""
    found = np.zeros(fluctuations.shape[1:])
    missing = np.ones(found.shape, bool)
    for level in levels:
        total, number = np.zeros_like(found), np.zeros(found.shape, np.int64)
        for combination in level:
            _kernels.add_cumulants(fluctuations, np.array(combination.pixels), total, number)
        new = missing & (number > 0)
        factor = math.exp(-level[0].spread / (2 * sigma_px**2))
        found[new] = total[new] / (number[new] * factor)
        missing &= ~new
        if not missing.any():
            break
    return found


def _mean_product(fluctuations: F32, distance: int) -> float:
    """The mean product of pixels at a distance along x, plus that along y; of as many pairs for 1 as for 2."""
    height, width = fluctuations.shape[1:]
    along_x = fluctuations[:, :, : width - 2], fluctuations[:, :, distance : width - 2 + distance]
    along_y = fluctuations[:, : height - 2], fluctuations[:, distance : height - 2 + distance]
    return sum(
        float(np.einsum("fyx,fyx->", one, other, dtype=np.float64)) / one.size
        for one, other in (along_x, along_y)
    )
