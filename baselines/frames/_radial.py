"""Frames on a finer grid, and how much their gradients converge there."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.interpolate import make_interp_spline

from baselines.frames import _radial_kernels as _kernels

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

FWHM = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum of a Gaussian, in standard deviations."""
CUT = 2.6
"""Distance in standard deviations beyond which weights are below 1e-3 of the largest."""
FINER = 2
"""Gradients per pixel, along each axis."""


class Around(NamedTuple):
    """The gradients around each place in a pixel; see :func:`baselines.frames._radial_kernels.converge`."""

    begin: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    towards: F32
    share: F32
    pad: int


def convergence(counts: F32, magnification: int, radius_px: float) -> F32:
    """Return the radial gradient convergence of frames.

    A gradient at the distance d from a place has the weight ``(d exp(-d^2 / 2 sigma^2))^4``, a ring of the radius
    sigma = ``radius_px`` / 2.355. It counts with ``1 - D / d`` where D is the distance of its line from the place, if
    it points towards it, and with 0 otherwise.

    Parameters
    ----------
    counts : array of float32, shape (frame, y, x)
    magnification : int
        Places per pixel, along each axis.
    radius_px : float
        Radius of the ring in pixels, as a full width at half maximum.

    Returns
    -------
    array of float32, shape (frame, magnification y, magnification x)
        From 0 to 1, the same if the counts are multiplied by a positive number or one is added to all.
    """
    around = surroundings(magnification, radius_px)
    frames, height, width = counts.shape
    found = np.empty((frames, magnification * height, magnification * width), np.float32)
    _kernels.converge(_unit_gradients(counts, around.pad), *around[:4], found)
    found /= _share_inside(height, width, magnification, radius_px)
    return found


def magnified(counts: F32, magnification: int) -> F32:
    """Return frames interpolated by cubic splines, shape (frame, magnification y, magnification x)."""
    across_y, across_x = (spline(size, magnification)[0] for size in counts.shape[1:])
    return np.asarray(across_y @ counts @ across_x.T)


@functools.lru_cache(maxsize=16)
def spline(size: int, magnification: int) -> tuple[F32, F32]:
    """Return what turns values at pixels into those of their cubic spline on a finer grid, and into its slopes."""
    pixels = np.arange(size, dtype=np.float64)
    if size == 1:
        return np.ones((magnification, 1), np.float32), np.zeros((magnification, 1), np.float32)
    curve = make_interp_spline(pixels, np.eye(size), k=3 if size > 3 else 1)
    places = finer(size, magnification)
    return curve(places).astype(np.float32), curve(places, nu=1).astype(np.float32)


def finer(size: int, magnification: int) -> F64:
    """Return the places of a finer grid in pixels, counted from the centre of the first pixel."""
    return np.asarray((np.arange(size * magnification) + 0.5) / magnification - 0.5)


@functools.lru_cache(maxsize=16)
def surroundings(magnification: int, radius_px: float) -> Around:
    """Return the gradients around each place in a pixel, with their weights."""
    sigma_px = radius_px / FWHM
    pad = math.ceil(CUT * sigma_px) + 1
    within, gradients = finer(1, magnification), finer(1, FINER)
    pixels = np.arange(-pad, pad + 1)
    begin, steps, towards, weights = [0], [], [], []
    for y, x in ((y, x) for y in within for x in within):
        near = [
            (half_y, half_x, below + pad, right + pad, y - below - gradients[half_y], x - right - gradients[half_x])
            for below in pixels for right in pixels for half_y in range(FINER) for half_x in range(FINER)
        ]  # fmt: skip
        table = np.array(near)
        distance = np.hypot(table[:, 4], table[:, 5])
        kept = (distance > 0) & (distance <= max(CUT * sigma_px, 1 / FINER))
        table, distance = table[kept], distance[kept]
        weight = (distance / sigma_px * np.exp(-0.5 * (distance / sigma_px) ** 2)) ** 4
        steps.append(table[:, :4])
        towards.append(table[:, 4:] / distance[:, None])
        weights.append(weight / weight.sum())
        begin.append(begin[-1] + weight.size)
    return Around(
        np.array(begin),
        np.concatenate(steps).astype(np.int64),
        np.concatenate(towards).astype(np.float32),
        np.concatenate(weights).astype(np.float32),
        pad,
    )


def _unit_gradients(counts: F32, pad: int) -> F32:
    """The directions of the gradients (frame, yx, 2, 2, y, x), with nothing around the frame."""
    frames, height, width = counts.shape
    (value_y, slope_y), (value_x, slope_x) = (spline(size, FINER) for size in (height, width))
    gradient = np.stack([slope_y @ counts @ value_x.T, value_y @ counts @ slope_x.T], axis=1)
    length = np.hypot(gradient[:, 0], gradient[:, 1])[:, None]
    # Rounding leaves slopes in a constant frame, which have no direction.
    least = 1e-5 * np.abs(counts).max(axis=(1, 2), initial=0)[:, None, None, None]
    unit = np.where(length > least, gradient / np.where(length > least, length, 1), 0).astype(np.float32)
    halves = unit.reshape(frames, 2, height, FINER, width, FINER).transpose(0, 1, 3, 5, 2, 4)
    around = (pad, pad)
    return np.pad(halves, ((0, 0), (0, 0), (0, 0), (0, 0), around, around))


@functools.lru_cache(maxsize=16)
def _share_inside(height: int, width: int, magnification: int, radius_px: float) -> F32:
    """The sum of the weights of the gradients in the frame around every place."""
    around = surroundings(magnification, radius_px)
    there = np.pad(np.ones((height, width), np.float32), around.pad)
    share = np.zeros((magnification * height, magnification * width), np.float32)
    for place in range(magnification**2):
        for k in range(around.begin[place], around.begin[place + 1]):
            below, right = around.steps[k, 2:]
            seen = there[below : below + height, right : right + width]
            share[place // magnification :: magnification, place % magnification :: magnification] += (
                around.share[k] * seen
            )
    return share
