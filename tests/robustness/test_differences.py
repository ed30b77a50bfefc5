"""Every p-value is what scipy says of the right pairs, and the words say what the numbers do."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from smlmsim.compare import holm
from smlmsim.robustness import Results, differences
from smlmsim.robustness import in_words as in_words_of


def in_words(scores):
    return in_words_of(Results(scores))


def of(table, question):
    return table[table.question == question]


def test_never_having_seen_a_laboratory_is_tested_on_its_own_control_movies(made_up):
    scores = made_up(unseen=-0.02)
    rows = of(differences(scores), "unseen")
    assert list(zip(rows.laboratory, rows.model, strict=True)) == [("a", "M1"), ("b", "M2"), ("c", "M3")]
    for row in rows.itertuples():
        here = scores.ms_ssim.sel(laboratory=row.laboratory, condition="control")
        seen, unseen = (here.sel(model=name).values for name in ("all", row.model))
        assert row.p == stats.wilcoxon(unseen - seen).pvalue
        assert (row.before, row.after) == pytest.approx((seen.mean(), unseen.mean()))
        assert row.difference == pytest.approx(row.after - row.before)
        assert row.low < row.difference < row.high
    np.testing.assert_array_equal(rows.p_holm, holm(rows.p.to_numpy()))


def test_the_perturbation_is_tested_for_all_networks_and_the_classic_opponent(made_up):
    scores = made_up(perturbed=-0.05, perturbed_networks=-0.03)
    table = differences(scores)
    rows = of(table, "perturbed")
    assert list(rows.model[:4]) == ["M0", "M1", "all", "gaussian_time"]
    assert list(rows.role[:4]) == [
        "saw few fields of this one", "never saw this one", "saw all laboratories", "classic",
    ]  # fmt: skip
    assert rows.role.iloc[4] == "saw few fields of another one"
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
    # the mean over 9 comparisons of 12 movies of a sum of four noises of 0.01; comparisons of a laboratory share two
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
    assert re.search(r'worse than "all" by MS-SSIM in 3 of 3 \(M1 in a: -0\.\d+, p = 0\.0', worse)
    better = in_words(made_up(unseen=0.1))
    assert re.search(
        r'worse than "all" by MS-SSIM in 0 of 3, better in 3 \(M1 in a: \+0\.\d+, p = 0\.0', better
    )
    lost = in_words(made_up(perturbed_networks=-0.1))
    assert "networks lose in 9 of 9 comparisons" in lost
    both = in_words(made_up(perturbed=-0.1))
    assert "networks lose in 0 of 9 comparisons and gain in 0" in both
    assert "7 steps of 3 crops" in both


def test_where_lower_is_better_more_is_worse(made_up):
    scores = made_up(unseen=0.1)
    scores.ms_ssim.attrs["better"] = "lower"
    assert 'a network is worse than "all" by MS-SSIM in 3 of 3' in in_words(scores)


def test_networks_no_better_than_the_classic_opponent_are_said_to_tell_little(made_up):
    scores = made_up()
    scores.ms_ssim.loc[{"model": "gaussian_time"}] += 0.2
    assert "does not score better than gaussian_time in a, b, c" in in_words(scores)
    scores.ms_ssim.loc[{"model": "gaussian_time"}] -= 0.4
    assert "scores better than gaussian_time in every laboratory" in in_words(scores)


def test_several_laboratories_are_compared_with_few_fields_of_one(made_up):
    scores = made_up(alone=-0.1)
    rows = of(differences(scores), "several laboratories")
    assert list(zip(rows.laboratory, rows.model, strict=True)) == [("a", "M1"), ("b", "M2"), ("c", "M3")]
    for row in rows.itertuples():
        here = scores.ms_ssim.sel(laboratory=row.laboratory, condition="control")
        alone, several = (here.sel(model=name).values for name in ("M0", row.model))
        assert row.p == stats.wilcoxon(several - alone).pvalue
        assert row.difference == pytest.approx((several - alone).mean())
    said = in_words(scores)
    assert re.search(r"worse than M0 by MS-SSIM in 0 of 2, better in 2 \(M2 in b: \+0\.\d+, p = ", said)
    assert "In the laboratory of M0 it is worse in 0 of 1, better in 1 (M1 in a: +" in said


def test_a_laboratory_without_perturbed_movies_is_left_out_of_what_needs_them(made_up):
    scores = made_up(perturbed=-0.1)
    scores.ms_ssim.loc[{"laboratory": "b", "condition": "perturbed"}] = np.nan
    table = differences(scores)
    assert set(of(table, "unseen").laboratory) == {"a", "b", "c"}
    assert set(of(table, "perturbed").laboratory) == {"a", "c"}
    assert np.isfinite(table.p).all()
    scores.ms_ssim.loc[{"condition": "perturbed"}] = np.nan
    assert "Under the perturbation" not in in_words(scores)
