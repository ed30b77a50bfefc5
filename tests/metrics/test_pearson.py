import numpy as np
import pytest
from scipy.stats import pearsonr

from smlmsim.metrics.pearson import pearson


def test_it_is_scipy_over_the_whole_movie(truth, estimate):
    expected = pearsonr(truth.astype(float).ravel(), estimate.astype(float).ravel()).statistic
    assert pearson(truth, estimate) == pytest.approx(expected, abs=1e-12)


def test_an_offset_and_a_factor_do_not_matter(truth, estimate):
    assert pearson(truth, 3 * estimate + 2) == pytest.approx(pearson(truth, estimate), abs=1e-6)


def test_inverted_contrast_scores_minus_one(truth):
    assert pearson(truth, 1 - truth) == pytest.approx(-1, abs=1e-6)


@pytest.mark.parametrize("level", [0, 0.3])
def test_a_constant_movie_correlates_with_nothing(truth, level):
    constant = np.full_like(truth, level)
    assert pearson(truth, constant) == pytest.approx(0, abs=1e-9)
    assert pearson(constant, truth) == pytest.approx(0, abs=1e-9)
