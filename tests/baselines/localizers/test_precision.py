"""The precision of a spot by itself is the Cramer-Rao bound of its fit."""

import numpy as np
import pytest

from baselines.localizers import _fit_kernels
from baselines.localizers._precision import precision_px


@pytest.mark.parametrize("light", [300.0, 3000.0])
def test_it_is_the_bound_that_the_fit_of_greatest_likelihood_reports(light):
    sigma, background, middle = 1.3, 10.0, 10.0
    part, unused = np.empty(21), np.empty(21)
    _fit_kernels.profile(middle, sigma, 21, part, unused, unused)
    image = (light * np.outer(part, part) + background).astype(np.float32)[None]
    none, spot = np.zeros(image.shape[1:], np.float32), np.array([[0, 10, 10]], np.int32)
    fitted, bounds = _fit_kernels.fit(image, none, spot, sigma, 8, False)
    assert fitted[0, 2] == pytest.approx(light, rel=1e-3)
    found = precision_px(np.array([light]), np.array([background]), np.array([sigma]))
    # The formula approximates the bound within a few percent.
    assert found[0] == pytest.approx(np.sqrt(bounds[0, 0]), rel=0.05)
