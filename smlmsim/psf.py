"""Point spread functions: how the light of a molecule falls on the pixels of a camera.

Every kind turns into profiles of single rows and columns of pixels, from which ``_frames_kernels`` draws spots. The
light on a pixel is a sum over a few terms, each a product of a profile along y and the same profile along x. For a
Gaussian one term is exact; for an Airy pattern twelve are enough.
"""

from __future__ import annotations

import functools
import math
from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pydantic
from pydantic import PositiveFloat

from smlmsim.spec import Spec, kind_or

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.floating]

LANES = 8
"""Pixels that the kernels treat at once: profiles have a multiple of them."""
REACH_IN_SIGMAS = 5.3
"""Where a Gaussian is cut off: 1.2e-7 of the light along an axis lies beyond."""
GAUSSIAN_PLACES = 550.0
"""Places within sigma at which the profile of a Gaussian is tabulated. Between two of them it is interpolated linearly,
which errs by at most 0.48 / (8 * 550**2) = 2e-7 of all light."""
NARROWEST_SIGMA_IN_PIXELS = 0.1
"""Narrowest Gaussian for which a table is made."""
AIRY_TERMS = 12
"""Products that make up an Airy pattern. They err by 4e-5 of its maximum on a pixel, and by 5e-4 in all of the light;
eight by 1.5e-4 and 2e-3."""
AIRY_PLACES = 400.0
"""Places within a wavelength over NA at which the profiles of an Airy pattern are tabulated."""
AIRY_REACH = 45.0
"""Where an Airy pattern is cut off, in wavelengths over 2 pi NA: 1.4 % of the light lies beyond, and none of the rings
there reaches 3e-5 of the maximum."""


class Profiles(NamedTuple):
    """The light on rows, or columns, of pixels around a molecule.

    Parameters
    ----------
    table : float32 array, shape (term, place + 1, pixel)
        Profiles for molecules at equally spaced places from the beginning of a pixel to its end.
    sign : float32 array, shape (term,)
        With which sign the product of the profiles along y and x is added.
    before : int
        Number of pixels in a profile before that in which the molecule is.
    """

    table: Floats
    sign: Floats
    before: int


class Gaussian(Spec):
    """A Gaussian spot, integrated exactly over the pixels.

    Parameters
    ----------
    sigma_nm : float
        Standard deviation along either axis, above 0.
    """

    kind: Literal["gaussian"] = "gaussian"
    sigma_nm: PositiveFloat = 130.0

    @property
    def reach_nm(self) -> float:
        """Distance beyond which a molecule sends no light."""
        return REACH_IN_SIGMAS * self.sigma_nm

    def profiles(self, pixel_nm: float) -> Profiles:
        """The profiles on pixels of a given edge.

        Raises
        ------
        ValueError
            If sigma is below a tenth of the pixel.
        """
        if self.sigma_nm < NARROWEST_SIGMA_IN_PIXELS * pixel_nm:
            raise ValueError(
                f"sigma_nm={self.sigma_nm:g} is below a tenth of a pixel; set it to "
                f"{NARROWEST_SIGMA_IN_PIXELS * pixel_nm:g} at least, or choose a smaller camera_pixel_nm"
            )
        return _gaussian(self.sigma_nm / pixel_nm)


