"""The displacement of one movie against another is found to a fraction of a pixel."""

import numpy as np
import pytest
import xarray as xr

from smlmsim import channels
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.metrics import displacement_nm
from smlmsim.pipeline import TwoColours, simulate


def _spot(y_nm, x_nm, sigma_nm=40.0, pixel_nm=20.0, size=48):
    """A Gaussian in a movie of two time points."""
    at = pixel_nm * np.arange(size)
    image = np.exp(-((at[:, None] - y_nm) ** 2 + (at - x_nm) ** 2) / (2 * sigma_nm**2))
    return xr.DataArray(np.stack([image, image]), {"y": at, "x": at}, ("time", "y", "x"))


@pytest.mark.parametrize("shift", [(0.0, 0.0), (13.0, -31.0), (-60.0, 7.0)])
def test_the_displacement_of_a_gaussian_is_found_to_a_twentieth_of_a_pixel(shift):
    found = displacement_nm(_spot(480, 480), 3 * _spot(480 + shift[0], 480 + shift[1]))
    np.testing.assert_allclose(found, shift, atol=1.0)


def test_the_chromatic_shift_of_two_colours_is_found():
    study = TwoColours(
        field=FieldOfView(height_nm=1280, width_nm=1280), acquisition=Acquisition(time_points=3),
        motion={"kind": "static"}, photophysics={"rate_hz": 20000},
        second_label={"shift_y_nm": -35, "shift_x_nm": 60},
    )  # fmt: skip
    parts = channels.split(simulate(study, 1).observation)
    found = displacement_nm(*(part.counts for part in parts.values()))
    np.testing.assert_allclose(found, (-35, 60), atol=5)
