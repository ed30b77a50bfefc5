"""Differences that are there are found, those that are not are not, and the seed is the unit."""

import itertools
import math

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from smlmsim import compare
from smlmsim.regions import LIVE_CELLS, RATE, VELOCITY
from smlmsim.rng import stream

VELOCITIES, RATES = [0.0, 30.0, 75.0, 150.0], [60.0, 150.0, 300.0, 1200.0]


def made_up(seeds=15, names=("a", "b"), shift=0.0, number=0, better="higher", noise=0.02):
    """Scores of reconstructors that differ by ``shift``: seeds differ by their structure, shared by all cells."""
    rng = stream(number, "scores")
    shape = (len(VELOCITIES), len(RATES), seeds, len(names))
    structure = 0.05 * rng.standard_normal((1, 1, seeds, 1))
    own = 0.02 * rng.standard_normal((1, 1, seeds, len(names)))
    values = 0.6 + structure + own + noise * rng.standard_normal(shape) + shift * np.arange(len(names))
    coords = {VELOCITY: VELOCITIES, RATE: RATES, "seed": np.arange(seeds), "reconstructor": list(names)}
    attrs = {"long_name": "MS-SSIM", "units": "1", "better": better}
    return xr.Dataset({"ms_ssim": (list(coords), values, attrs)}, coords)


@pytest.mark.slow
def test_a_reconstructor_does_not_differ_from_a_copy_of_itself_in_more_than_one_of_twenty_grids():
    """The same distribution, other draws, and a noise per seed that all cells share: any difference is false.

    Of the 2^8 ways in which 8 ranks can have signs, few enough have p <= 5 %: that share of single tests is false.
    """
    ranks = np.arange(1, 9)
    ways = [ranks * signs for signs in itertools.product((-1, 1), repeat=8)]
    level = float(np.mean(compare.signed_rank_p(np.array(ways)) <= compare.ALPHA))
    assert 0.03 < level <= compare.ALPHA
    pooled = in_regions = in_cells = 0
    for number in range(200):
        scores = made_up(seeds=8, number=number)
        table = compare.compare(scores)
        pooled += table.p[0] <= compare.ALPHA
        in_regions += table.told_apart.any()
        in_cells += not compare.win_map(scores).tie.all()
    assert max(pooled, in_regions, in_cells) <= compare.ALPHA * 200
    assert stats.binomtest(pooled, 200, level).pvalue > 1e-3


def test_taking_cells_for_independent_would_find_differences_that_are_not_there():
    """Why the seed is the unit: the same scores, pooled over cells, are told apart far too often."""
    naive = 0
    for number in range(100):
        scores = made_up(seeds=8, number=number).ms_ssim
        naive += stats.wilcoxon((scores[..., 0] - scores[..., 1]).values.ravel()).pvalue <= 0.05
    assert naive > 25


def test_a_difference_is_found_with_its_size_and_the_interval_covers_it():
    covered = 0
    for number in range(40):
        row = compare.compare(made_up(shift=0.05, number=number), regions={"everywhere": {}}).iloc[0]
        assert (row["first"], row["second"], bool(row.told_apart)) == ("b", "a", True)
        covered += row.low <= 0.05 <= row.high
    assert covered >= 40 * 0.95 - 5 * math.sqrt(40 * 0.95 * 0.05)


def test_every_row_is_what_scipy_says_of_the_seed_means_with_holm_over_all_rows():
    scores = made_up(names=("a", "b", "c"), shift=0.01)
    table = compare.compare(scores)
    for row in table[table.region == "live cells"].itertuples():
        means = scores.ms_ssim.sel({VELOCITY: 75.0, RATE: [150.0, 300.0]}).mean(RATE)
        differences = (means.sel(reconstructor=row.first) - means.sel(reconstructor=row.second)).values
        assert row.advantage == pytest.approx(differences.mean())
        assert row.p == pytest.approx(stats.wilcoxon(differences).pvalue)
        assert row.wins == (differences > 0).sum()
    order = np.sort(table.p.values)
    assert np.sort(table.p_holm.values)[0] == pytest.approx(min(1, order[0] * len(table)))
    assert len(table) == 7 * 3


