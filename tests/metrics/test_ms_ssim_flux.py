"""MS-SSIM at equal flux: the same, with another factor for the estimate."""

import numpy as np
import pytest

from smlmsim.metrics import METRICS, normalise

FLUX, LEAST_SQUARES = METRICS["ms_ssim_flux"], METRICS["ms_ssim"]


def test_it_is_ms_ssim_of_the_estimate_with_the_flux_of_the_truth(truth, estimate):
    a, b = normalise(truth, estimate)
    rescaled = b * (a.sum(dtype=float) / b.sum(dtype=float))
    assert rescaled.sum(dtype=float) == pytest.approx(a.sum(dtype=float), rel=1e-6)
    assert FLUX(a, b) == pytest.approx(LEAST_SQUARES(a, rescaled), abs=1e-6)


def test_noise_does_not_dim_what_it_hides(truth):
    """Least squares shrinks noisy counts below the truth; at equal flux their structure keeps its contrast."""
    counts = np.random.default_rng(0).poisson(truth * 0.4).astype(np.float32)
    movies = normalise(truth, counts)
    assert movies[1].sum() < 0.8 * movies[0].sum()
    assert FLUX(*movies) > LEAST_SQUARES(*movies) + 0.05


@pytest.mark.parametrize("offset", [1.0, 1.0 + 1e-9])
def test_an_estimate_without_flux_counts_as_empty(truth, offset):
    a, b = normalise(truth, truth)
    empty = LEAST_SQUARES(a, np.zeros_like(a))
    assert FLUX(a, (b - offset * b.mean(dtype=float)).astype(np.float32)) == pytest.approx(empty, abs=1e-3)
    assert FLUX(a, np.zeros_like(a)) == empty
    assert FLUX(a, -b) == empty
