"""Intensity profiles across filaments, and their full width at half maximum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import convolve, map_coordinates, maximum_filter
from skimage import feature, morphology

Floats = npt.NDArray[np.float64]

HALF_PROFILE_NM = 250.0
"""Half length in nm of a profile across a filament: several widths of one."""
STEPS_PER_PIXEL = 2
"""Samples of a profile per pixel."""
FARTHEST_FROM_CROSSING_PX = 4
"""Distance in px from crossings within which no profile is taken."""
RIDGE_SIGMA_PX = 2.0
"""Width in px of the ridges that are looked for: about that of a filament."""
CENTRE_NM = 60.0
"""Greatest distance in nm from the middle of a profile at which its peak is looked for."""


def across(frame: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_], pixel_nm: float) -> Floats:
    """Return the positions of profiles across the centre lines of a frame, (yx, profile, sample) in px.

    The normal of a line is the direction of its largest curvature, an eigenvector of the Hessian.

    Parameters
    ----------
    frame : array (y, x)
    mask : array (y, x)
        Where the structure is; its skeleton gives the lines.
    pixel_nm : float

    References
    ----------
    Steger 1998, doi:10.1109/34.659930.
    """
    lines = morphology.skeletonize(mask)
    neighbours = convolve(lines.astype(np.int64), np.ones((3, 3), np.int64), mode="constant")
    side = 2 * FARTHEST_FROM_CROSSING_PX + 1
    near_crossing = maximum_filter(lines & (neighbours > 3), side)
    y, x = np.nonzero(lines & ~near_crossing)
    yy, yx, xx = (
        term[y, x]
        for term in feature.hessian_matrix(frame, RIDGE_SIGMA_PX, order="rc", use_gaussian_derivatives=False)
    )
    angle = 0.5 * np.arctan2(2 * yx, xx - yy) + np.pi / 2
    reach = HALF_PROFILE_NM / pixel_nm
    offsets = np.linspace(-reach, reach, 2 * round(STEPS_PER_PIXEL * reach) + 1)
    return np.stack(
        [y[:, None] + np.sin(angle)[:, None] * offsets, x[:, None] + np.cos(angle)[:, None] * offsets]
    )


def offsets_nm(pixel_nm: float) -> Floats:
    """Return the distances of the samples of a profile from its middle, (sample,) in nm."""
    samples = 2 * round(STEPS_PER_PIXEL * HALF_PROFILE_NM / pixel_nm) + 1
    return np.linspace(-HALF_PROFILE_NM, HALF_PROFILE_NM, samples)


def sampled(frame: npt.NDArray[np.float32], places: Floats) -> Floats:
    """Return the intensities of a frame at the positions of profiles, (profile, sample), linearly interpolated."""
    profiles: Floats = map_coordinates(frame, places, order=1, mode="nearest")
    return profiles


def width_nm(profile: Floats, offsets: Floats) -> float:
    """Return the full width at half maximum of a profile (sample,) around the peak near its middle, in nm.

    Half maximum is half-way between the minimum of the profile and the peak. NaN if the profile does not fall to it on
    both sides, as between two filaments, or has no peak near its middle.

    Parameters
    ----------
    profile, offsets : array (sample,)
        The intensities, and their distances from the middle in nm, equally spaced.
    """
    near = np.abs(offsets) <= CENTRE_NM
    peak = int(np.flatnonzero(near)[profile[near].argmax()])
    level = (profile[peak] + profile.min()) / 2
    sides = profile[peak:], profile[peak::-1]
    if profile[peak] <= profile.min() or any((side >= level).all() for side in sides):
        return float("nan")
    return float(sum(first_below(side, level) for side in sides) * (offsets[1] - offsets[0]))


def first_below(side: Floats, level: float) -> float:
    """Return the interpolated number of steps until a profile falls to a level; all steps if it never does."""
    below = np.flatnonzero(side < level)
    if below.size == 0:
        return float(side.size - 1)
    first = below[0]
    return float(first - (level - side[first]) / (side[first - 1] - side[first]))
