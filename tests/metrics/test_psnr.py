import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from smlmsim.metrics.psnr import CEILING_DB, psnr


def test_it_is_scikit_image_over_the_whole_movie(truth, estimate):
    expected = peak_signal_noise_ratio(truth.astype(float), estimate.astype(float), data_range=1)
    assert psnr(truth, estimate) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("error", [1e-1, 1e-2, 1e-3])
def test_a_tenth_of_the_error_is_twenty_decibels(truth, error):
    assert psnr(truth, truth + np.float32(error)) == pytest.approx(-20 * np.log10(error), abs=1e-3)


def test_a_perfect_estimate_scores_the_resolution_of_float32(truth):
    assert psnr(truth, truth) == CEILING_DB == pytest.approx(20 * 24 * np.log10(2))