class Airy(Spec):
    """The diffraction pattern of a circular aperture, integrated over the pixels.

    With k = 2 pi NA / wavelength, the density is (J1(k r) / r)^2 / pi (Born & Wolf, Principles of Optics, 8.5.2). The
    light on a pixel is found to 1e-4 of the brightest one, and all of the light within reach to 1e-3.

    Parameters
    ----------
    wavelength_nm : float
        Wavelength of the fluorescence.
    numerical_aperture : float
        Numerical aperture of the objective, up to 1.7.
    """

    kind: Literal["airy"] = "airy"
    wavelength_nm: PositiveFloat = 600.0
    numerical_aperture: Annotated[float, pydantic.Field(gt=0, le=1.7)] = 1.45

    @property
    def per_nm(self) -> float:
        """The constant k in nm^-1."""
        return 2 * math.pi * self.numerical_aperture / self.wavelength_nm

    @property
    def sigma_nm(self) -> float:
        """Standard deviation of the Gaussian that is most like it: 0.21 wavelengths over NA."""
        return 0.21 * self.wavelength_nm / self.numerical_aperture

    @property
    def reach_nm(self) -> float:
        """Distance beyond which the light of a molecule is left out."""
        return AIRY_REACH / self.per_nm

    def profiles(self, pixel_nm: float) -> Profiles:
        """The profiles on pixels of a given edge."""
        return _airy(self.per_nm * pixel_nm)


PSF = Annotated[Gaussian | Airy, pydantic.Field(discriminator="kind"), kind_or("gaussian")]


@functools.lru_cache(maxsize=8)
def _gaussian(sigma: float) -> Profiles:
    """Profiles of a Gaussian; all lengths are in pixels."""
    from scipy.special import ndtr  # here, because it takes longer to load than this module

    edges, before = _edges(REACH_IN_SIGMAS * sigma, math.ceil(GAUSSIAN_PLACES / sigma))
    table = np.diff(ndtr(edges / sigma), axis=1)
    return Profiles(table[None].astype(np.float32), np.ones(1, np.float32), before)


@functools.lru_cache(maxsize=8)
def _airy(k: float) -> Profiles:
    """Profiles of an Airy pattern; all lengths are in pixels.

    On a grid of points from the centre outwards along y and x, the pattern is a symmetric matrix. Its eigenvectors of
    largest eigenvalue give the best sum of products. As the pattern has no detail finer than half a wavelength over NA,
    points at a third of this distance tell it everywhere: between them, a function f with eigenvalue w is the sum of
    pattern * f over the points, divided by w (Nystrom's method). The functions are even; their integral is odd.
    """
    reach, step = AIRY_REACH / k, math.pi / (3 * k)
    points = (np.arange(math.ceil(reach / step)) + 0.5) * step
    values, vectors = np.linalg.eigh(_airy_pattern(points, points, k).astype(np.float64))
    best = np.argsort(-np.abs(values))[:AIRY_TERMS]
    edges, before = _edges(reach, math.ceil(AIRY_PLACES * k / (2 * math.pi)))
    fine = np.linspace(0, np.abs(edges).max(), math.ceil(np.abs(edges).max() * 20 * k) + 1)
    functions = _airy_pattern(fine, points, k) @ (vectors[:, best] / np.sqrt(np.abs(values[best])))
    return Profiles(
        np.stack([_integrated(fine, of, edges) for of in functions.T]).astype(np.float32),
        np.sign(values[best]).astype(np.float32),
        before,
    )


def _airy_pattern(y: Doubles, x: Doubles, k: float) -> Doubles:
    """Density of the pattern at all pairs of coordinates."""
    from scipy.special import j1

    radius = np.maximum(k * np.hypot(y[:, None], x), 1e-9)
    return np.asarray((k * j1(radius) / radius) ** 2 / math.pi)


def _integrated(fine: Doubles, function: Doubles, edges: Doubles) -> Doubles:
    """Integrate an even function, known at points from 0 on, between successive edges along the last axis."""
    from scipy.interpolate import CubicSpline

    integral = CubicSpline(fine, function, bc_type=((1, 0.0), "not-a-knot")).antiderivative()
    return np.diff(np.sign(edges) * integral(np.abs(edges)), axis=1)


def _edges(reach: float, places: int) -> tuple[Doubles, int]:
    """Edges of the pixels around a molecule, relative to it, (place + 1, pixel + 1), and the pixels before its own."""
    before = math.ceil(reach)
    pixels = LANES * math.ceil((2 * before + 1) / LANES)
    before += (pixels - 2 * before - 1) // 2
    return np.arange(pixels + 1) - before - np.arange(places + 1)[:, None] / places, before
