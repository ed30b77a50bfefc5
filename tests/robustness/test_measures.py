"""Fields, courses and widths are compared by what the closed forms say."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from smlmsim.compare import holm
from smlmsim.interval import mean_interval
from smlmsim.robustness import Results, followed, in_words, quantities, widths
from smlmsim.robustness.course import mann_whitney_p


def test_separated_samples_have_the_exact_p_value_of_their_two_orders():
    for n, m in ((4, 4), (8, 8), (3, 5)):
        one, other = np.arange(n, dtype=float), 100.0 + np.arange(m)
        assert mann_whitney_p(one, other) == pytest.approx(2 / math.comb(n + m, n))
        assert mann_whitney_p(other, one) == pytest.approx(2 / math.comb(n + m, n))


def test_interleaved_samples_have_the_p_value_of_all_orders():
    """U is 1 of 0 to 4: of the 6 orders of 2 and 2 values, two lie at or below it and as many at or above 3."""
    assert mann_whitney_p(np.array([1.0, 3.0]), np.array([2.0, 4.0])) == pytest.approx(4 / 6)


def test_ties_take_the_normal_approximation_and_equal_samples_do_not_differ():
    one, other = np.array([1.0, 1, 2, 3]), np.array([2.0, 3, 4, 4])
    expected = stats.mannwhitneyu(one, other, method="asymptotic").pvalue
    assert mann_whitney_p(one, other) == expected
    assert mann_whitney_p(one, one) == 1


def test_each_time_is_compared_with_the_cells_before_the_perturbation(areas):
    found = areas()
    table = followed(found)
    rows = table[table.image == "truth"]
    values = found.area_fraction.sel(image="truth").values
    assert rows["mean"].tolist() == pytest.approx(values.mean(axis=1))
    assert rows.relative.tolist() == pytest.approx([1, 0.8, 0.4], abs=0.02)
    expected = [mann_whitney_p(values[0], later) for later in values[1:]]
    np.testing.assert_array_equal(rows.p[1:], expected)
    np.testing.assert_array_equal(rows.p_holm[1:], holm(np.array(expected)))
    assert rows.told_apart.tolist() == [False, True, True]
    assert math.isnan(rows.p.iloc[0])


def test_the_words_of_the_course_hold_its_numbers(made_up, areas):
    found = areas(shown=(1.0, 1.0, 0.7))
    said = in_words(Results(made_up(), course=found))
    table = followed(found).set_index(["image", "minute"])
    last = table.loc[("all", 20.0)]
    assert f'"all" from {table.loc[("all", 0.0), "mean"]:.3f} to {last["mean"]:.3f}' in said
    assert f"({100 * (last['relative'] - 1):+.0f} %; at 20 min, p = {last['p_holm']:.2g} at most)" in said
    latest = table.loc["truth"].p_holm.max()
    assert f"; at 5, 20 min, p = {latest:.2g} at most)" in said
    still = in_words(Results(made_up(), course=areas(left=(1, 1, 1))))
    assert re.search(r"the truth from 0\.20\d to 0\.20\d \([+-]\d %; at no time, p = ", still)


def test_more_fields_are_compared_over_the_draws(few_many):
    scores = few_many(gain=0.1)
    table = quantities(scores, "ms_ssim")
    means = scores.ms_ssim.mean("seed")
    for row in table.itertuples():
        own = means.sel(laboratory=row.laboratory, fields=row.fields).values
        fewest = means.sel(laboratory=row.laboratory, fields=1).values
        low, high = mean_interval((own - fewest)[None])
        assert (row.mean, row.sd) == pytest.approx((own.mean(), own.std(ddof=1)))
        assert (row.difference, row.low, row.high) == pytest.approx(((own - fewest).mean(), low[0], high[0]))
    assert table[table.fields == 60].told_apart.all()
    assert not table[table.fields == 1].told_apart.any()
    none = quantities(few_many(gain=0.0, between=0.05), "ms_ssim")
    assert not none.told_apart.any()


def test_the_words_of_the_number_of_fields_hold_its_numbers(made_up, few_many):
    said = in_words(Results(made_up(), quantity=few_many()))
    rows = quantities(few_many(), "ms_ssim").set_index(["laboratory", "fields"])
    few, many = rows.loc[("a", 1)], rows.loc[("a", 60)]
    assert (
        f"a (their own laboratory) {few['mean']:.3f} ± {few['sd']:.3f} and {many['mean']:.3f} ± {many['sd']:.3f}, "
        f"{many['difference']:+.3f} ({many['low']:+.3f} to {many['high']:+.3f})"
    ) in said


def test_widths_are_medians_of_the_profiles_that_have_one(made_up, measured_profiles):
    table = widths(measured_profiles).set_index(["laboratory", "image"])
    assert table.loc[("b", "truth")][["median", "low", "high"]].tolist() == [70, 67.5, 72.5]
    assert table.loc[("b", "M2"), "error"] == 30
    assert table.loc[("a", "M0"), "measured"] == 28
    measured_profiles.fwhm_nm.loc[{"laboratory": "c", "image": "all"}] = np.nan
    assert math.isnan(
        widths(measured_profiles).set_index(["laboratory", "image"]).loc[("c", "all"), "median"]
    )
    said = in_words(Results(made_up(), profiles=measured_profiles))
    assert "b: the truth 70, M0 80, M1 90, M2 100" in said
