"""Widefield: diffraction-limited images of the structure, taken between the localization frames."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.camera import CAMERAS, AnyCamera
from smlmsim.field import FieldOfView
from smlmsim.spec import Spec

AIRY_SIGMA = 0.21
"""Sigma, in wavelengths over NA, of the Gaussian nearest to an Airy pattern by least squares."""


class Widefield(Spec):
    """A widefield microscope that images all labels at once, at regular intervals between localization frames.

    The point spread function is the Gaussian nearest to an Airy pattern, sigma = 0.21 wavelength / NA (Zhang, Zerubia &
    Olivo-Marin 2007, doi:10.1364/AO.46.001819). The exposure starts at the end of a localization frame. It neither
    delays the frames nor bleaches, so a movie has the same localizations with and without widefield images. The
    structure is taken to be at rest during the exposure: at 150 nm/s it would move by 4.5 nm in the default one.

    Parameters
    ----------
    frames_between : int
        Number of localization frames from one image to the next.
    exposure_s : float
        Exposure of an image.
    wavelength_nm : float
        Wavelength of the fluorescence.
    numerical_aperture : float
        Numerical aperture of the objective, up to 1.7.
    pixel_nm : float
        Pixel of the camera, in the plane of the sample.
    photons_per_um : float
        Expected photons per image that reach the camera from 1 um of contour.
    background_photons : float
        Expected background photons per image and pixel.
    camera : Camera or str
        A camera, or the name of one in :data:`~smlmsim.camera.CAMERAS`: ``ideal``, ``emccd``, ``scmos``.
    """

    frames_between: PositiveInt = 50
    exposure_s: PositiveFloat = 0.03
    wavelength_nm: PositiveFloat = 600.0
    numerical_aperture: Annotated[float, pydantic.Field(gt=0, le=1.7)] = 1.45
    pixel_nm: PositiveFloat = 100.0
    photons_per_um: NonNegativeFloat = 5000.0
    background_photons: NonNegativeFloat = 20.0
    camera: AnyCamera = CAMERAS["scmos"]

    @property
    def sigma_nm(self) -> float:
        """The standard deviation of the point spread function."""
        return AIRY_SIGMA * self.wavelength_nm / self.numerical_aperture

    @property
    def pixel_sigma_nm(self) -> float:
        """Its value after averaging over a square pixel, which adds pixel^2 / 12 to the variance."""
        return math.hypot(self.sigma_nm, self.pixel_nm / math.sqrt(12))

    def times_s(self, acquisition: Acquisition) -> npt.NDArray[np.float64]:
        """The middle of the exposure of every image, in s.

        Raises
        ------
        ValueError
            If the movie is too short for a single image.
        """
        images = acquisition.frames // self.frames_between
        if images == 0:
            raise ValueError(
                f"frames_between = {self.frames_between} exceeds the {acquisition.frames} frames of the movie; "
                "at least one image is needed"
            )
        starts_s = np.arange(1, images + 1) * self.frames_between * acquisition.exposure_s
        return np.asarray(starts_s + self.exposure_s / 2)

    def view(self, field: FieldOfView) -> FieldOfView:
        """The pixels of the camera: the smallest number of whole pixels, centred on a field, that cover it."""
        return field.covered(self.pixel_nm)

    def take(self, blurred: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
        """Take images of contours.

        Parameters
        ----------
        blurred : xr.DataArray
            Density (time, y, x) in nm^-1 at the pixels of the camera, drawn with the sigma ``pixel_sigma_nm``.
        rng : np.random.Generator

        Returns
        -------
        xr.Dataset
            ``widefield`` (widefield_time, widefield_y, widefield_x), uint16 grey levels.
        """
        contour_um = blurred.values.astype(np.float64) * self.pixel_nm**2 * 1e-3
        photons = self.photons_per_um * contour_um + self.background_photons
        return schema.dataset(
            widefield=self.camera.record(photons, rng),
            widefield_time=blurred.time.values,
            widefield_y=blurred.y.values,
            widefield_x=blurred.x.values,
        )


def as_movie(observation: xr.Dataset) -> xr.DataArray:
    """The widefield images of an observation as a movie with the dims (time, y, x)."""
    schema.check(observation, "widefield")
    named = {f"widefield_{dim}": dim for dim in ("time", "y", "x")}
    movie: xr.DataArray = observation["widefield"].rename(named)
    for dim in named.values():
        movie[dim] = schema.variable(dim, movie[dim].values)
    return movie


def with_images(observation: xr.Dataset, movie: xr.DataArray) -> xr.Dataset:
    """Add a movie (time, y, x), perhaps with a leading channel, to an observation as its widefield images."""
    axes = {f"widefield_{dim}": movie[dim].values for dim in ("time", "y", "x")}
    return observation.merge(schema.dataset(widefield=movie.values, **axes))
