"""The figures of a comparison show its numbers."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.colors import to_rgb

from smlmsim import compare, figures
from smlmsim.figures.style import CATEGORIES
from smlmsim.regions import RATE, VELOCITY
from smlmsim.rng import stream


def scores_of(number=3, seeds=15, better="higher"):
    coords = {
        VELOCITY: [0.0, 75.0, 150.0],
        RATE: [60.0, 200.0],
        "seed": np.arange(seeds),
        "reconstructor": [f"r{i}" for i in range(number)],
    }
    values = 0.1 * stream(5, "scores").random([len(value) for value in coords.values()]) + 0.2 * np.arange(
        number
    )
    attrs = {"long_name": "MS-SSIM", "units": "1", "better": better}
    return xr.Dataset({"ms_ssim": (list(coords), values, attrs)}, coords)


@pytest.mark.parametrize("number", [1, 3, 12])
def test_the_win_map_has_the_colour_and_the_lead_of_the_best_in_every_cell(number):
    wins = compare.win_map(scores_of(number))
    panel = figures.win_map(wins.transpose(RATE, VELOCITY, "reconstructor")).axes[0]
    mesh = next(found for found in panel.collections if isinstance(found, QuadMesh))
    mesh.update_scalarmappable()
    best = number - 1
    np.testing.assert_allclose(
        mesh.get_facecolor()[:, :3], np.tile(to_rgb(CATEGORIES[best]), (6, 1)), atol=1e-6
    )
    assert len(panel.texts) == (0 if number == 1 else 6)
    if number > 1:
        lead = float(wins.advantage[0, 0])
        assert float(panel.texts[0].get_text()) == pytest.approx(lead, abs=0.005 if lead >= 0.1 else 0.0005)


def test_ties_are_hatched_and_said():
    few = figures.win_map(compare.win_map(scores_of(seeds=3)))
    assert sum(patch.get_hatch() is not None for patch in few.axes[0].patches) == 6
    assert [text.get_text() for text in few.legends[0].get_texts()] == [
        "r2",
        "not significantly different from another",
    ]


def test_what_is_practically_equal_is_dotted_and_said():
    scores = scores_of(seeds=16)
    noise = 1e-4 * stream(6, "noise").standard_normal(scores.ms_ssim.shape[:-1])
    scores.ms_ssim[..., 1] = scores.ms_ssim[..., 2] - 0.005 + noise
    drawn = figures.win_map(compare.win_map(scores))
    patches = drawn.axes[0].patches
    assert {patch.get_hatch() for patch in patches} == {"....", None}
    halves = [patch for patch in patches if patch.get_fill()]
    assert [patch.get_width() for patch in halves] == [0.5] * 12
    assert [patch.get_facecolor()[:3] for patch in halves[:2]] == [to_rgb(CATEGORIES[at]) for at in (2, 1)]
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == [
        "r1",
        "r2",
        "practically equal to another",
    ]
    table = compare.compare(scores, regions={"everywhere": {}})
    right = figures.paired(scores.ms_ssim.mean([VELOCITY, RATE], keep_attrs=True), table).axes[1]
    assert [text.get_text() for text in right.texts] == ["practically equal"]


def test_a_win_map_of_one_axis_is_refused():
    with pytest.raises(ValueError, match="has two axes, found 1"):
        figures.win_map(compare.win_map(scores_of().isel({RATE: 0})))


@pytest.mark.parametrize(("better", "first"), [("higher", "r2"), ("lower", "r0")])
def test_every_seed_is_a_line_and_every_interval_stands_beside_the_name(better, first):
    scores = scores_of(better=better)
    table = compare.compare(scores, regions={"everywhere": {}})
    left, right = figures.paired(scores.ms_ssim.mean([VELOCITY, RATE], keep_attrs=True), table).axes
    assert len(left.lines) == 15 + 1
    assert left.get_yticklabels()[0].get_text() == first
    intervals = [line.get_xdata() for line in right.lines if len(line.get_xdata()) == 2][:-1]
    mine = table[(table["first"] == first)].set_index("second").loc[["r1", "r0" if first == "r2" else "r2"]]
    np.testing.assert_allclose(intervals, mine[["low", "high"]])


def test_ranks_are_written_where_they_belong():
    ranks = pd.DataFrame([[1.0, 2.5], [2.0, np.nan]], index=["ms_ssim", "psnr"], columns=["a", "b"])
    panel = figures.rank_table(ranks).axes[0]
    assert [text.get_text() for text in panel.texts] == ["1.0", "2.5", "2.0", "-"]


def test_cost_is_logarithmic_with_the_best_on_top():
    costs = pd.DataFrame(
        {"score": [0.2, 0.5], "seconds": [0.1, 3.0], "parameters": [0, 10**6]}, index=["a", "b"]
    )
    costs.attrs = {"label": "NRMSE", "better": "lower"}
    panel = figures.cost(costs).axes[0]
    points = [found for found in panel.collections if isinstance(found, PathCollection)]
    np.testing.assert_allclose([point.get_offsets()[0] for point in points], costs[["seconds", "score"]])
    assert panel.get_xscale() == "log"
    assert panel.yaxis_inverted()
    assert points[1].get_sizes() > points[0].get_sizes()