def test_holm_agrees_with_its_definition():
    p = stream(3, "p").random(20) ** 3
    rejected = compare.holm(p) <= 0.05
    order, expected = np.argsort(p), np.zeros(20, bool)
    for rank, index in enumerate(order):
        if p[index] > 0.05 / (20 - rank):
            break
        expected[index] = True
    np.testing.assert_array_equal(rejected, expected)


def test_lower_scores_win_where_lower_is_better():
    table = compare.compare(made_up(shift=0.05, better="lower"))
    assert set(table["first"]) == {"a"}
    assert (table.advantage > 0).all()
    wins = compare.win_map(made_up(shift=0.05, better="lower"))
    assert (wins.best == "a").all()
    assert (wins["mean"].sel(reconstructor="a") < wins["mean"].sel(reconstructor="b")).all()


@pytest.mark.parametrize("comparisons", [1, 6, 42, 100])
def test_fewer_seeds_than_needed_tell_nothing_apart_and_as_many_do(comparisons):
    needed = compare.seeds_needed(comparisons)
    smallest = [
        stats.wilcoxon(np.arange(1.0, seeds + 1)).pvalue * comparisons for seeds in (needed - 1, needed)
    ]
    assert smallest[0] > compare.ALPHA >= smallest[1]


def test_three_seeds_are_said_to_be_too_few_and_all_cells_are_ties():
    scores = made_up(seeds=3, shift=1.0)
    table, wins = compare.compare(scores), compare.win_map(scores)
    assert not table.told_apart.any()
    assert table.attrs["seeds_needed"] > 3
    assert wins.tie.all()
    assert (wins.best == "b").all()


def test_the_win_map_names_the_best_of_every_cell_and_the_step_to_the_next():
    scores = made_up(names=("a", "b", "c"), shift=0.2, seeds=15)
    scores.ms_ssim[dict(zip((VELOCITY, RATE), (0, 0), strict=True)) | {"reconstructor": 0}] += 0.6
    wins = compare.win_map(scores)
    assert str(wins.best[0, 0].values) == "a"
    assert (wins.best.values.ravel()[1:] == "c").all()
    assert not wins.tie.any()
    means = np.sort(scores.ms_ssim.mean("seed").values, axis=-1)
    np.testing.assert_allclose(wins.advantage, means[..., -1] - means[..., -2])
    np.testing.assert_allclose(wins.sd, scores.ms_ssim.std("seed", ddof=1))


@pytest.mark.parametrize("units", ["1", "dB"])
def test_reconstructors_that_agree_exactly_tie_without_a_warning(units):
    scores = made_up()
    scores.ms_ssim[..., 1] = scores.ms_ssim[..., 0]
    scores.ms_ssim.attrs["units"] = units
    table = compare.compare(scores)
    assert (table.p == 1).all()
    assert (table.low == 0).all()
    assert table.practically_equal.all()
    wins = compare.win_map(scores)
    assert wins.tied.all()
    assert wins.practically_equal.all()
    assert not np.signbit(wins.advantage).any()


