"""Warp: the deformation of measured images for which no coordinates exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage
import xarray as xr

from smlmsim import schema
from smlmsim.contour import NEVER_NM, specks
from smlmsim.field import FieldOfView
from smlmsim.motion._deformation_kernels import carry
from smlmsim.motion.deformation import Deformation, Flow

Array = npt.NDArray[np.float64]

ITERATIONS = 8
"""Steps of the fixed-point iteration that inverts the displacement."""


def warp_movie(
    image: npt.NDArray[Any], field: FieldOfView, motion: Deformation, times_s: Array, rng: np.random.Generator
) -> xr.Dataset:
    """Deform an image over time, for measured structures that are known only as an image.

    The value that the flow carries to each pixel is interpolated linearly, in a plane continued by mirror images beyond
    the borders. This blurs the image and distorts the width of lines: if coordinates exist, move these instead.

    Parameters
    ----------
    image : ndarray (y, x)
        Finite image, at least 0 everywhere, in any unit.
    field : FieldOfView
        Field whose pixels are those of the image.
    motion : Deformation
        Motion; its velocity is measured on the pixels above half the maximum, along a random direction at each.
    times_s : ndarray (time,)
        Increasing times in s.
    rng : numpy.random.Generator

    Returns
    -------
    xr.Dataset
        ``density`` (time, y, x) float32, in the unit of the image, whatever its attribute ``units`` says.

    Raises
    ------
    ValueError
        If the image has another shape than the field, or holds nothing.
    """
    if image.shape != field.shape:
        raise ValueError(
            f"the image has {image.shape} pixels, the field {field.shape}; they must be the same"
        )
    if not (np.isfinite(image).all() and image.max() > 0):
        raise ValueError("the image is empty or not finite, so there is nothing to move")
    flow = motion.flow(_specks(image, field, rng), times_s, rng)
    density = np.empty((times_s.size, *image.shape), np.float32)
    for t, places in enumerate(_sources(flow, field, times_s)):
        scipy.ndimage.map_coordinates(image, places, output=density[t], order=1, mode="reflect")
    return schema.dataset(density=density, time=times_s, y=field.y_nm, x=field.x_nm)


def _specks(image: npt.NDArray[Any], field: FieldOfView, rng: np.random.Generator) -> xr.Dataset:
    """A speck of contour, of random direction, in the middle of every bright pixel."""
    rows, columns = np.nonzero(image >= image.max() / 2)
    return specks(field.y_nm[rows], field.x_nm[columns], field, rng)


def _sources(flow: Flow, field: FieldOfView, times_s: Array) -> Any:
    """For every time, the positions (yx, y, x), in pixels of the image at rest, that the flow has moved to each pixel.

    The position r before the displacement d solves r + d(r) = pixel by fixed-point iteration.
    """
    pixels = np.stack(np.meshgrid(field.y_nm, field.x_nm, indexing="ij")).reshape(2, -1)
    origin, displaced = pixels.min(axis=1)[:, None], np.empty((2, 1, pixels.shape[1]), np.float32)
    still, never = np.zeros((2, 1)), np.full(2, NEVER_NM)
    for shift, amplitude in zip(flow.shifts(times_s).T, flow.amplitudes(times_s), strict=True):
        places = pixels.copy()
        for _ in range(ITERATIONS):
            carry(
                places,
                places,
                never,
                -never / 2,
                still,
                np.array([amplitude]),
                flow.terms,
                flow.field,
                displaced,
            )
            places += pixels - displaced[:, 0]
        yield ((places - shift[:, None] - origin) / field.pixel_nm).reshape(2, *field.shape)
