"""How far the agreement of two colours predicts the score."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr

from smlmsim.agreement_ranks import BETWEEN, MEASURES, agreement_ranks, has_agreement, in_words, shown
from smlmsim.interval import mean_interval
from smlmsim.rng import stream


def _scores(true, agreed, better="higher"):
    """Scores (cell, seed, reconstructor) and the same agreement by all measures."""
    dims = ("cell", "seed", "reconstructor")
    coords = {"reconstructor": [f"r{place}" for place in range(true.shape[-1])], "seed": range(true.shape[1])}
    attrs = {"better": better, "long_name": "MS-SSIM"}
    return xr.Dataset(
        {"ms_ssim": (dims, true, attrs)} | dict.fromkeys(MEASURES, (dims, agreed)),
        {"cell": range(len(true)), **coords},
    )


def _by(ranks, name, measure="agreement_pearson"):
    return ranks[(ranks["reconstructor"] == name) & (ranks["measure"] == measure)].iloc[0]


def test_each_seed_is_ranked_by_itself_and_the_mean_has_its_interval_over_the_seeds():
    rng = stream(0, "ranks")
    true = rng.random((12, 4, 3))
    agreed = true + 0.3 * rng.random((12, 4, 3))
    ranks = agreement_ranks(_scores(true, agreed), "ms_ssim")
    wanted = np.array([spearmanr(agreed[:, seed, 1], true[:, seed, 1]).statistic for seed in range(4)])
    low, high = mean_interval(wanted[None])
    found = _by(ranks, "r1")
    np.testing.assert_allclose(
        [found["rho"], found["low"], found["high"]], [wanted.mean(), low[0], min(high[0], 1)]
    )
    assert (found["seeds"], found["cells"]) == (4, 12)
    between = [np.mean([spearmanr(agreed[c, s], true[c, s]).statistic for c in range(12)]) for s in range(4)]
    assert _by(ranks, BETWEEN)["rho"] == pytest.approx(np.mean(between))


def test_the_same_order_has_one_and_the_opposite_minus_one_whatever_is_better():
    true = np.arange(15.0).reshape(5, 1, 3)
    for sign, better, wanted in ((1, "higher", 1), (-1, "higher", -1), (-1, "lower", 1)):
        found = _by(agreement_ranks(_scores(sign * true, true, better), "ms_ssim"), "r0")
        assert found["rho"] == pytest.approx(wanted)
        assert np.isnan(found["low"])
        assert shown(found) == f"{wanted:.2f}"


def test_independent_numbers_have_none():
    rng = stream(1, "ranks")
    true, agreed = rng.random((2, 20, 30, 1))
    found = _by(agreement_ranks(_scores(true, agreed), "ms_ssim"), "r0")
    assert abs(found["rho"]) < 4 / np.sqrt(20 * 30)
    assert found["low"] < found["rho"] < found["high"]


def test_what_cannot_be_ranked_is_not_known():
    true = np.arange(15.0).reshape(5, 1, 3)
    agreed = true.copy()
    agreed[..., 0] = 0.5  # constant
    agreed[2:, :, 1] = np.nan  # two cells are left
    ranks = agreement_ranks(_scores(true, agreed), "ms_ssim")
    assert shown(_by(ranks, "r0")) == shown(_by(ranks, "r1")) == "not known"
    assert shown(_by(ranks, "r2")) == "1.00"


def test_the_words_hold_the_numbers():
    rng = stream(2, "ranks")
    true = rng.random((8, 3, 3))
    ranks = agreement_ranks(_scores(true, true + rng.random((8, 3, 3))), "ms_ssim")
    lines = in_words(ranks, "MS-SSIM")
    assert "against MS-SSIM" in lines[0]
    found = _by(ranks, "r2", "agreement_skeleton")
    line = next(line for line in lines if line.startswith("r2: "))
    assert f"centre lines {found['rho']:.2f} [{found['low']:.2f}, {found['high']:.2f}]" in line
    assert any(line.startswith(BETWEEN) for line in lines)
    assert "need not be right" in lines[-1]


def test_scores_of_one_colour_have_no_agreement():
    scores = _scores(np.ones((2, 1, 1)), np.ones((2, 1, 1)))
    assert has_agreement(scores)
    assert not has_agreement(scores.drop_vars("agreement_manders"))
