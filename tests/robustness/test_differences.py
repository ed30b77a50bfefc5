"""Every p-value is what scipy says of the right pairs, and the words say what the numbers do."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from smlmsim.compare import holm
from smlmsim.robustness import differences, in_words


def of(table, question):
    return table[table.question == question]


def test_never_having_seen_a_laboratory_is_tested_on_its_own_control_movies(made_up):
    scores = made_up(unseen=-0.02)
    rows = of(differences(scores), "unseen")
    assert list(zip(rows.laboratory, rows.model, strict=True)) == [("a", "M1"), ("b", "M2"), ("c", "M3")]
    for row in rows.itertuples():
        here = scores.ms_ssim.sel(laboratory=row.laboratory, condition="control")
        seen, unseen = (here.sel(model=name).values for name in ("M0", row.model))
        assert row.p == stats.wilcoxon(unseen - seen).pvalue
        assert (row.before, row.after) == pytest.approx((seen.mean(), unseen.mean()))
        assert row.difference == pytest.approx(row.after - row.before)
        assert row.low < row.difference < row.high
    np.testing.assert_array_equal(rows.p_holm, holm(rows.p.to_numpy()))


def test_the_perturbation_is_tested_for_both_networks_and_the_classic_opponent(made_up):
    scores = made_up(perturbed=-0.05, perturbed_networks=-0.03)
    table = differences(scores)
    rows = of(table, "perturbed")
    assert list(rows.model[:3]) == ["M0", "M1", "gaussian_time"]
    assert list(rows.role[:3]) == ["saw all laboratories", "never saw this one", "classic"]
    for row in rows.itertuples():
        here = scores.ms_ssim.sel(laboratory=row.laboratory, model=row.model)
        changes = (here.sel(condition="perturbed") - here.sel(condition="control")).values
        assert row.p == stats.wilcoxon(changes).pvalue
        assert row.difference == pytest.approx(changes.mean())
    np.testing.assert_array_equal(rows.p_holm, holm(rows.p.to_numpy()))
    beyond = of(table, "perturbed, beyond the classic")
    ours = scores.ms_ssim.sel(laboratory="b", model="M2") - scores.ms_ssim.sel(
        laboratory="b", model="gaussian_time"
    )
    changes = (ours.sel(condition="perturbed") - ours.sel(condition="control")).values
    row = beyond[(beyond.laboratory == "b") & (beyond.model == "M2")].iloc[0]
    assert row.p == stats.wilcoxon(changes).pvalue
    # the mean over 6 comparisons of 12 movies of a sum of four noises of 0.01; comparisons of a laboratory share two
    assert beyond.difference.mean() == pytest.approx(-0.03, abs=5 * 0.02 / math.sqrt(12 * 3))


def test_networks_that_do_not_differ_are_told_apart_in_few_studies(made_up):
    found = sum(of(differences(made_up(number=n)), "unseen").told_apart.any() for n in range(60))
    assert found <= 60 * 0.05 + 5 * math.sqrt(60 * 0.05 * 0.95)


def test_too_few_movies_tell_nothing_apart_and_the_words_say_so(made_up):
    scores = made_up(movies=4, unseen=-0.3, perturbed=-0.3)
    table = differences(scores)
    assert not table.told_apart.any()
    assert int(of(table, "unseen").movies_needed.iloc[0]) == 7
    assert "With 4 movies, not all differences can be significant" in in_words(scores)
    assert "can be significant" not in in_words(made_up(movies=12))


def test_the_words_follow_the_numbers(made_up):
    worse = in_words(made_up(unseen=-0.1))
    assert re.search(r"a network is worse than M0 by MS-SSIM in 3 of 3 \(M1 in a: -0\.\d+, p = 0\.0", worse)
    better = in_words(made_up(unseen=0.1))
    assert re.search(
        r"a network is worse than M0 by MS-SSIM in 0 of 3, better in 3 \(M1 in a: \+0\.\d+, p = 0\.0", better
    )
    lost = in_words(made_up(perturbed_networks=-0.1))
    assert "networks lose in 6 of 6 comparisons" in lost
    both = in_words(made_up(perturbed=-0.1))
    assert "networks lose in 0 of 6 comparisons and gain in 0" in both
    assert "7 steps of 3 crops" in both


def test_where_lower_is_better_more_is_worse(made_up):
    scores = made_up(unseen=0.1)
    scores.ms_ssim.attrs["better"] = "lower"
    assert "a network is worse than M0 by MS-SSIM in 3 of 3" in in_words(scores)


def test_networks_no_better_than_the_classic_opponent_are_said_to_tell_little(made_up):
    scores = made_up()
    scores.ms_ssim.loc[{"model": "gaussian_time"}] += 0.2
    assert "does not score better than gaussian_time in a, b, c" in in_words(scores)
    scores.ms_ssim.loc[{"model": "gaussian_time"}] -= 0.4
    assert "scores better than gaussian_time in every laboratory" in in_words(scores)
