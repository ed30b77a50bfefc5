"""What limits a reconstruction from frames is what costs most on the way from the best score to that of a cell."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smlmsim import figures
from smlmsim.cli.drawing import draw_grid
from smlmsim.grid.scores import require_scores
from smlmsim.interval import mean_interval
from smlmsim.io import netcdf
from smlmsim.limits import LOCALIZER, Beyond, beyond, beyond_of, has_limits, in_words, limits, two_rows
from smlmsim.regions import RATE, VELOCITY

MAP = Path(str(resources.files("smlmsim"))) / "grid" / "maps" / "frames.nc"
AXES = {VELOCITY: [100.0, 0.0], RATE: [50.0, 200.0, 800.0], LOCALIZER: ["near", "given", "dense"]}
"""Velocities fall, which the results must not depend on."""
GIVEN = [[0.70, 0.78, 0.80], [0.60, 0.90, 0.95]]
NEAR = [[0.69, 0.60, 0.30], [0.59, 0.80, 0.50]]
DENSE = [[0.50, 0.59, 0.60], [0.40, 0.70, 0.70]]


def scores_of(given=GIVEN, near=NEAR, dense=DENSE, better="higher", seeds=(-0.001, 0.0, 0.001), units="1"):
    """Scores over velocity, rate and localizer, of a good reconstructor and one that is worse by 0.2."""
    values = np.stack([near, given, dense], axis=-1)[..., None, None] + np.array(seeds)[:, None]
    sign = 1 if better == "higher" else -1
    values = sign * np.concatenate([values - 0.2, values], axis=-1)
    axes = {**AXES, "seed": range(len(seeds)), "reconstructor": ["worse", "good"]}
    metric = xr.DataArray(
        values, axes, list(axes), attrs={"better": better, "long_name": "S", "units": units}
    )
    return metric.to_dataset(name="ms_ssim")


@pytest.fixture(params=["higher", "lower"])
def rows(request):
    return two_rows(scores_of(better=request.param))


def test_the_best_localizer_of_a_rate_has_the_best_mean_over_velocities(rows):
    assert rows.localizer.values.tolist() == ["near", "near", "dense"]
    assert rows[VELOCITY].values.tolist() == [0, 100]
    good = rows.drop_vars("localizer").mean("seed").sel(reconstructor="good")
    np.testing.assert_allclose(abs(good.given), GIVEN[::-1])
    np.testing.assert_allclose(abs(good.frames), [[0.59, 0.80, 0.70], [0.69, 0.60, 0.60]])


def test_the_three_losses_add_up_to_all_that_is_lost(rows):
    found = limits(rows)
    total = found.lost.sum("loss")
    np.testing.assert_allclose(total, 0.95 - abs(rows.frames.mean("seed").sel(reconstructor="good")))
    np.testing.assert_allclose(
        found.lost.sel({VELOCITY: 100, RATE: 200}), [0.95 - 0.90, 0.90 - 0.78, 0.78 - 0.60]
    )


def test_the_greatest_loss_is_named(rows):
    assert limits(rows).limit.values.tolist() == [
        ["few localizations", "the localizer", "the localizer"],
        ["few localizations", "the localizer", "the localizer"],
    ]
    same = [[0.2, 0.3, 0.3], GIVEN[1]]
    fast = two_rows(scores_of(same, same, np.zeros((2, 3))))
    assert limits(fast).limit.values.tolist() == [
        ["few localizations", "few localizations", "nothing"],
        ["motion", "motion", "motion"],
    ]


def test_too_many_localizations_are_told_from_too_few():
    given = [[0.5, 0.5, 0.5], [0.6, 0.95, 0.80]]
    assert limits(two_rows(scores_of(given, given))).limit.sel({VELOCITY: 0}).values.tolist() == [
        "few localizations", "nothing", "many localizations",
    ]  # fmt: skip


def test_losses_have_the_interval_of_their_mean_over_the_seeds():
    scores = scores_of()
    rng = np.random.default_rng(0)
    scores["ms_ssim"] = scores.ms_ssim + rng.normal(0, 0.01, scores.ms_ssim.shape)
    scores["ms_ssim"].attrs["better"] = "higher"
    found = limits(two_rows(scores))
    good = scores.ms_ssim.sel(reconstructor="good")
    cell = {VELOCITY: 100.0, RATE: 50.0}
    steps = good.sel({**cell, LOCALIZER: "given"}) - good.sel({**cell, LOCALIZER: "near"})
    low, high = mean_interval(steps.values[None])
    assert (float(found.low.sel(cell)[2]), float(found.high.sel(cell)[2])) == (*low, *high)


def test_more_do_not_help_beyond_the_rate_over_which_none_is_relevantly_better():
    rates = {RATE: [50.0, 200.0, 800.0, 3000.0]}

    def of(*means, spread=0.001):
        values = np.array(means)[:, None] + spread * np.array([-1.0, 0.0, 1.0])[[0, 1, 2]]
        return xr.DataArray(values, rates, (RATE, "seed"))

    assert beyond(of(0.5, 0.7, 0.705, 0.70)) == Beyond(200, 200, 200)
    assert beyond(of(0.5, 0.6, 0.7, 0.8)) == Beyond(np.inf, np.inf, np.inf)
    assert beyond(of(0.7, 0.6, 0.705, 0.5)) == Beyond(50, 50, 50)
    assert np.isnan(beyond(of(0.7, np.nan, 0.7, 0.7))).all()


def test_the_interval_of_that_rate_is_wide_where_seeds_disagree():
    """The gain from 200 to 800 Hz is 0.02 on average, and of a standard error of 0.01: t of 2 degrees is 4.3."""
    values = np.array(
        [[0.5, 0.5, 0.5], [0.7, 0.7, 0.7], [0.72 - 0.0173, 0.72, 0.72 + 0.0173], [0.70, 0.70, 0.70]]
    )
    row = xr.DataArray(values, {RATE: [50.0, 200.0, 800.0, 3000.0]}, (RATE, "seed"))
    assert beyond(row) == Beyond(800, 200, np.inf if values[3].mean() - 0.72 + 0.043 >= 0.01 else 800)
    alone = beyond(row.isel(seed=[1]))
    assert alone.rate_hz == 800
    assert np.isnan(alone[1:]).all()


def test_the_words_are_those_of_the_numbers():
    rows = two_rows(scores_of())
    lines = in_words(rows)
    assert lines[0] == "best localizer: near (50-200 Hz), dense (800 Hz)"
    found = {velocity: beyond_of(rows, velocity) for velocity in (0.0, 100.0)}
    assert found[0.0]["given"].rate_hz == np.inf
    assert found[0.0]["frames"].rate_hz == 200
    assert found[100.0]["frames"].rate_hz == 50
    assert "localizations given, more help up to >800 Hz" in lines[1]
    assert "0 nm/s: >800 Hz [>800, >800]; 100 nm/s: >800 Hz [>800, >800]" in lines[1]
    assert "from camera frames, more help up to 200 Hz [200, 200] on average" in lines[2]
    assert "0 nm/s: 200 Hz [200, 200]; 100 nm/s: 50 Hz [50, 50]" in lines[2]
    assert lines[3] == "what limits at 0 nm/s: few localizations (50 Hz), the localizer (200-800 Hz)"
    assert lines[-1] == "of 6 cells, the limit is the localizer in 4, few localizations in 2"


def test_a_missing_score_is_said_and_not_replaced():
    scores = scores_of()
    scores.ms_ssim.loc[{VELOCITY: 100.0, RATE: 200.0, LOCALIZER: "given", "seed": 1}] = np.nan
    rows = two_rows(scores)
    assert limits(rows).limit.sel({VELOCITY: 100}).values.tolist() == [
        "few localizations",
        "",
        "the localizer",
    ]
    words = "\n".join(in_words(rows))
    assert "100 nm/s: an unknown rate, since a score is missing" in words
    assert "no score (200 Hz)" in words
    assert "a missing score in 1" in words


def test_a_localizer_that_lacks_scores_is_not_the_best():
    scores = scores_of()
    scores.ms_ssim.loc[{RATE: 50.0, LOCALIZER: "near", "seed": 0}] = np.nan
    assert two_rows(scores).localizer.values.tolist() == ["dense", "near", "dense"]
    scores.ms_ssim.loc[{RATE: 50.0, LOCALIZER: "dense", "seed": 0}] = np.nan
    assert two_rows(scores).localizer.values.tolist() == ["", "near", "dense"]


@pytest.mark.parametrize("left_out", [VELOCITY, LOCALIZER])
def test_other_axes_are_refused_with_those_it_takes(left_out):
    scores = scores_of().isel({left_out: 0}, drop=True)
    assert not has_limits(scores)
    with pytest.raises(
        ValueError, match=r"is told from the axes motion.velocity_nm_per_s, photophysics.rate_hz and"
    ):
        two_rows(scores)
    with pytest.raises(ValueError, match="did you mean 'ms_ssim'"):
        two_rows(scores, "ms_sim")


def test_without_given_localizations_or_a_localizer_nothing_is_told():
    assert has_limits(scores_of())
    assert not has_limits(scores_of().drop_sel({LOCALIZER: "given"}))
    assert not has_limits(scores_of().sel({LOCALIZER: ["given"]}))


def test_the_picture_has_a_row_for_each_and_names_the_localizers(rows):
    figure = figures.two_rows(rows)
    panels = [panel for panel in figure.axes if panel.get_title() or panel.texts]
    assert [panel.get_title() for panel in panels] == ["worse", "good", "", ""]
    assert panels[0].get_ylabel().startswith("localizations given")
    assert panels[2].get_ylabel().startswith("from camera frames")
    ticks = [tick.get_text() for tick in panels[2].get_xticklabels()]
    assert ticks == ["50  near", "200  near", "800  dense"]
    shown = [text.get_text().lstrip("-\N{MINUS SIGN}") for text in panels[3].texts]
    assert shown == [".59", ".80", ".70", ".69", ".60", ".60"]


def test_the_map_of_limits_has_the_colour_and_the_loss_of_every_cell(rows):
    figure = figures.limit_map(limits(rows))
    (panel,) = figure.axes
    assert [text.get_text() for text in panel.texts] == [".35", ".10", ".25", ".35", ".18", ".20"]
    assert len({patch.get_facecolor() for patch in panel.patches}) == 2
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["few localizations", "the localizer"]


def test_a_grid_with_given_localizations_is_said_and_drawn(tmp_path, capsys):
    names = draw_grid(scores_of(), "ms_ssim", tmp_path)
    assert names == ["heatmap.png", "heatmap.pdf", "limits.png", "limits.pdf", "limits.csv"]
    assert {file.name for file in tmp_path.iterdir()} == set(names)
    assert "what limits at 100 nm/s: few localizations (50 Hz)" in capsys.readouterr().out


def test_the_stored_map_tells_localizer_and_motion_apart():
    scores = netcdf.read(MAP)
    require_scores(scores, str(MAP))
    assert (scores.sizes[VELOCITY], scores.sizes[RATE], scores.sizes["seed"]) == (6, 6, 3)
    rows = two_rows(scores)
    words = in_words(rows)
    assert words[0] == "best localizer: deep_storm (30-3000 Hz)"
    assert "from camera frames, more help up to 1200 Hz [500, 1200] on average" in words[2]
    assert "what limits at 60 nm/s: motion (30-1200 Hz), the localizer (3000 Hz)" in words
    assert words[-1] == (
        "of 36 cells, the limit is motion in 28, the localizer in 4, few localizations in 3, nothing in 1"
    )
    lost = limits(rows).lost.sel({VELOCITY: 60, RATE: 1200})
    assert lost.values.tolist() == pytest.approx([0.002, 0.051, 0.029], abs=0.001)
