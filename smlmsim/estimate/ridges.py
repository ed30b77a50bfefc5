"""Ridges: filaments in an image, thinned to lines."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage import feature, filters, morphology

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ROUNDING = 1e-6
"""Part of the maximum below which a number is rounding."""
AROUND = np.ones((3, 3), np.int64)
"""A pixel and its eight neighbours."""


def ridge_lines(image: Floats, sigma: float) -> Mask:
    """Find the ridges of an image (y, x) that are about sigma pixels wide, as lines one pixel wide.

    The ridge filter of Sato et al. 1998 (doi:10.1016/S1361-8415(98)80009-1) is thresholded by Otsu's method (1979,
    doi:10.1109/TSMC.1979.4310076). Lines shorter than two sigma are left out.
    """
    strength = filters.sato(image, sigmas=[sigma], black_ridges=False)
    otsu = float(filters.threshold_otsu(strength))
    strong = strength > max(otsu, ROUNDING * float(np.abs(image).max()))
    line = morphology.skeletonize(strong)
    return _long(np.asarray(line, dtype=np.bool_), 2 * sigma)


def uncrossed(line: Mask, sigma: float) -> Mask:
    """The parts of lines away from crossings and from the border, if they are longer than two sigma."""
    crossings = line & (ndimage.convolve(line.astype(np.int64), AROUND, mode="constant") > 3)
    line = (
        line & (ndimage.distance_transform_edt(~crossings) > 1.5 * sigma) if crossings.any() else line.copy()
    )
    margin = math.ceil(sigma)
    line[:margin] = line[-margin:] = line[:, :margin] = line[:, -margin:] = False
    return _long(line, 2 * sigma)


def normals(image: Floats, line: Mask, sigma: float) -> Floats:
    """The unit normals (yx, point) of ridges: the direction of the most negative curvature."""
    hessian = feature.hessian_matrix(image, sigma=sigma, order="rc", use_gaussian_derivatives=False)
    yy, yx, xx = (part[line] for part in hessian)
    angle = 0.5 * np.arctan2(2 * yx, xx - yy) + np.pi / 2
    return np.stack([np.sin(angle), np.cos(angle)])


def _long(line: Mask, least: float) -> Mask:
    pieces, _ = ndimage.label(line, AROUND)
    return np.asarray(line & (np.bincount(pieces.ravel())[pieces] >= least))
