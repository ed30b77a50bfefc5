import numpy as np
import pytest
from skimage.metrics import normalized_root_mse

from smlmsim.metrics import normalise
from smlmsim.metrics.nrmse import nrmse


def test_it_is_scikit_image(truth, estimate):
    expected = normalized_root_mse(truth.astype(float), estimate.astype(float))
    assert nrmse(truth, estimate) == pytest.approx(expected, rel=1e-9)


def test_after_normalisation_it_is_the_sine_of_the_angle_between_truth_and_estimate(truth, estimate):
    a, b = truth.astype(float).ravel(), estimate.astype(float).ravel()
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    assert nrmse(*normalise(truth, 5 * estimate)) == pytest.approx(np.sqrt(1 - cosine**2), rel=1e-6)


def test_an_empty_estimate_scores_one(truth):
    assert nrmse(truth, np.zeros_like(truth)) == 1.0
