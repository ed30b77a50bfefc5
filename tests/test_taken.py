"""How much the two ways of taking a part of a fixed cell differ."""

import numpy as np
import pytest
import xarray as xr

from smlmsim import taken
from smlmsim.interval import mean_interval


def _scores(values, **attrs):
    """Scores (take, seed, reconstructor) of one reconstructor."""
    takes = ["random", "every", "first"][: len(values)] if len(values) == 3 else ["first", "random"]
    return xr.DataArray(
        np.array(values, float)[..., None],
        {"take": takes, "seed": range(len(values[0])), "reconstructor": ["a"]},
        ("take", "seed", "reconstructor"),
        attrs={"better": "higher", "units": "1", "long_name": "MS-SSIM", **attrs},
    )


def test_the_difference_is_paired_by_seed_with_its_interval():
    gaps = np.array([0.1, 0.2, 0.4])
    first = np.array([0.5, 0.6, 0.7])
    scores = _scores([first + gaps, 0 * gaps, first])
    found = taken.advantage_of_random(scores)
    low, high = mean_interval(gaps[None])
    np.testing.assert_allclose(found.values[0], [gaps.mean(), low[0], high[0]], rtol=1e-12)
    said = taken.in_words(found)
    assert f"score better by {gaps.mean():.3g} [{low[0]:.3g}, {high[0]:.3g}] (a) than" in said
    assert "intervals over the seeds" in said


@pytest.mark.parametrize(
    ("values", "attrs", "said"),
    [
        ([[0.5], [0.75]], {}, "score better by 0.25 (a) than"),
        ([[0.75], [0.5]], {}, "score worse by 0.25 (a) than"),
        ([[30], [20]], {"better": "lower", "units": "nm"}, "score better by 10 nm (a) than"),
    ],
)
def test_better_is_better_whatever_the_metric_and_one_seed_has_no_interval(values, attrs, said):
    found = taken.in_words(taken.advantage_of_random(_scores(values, **attrs)))
    assert said in found
    assert "interval" not in found


def test_nothing_is_said_without_scores_or_without_both_ways():
    assert taken.in_words(taken.advantage_of_random(_scores([[np.nan], [0.5]]))) == ""
    scores = _scores([[0.5], [0.75]])
    assert taken.has_both(scores)
    assert not taken.has_both(scores.sel(take=["first"]))
    assert not taken.has_both(scores.sel(take="first"))
