"""A 95 % interval covers the mean in 95 % of cases."""

import numpy as np
import pytest
from scipy import stats

from smlmsim.interval import mean_interval
from smlmsim.rng import stream

TRIALS = 40_000
FOUR_ERRORS = 4 * np.sqrt(0.95 * 0.05 / TRIALS)


def coverage(draws, mean):
    low, high = mean_interval(draws)
    return float(np.mean((low <= mean) & (mean <= high)))


@pytest.mark.parametrize("seeds", [2, 5, 16])
def test_normal_scores_are_covered_as_often_as_it_says(seeds):
    draws = stream(seeds, "normal").normal(0.3, 0.02, (TRIALS, seeds))
    assert coverage(draws, 0.3) == pytest.approx(0.95, abs=FOUR_ERRORS)
    assert 0.93 < coverage(draws, 0.3) < 0.97


@pytest.mark.parametrize(("seeds", "students"), [(5, 0.876), (16, 0.904)])
def test_skewed_scores_are_covered_no_worse_than_by_students_t(seeds, students):
    draws = stream(seeds, "skewed").exponential(1.0, (TRIALS, seeds))
    assert coverage(draws, 1.0) > students - FOUR_ERRORS


def test_the_percentile_bootstrap_covers_too_little_of_few_seeds():
    """Why it is not used: at 5 seeds it covers 83 %."""
    draws = stream(0, "bootstrap").normal(size=(600, 5))
    chosen = stream(1, "bootstrap").integers(0, 5, (2000, 5))
    low, high = np.quantile(draws[:, chosen].mean(axis=-1), [0.025, 0.975], axis=1)
    assert np.mean((low <= 0) & (high >= 0)) < 0.95 - 4 * np.sqrt(0.95 * 0.05 / 600)


def test_it_is_what_scipy_says_of_every_row_without_what_is_missing():
    rows = stream(2, "rows").normal(size=(5, 7))
    rows[1, :3], rows[2, :5], rows[3, :6], rows[4] = np.nan, np.inf, np.nan, np.nan
    low, high = mean_interval(rows)
    for row, a, b in zip(rows[:3], low, high, strict=False):
        known = row[np.isfinite(row)]
        expected = stats.ttest_1samp(known, 0).confidence_interval(0.95)
        np.testing.assert_allclose([a, b], [expected.low, expected.high], rtol=1e-12)
    assert np.isnan([low[3:], high[3:]]).all()


def test_equal_values_leave_nothing_open():
    low, high = mean_interval(np.full((1, 4), 0.25))
    assert (low[0], high[0]) == (0.25, 0.25)