@pytest.mark.parametrize(("units", "equal"), [("1", True), ("dB", False)])
def test_less_than_a_hundredth_is_practically_equal_however_sure_it_is(units, equal):
    scores = made_up(names=("a", "b", "c"), seeds=16)
    scores.ms_ssim.attrs["units"] = units
    noise = 1e-4 * stream(9, "noise").standard_normal(scores.ms_ssim.shape[:-1])
    for place, lead in ((1, 0.009), (2, -0.02)):
        scores.ms_ssim[..., place] = scores.ms_ssim[..., 0] + lead + noise * place
    table, wins = compare.compare(scores), compare.win_map(scores)
    rows = table[table.region == "everywhere"].set_index(["first", "second"])
    assert rows.told_apart.all()
    assert rows.practically_equal.to_dict() == {("b", "a"): equal, ("a", "c"): False, ("b", "c"): False}
    assert (wins.best == "b").all()
    assert wins.told_apart.sel(reconstructor=["a", "c"]).all()
    assert (wins.tie == equal).all()
    assert (wins.tied.sel(reconstructor="a") == equal).all()
    assert (wins.practically_equal.sel(reconstructor="a") == equal).all()
    assert not wins.tied.sel(reconstructor="c").any()


def test_missing_scores_leave_the_others_paired():
    scores = made_up(names=("a", "b", "c"), shift=0.2)
    scores.ms_ssim[0, 0, 2, 2] = np.nan
    scores.ms_ssim[..., 0] = np.nan
    table, wins, ranks = compare.compare(scores), compare.win_map(scores), compare.mean_ranks(scores)
    assert set(zip(table["first"], table["second"], strict=True)) == {("c", "b")}
    assert str(wins.best[0, 0].values) == "b"
    assert str(wins.best[1, 1].values) == "c"
    assert not wins.tied.sel(reconstructor="a").any()
    assert np.isnan(ranks.loc["ms_ssim", "a"])
    assert ranks.loc["ms_ssim", "c"] < ranks.loc["ms_ssim", "b"]


@pytest.mark.parametrize("number", [1, 12])
def test_any_number_of_reconstructors_is_compared(number):
    scores = made_up(names=[f"r{i}" for i in range(number)], shift=0.1, seeds=6)
    assert len(compare.compare(scores, regions={"live cells": LIVE_CELLS})) == math.comb(number, 2)
    assert (compare.win_map(scores).best == f"r{number - 1}").all()
    assert compare.mean_ranks(scores).loc["ms_ssim", f"r{number - 1}"] == 1


def test_one_seed_has_no_interval():
    row = compare.compare(made_up(seeds=1, shift=0.1)).iloc[0]
    assert np.isnan([row.low, row.high]).all()


def test_ranks_average_over_movies_and_share_ties():
    scores = made_up(names=("a", "b", "c"), seeds=1)
    scores.ms_ssim[:] = np.array([0.5, 0.5, 0.1])
    assert compare.mean_ranks(scores).loc["ms_ssim"].tolist() == [1.5, 1.5, 3]


def test_the_same_scores_give_the_same_table():
    scores = made_up(names=("a", "b", "c"))
    assert compare.compare(scores).equals(compare.compare(scores))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="no metric 'nope'"):
        compare.compare(made_up(), "nope")
    with pytest.raises(ValueError, match="seed, reconstructor"):
        compare.win_map(made_up().isel(seed=0))
    with pytest.raises(ValueError, match="needs it as an axis"):
        compare.compare(made_up(), regions={"wide": {"localization.precision_nm": (0, 10)}})


def test_the_regions_part_the_grid_as_their_names_say():
    table = compare.compare(made_up())
    scores = made_up().ms_ssim
    from smlmsim.regions import inside, regions_of

    regions = regions_of(scores)
    assert list(dict.fromkeys(table.region)) == list(regions)
    masks = {name: inside(scores, region) for name, region in regions.items()}
    velocity = [masks[name] for name in ("at rest", "slower than live cells", "faster than live cells")]
    assert [int(mask.sum()) for mask in velocity] == [4, 4, 4]
    for one, other in itertools.combinations(velocity, 2):
        assert not (one & other).any()
    assert int(masks["live cells"].sum()) == 2
    assert not (masks["live cells"] & sum(velocity).astype(bool)).any()
    slower = scores.sel({VELOCITY: [0.0, 30.0]})
    assert "live cells" not in regions_of(slower)
