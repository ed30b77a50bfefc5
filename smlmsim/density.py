"""Density: the movie of contour length per area, which is the ground truth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import PositiveFloat

from smlmsim import _density_kernels, schema
from smlmsim.contour import starts
from smlmsim.field import FieldOfView
from smlmsim.spec import Spec

NARROWEST_SIGMA_IN_PIXELS = 0.1
"""Thinnest contour that is drawn: below, the grid between the pixels would grow without limit."""
NARROWEST_SIGMA_IN_GRID_POINTS = 1.2
"""Finer than this, the grid makes the spline a Gaussian to within 1e-3 of the maximum."""
RADIUS_IN_SIGMAS = 4.0
"""Where the blur is cut off: 6e-5 of a Gaussian lies beyond."""
LONGEST_PIECE_IN_SIGMAS = 5 / 3
"""Piece of contour that two points stand for: the quadrature then errs by 4e-4, see ``_density_kernels``."""


class Density(Spec):
    """The contour of all filaments, convolved with an isotropic Gaussian.

    The default sigma is that of Bai 2023 (tel-04772446, chapter II.3): 1.5 pixels of 20 nm.

    Parameters
    ----------
    sigma_nm : float
        Standard deviation of the Gaussian.
    """

    sigma_nm: PositiveFloat = 30.0

    def render(self, moving: xr.Dataset, field: FieldOfView) -> xr.Dataset:
        """Draw the density of the contour at the centre of every pixel, for every time of a structure.

        The contour of a filament is the polyline through its vertices, inside and around the field. The
        density is the line integral of the Gaussian along it, at the centres of the pixels, not averaged over
        them. Its error, relative to its maximum, is below 1e-3 (root mean square) and 1e-2 (largest); with the
        default sigma and pixels of 20 nm, below 5e-4 and 3e-3, even for the shortest lines. The sum over the pixels,
        times their area, is the contour length in view if sigma exceeds 0.7 pixels. A thinner contour falls between
        the centres of pixels, and so may the maximum to which errors are compared.

        Parameters
        ----------
        moving : xr.Dataset
            ``vertex_y``, ``vertex_x`` (time, vertex) or (vertex,) in nm, with the coordinate ``filament``.
        field : FieldOfView
            The pixels at which the density is drawn.

        Returns
        -------
        xr.Dataset
            The vertices, and ``density`` (time, y, x) or (y, x), float32, nm^-1.

        Raises
        ------
        smlmsim.schema.SchemaError
            If the vertices are missing or not finite.
        ValueError
            If sigma is smaller than a tenth of the pixel.
        """
        schema.check(moving, "filament", "vertex_y", "vertex_x")
        vertices = moving[["vertex_y", "vertex_x"]]
        y, x = (np.ascontiguousarray(np.atleast_2d(v.values)) for v in (vertices.vertex_y, vertices.vertex_x))
        density = np.empty((len(y), *field.shape), np.float32)
        refinement = self._refinement(field.pixel_nm)
        sigma = self.sigma_nm / field.pixel_nm * refinement
        _density_kernels.draw(
            y,
            x,
            starts(moving.filament.values),
            field.origin_y_nm,
            field.origin_x_nm,
            field.pixel_nm,
            refinement,
            np.float32(LONGEST_PIECE_IN_SIGMAS * sigma),
            _taps(sigma),
            density,
        )
        density = density.reshape(*vertices.vertex_y.shape[:-1], *field.shape)
        return vertices.merge(schema.dataset(density=density, y=field.y_nm, x=field.x_nm))

    def _refinement(self, pixel_nm: float) -> int:
        """The smallest odd number of grid points along a pixel at which sigma spans enough grid points."""
        narrowest_nm = NARROWEST_SIGMA_IN_PIXELS * pixel_nm
        if self.sigma_nm < narrowest_nm:
            raise ValueError(
                f"sigma_nm = {self.sigma_nm:g} is too thin for pixels of {pixel_nm:g} nm: "
                f"set it to at least {narrowest_nm:g} nm, or choose smaller pixels"
            )
        points = math.ceil(NARROWEST_SIGMA_IN_GRID_POINTS * pixel_nm / self.sigma_nm)
        return points + 1 - points % 2


def _taps(sigma: float) -> npt.NDArray[np.float32]:
    """Half of the blur kernel, from its centre on, that together with the spreading of points is nearest to a Gaussian.

    It minimises the squared error over all positions of a point between grid points (k: angular frequency per grid
    point).
    """
    radius = math.ceil(RADIUS_IN_SIGMAS * sigma)
    taps = _density_kernels.TAPS * math.ceil(radius / _density_kernels.TAPS)
    k = 2 * np.pi * (np.arange(8 * taps) / (8 * taps) + np.arange(-3, 3)[:, None])
    spread = np.sinc(k / (2 * np.pi)) ** 4
    response = (np.exp(-0.5 * (k * sigma) ** 2) * spread).sum(0) / (spread**2).sum(0)
    blur = np.maximum(np.fft.ifft(response).real[: taps + 1], 0)
    normalised: npt.NDArray[np.float64] = blur / (2 * blur.sum() - blur[0])
    return normalised.astype(np.float32)
