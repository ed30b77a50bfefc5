"""An experiment is found on a map of scores, and who is good enough there follows from the cells."""

import numpy as np
import pytest
import xarray as xr

from smlmsim import estimate
from smlmsim.estimate.location import RATE, VELOCITY
from smlmsim.windows import WINDOW

VELOCITIES, RATES = np.array([0.0, 50.0, 100.0]), np.array([100.0, 1000.0])


def _map(better="higher"):
    """Scores that fall by 0.004 per nm/s and rise by 0.1 per decade of the rate; and others that are 0.5 worse."""
    scores = 0.8 - 0.004 * VELOCITIES[:, None] + 0.1 * (np.log10(RATES) - 2)
    both = np.stack([scores, scores - 0.5], axis=-1)[:, :, None].repeat(2, axis=2)
    dims = (VELOCITY, RATE, "seed", "reconstructor")
    coords = {VELOCITY: VELOCITIES, RATE: RATES, "reconstructor": ["good", "poor"]}
    return xr.Dataset({"ms_ssim": (dims, both, {"better": better})}, coords=coords)


def _words(verdict):
    """Which verdict each reconstructor has."""
    lines = [line.strip().split(": ") for line in verdict.splitlines()[1:] if "at this rate" not in line]
    return {name.split(" ")[0]: word for word, names in lines for name in names.split(", ")}


@pytest.mark.parametrize(
    ("threshold", "word"),
    [(0.72, "good enough"), (0.75, "good enough in a part only"), (0.78, "not good enough")],
)
def test_the_scores_in_the_box_decide(threshold, word):
    """At 20 to 30 nm/s and the rate half a decade above the lowest, the scores are 0.73 to 0.77."""
    half_decade = 10**2.5
    box = estimate.Box((half_decade, half_decade * 1.001), (20.0, 30.0))
    verdict = estimate.verdict(_map(), box, threshold=threshold)
    assert _words(verdict)["good"] == word
    assert _words(estimate.verdict(_map(), box, threshold=0.2))["poor"] == "good enough"
    assert "good (0.73 to 0.77)" in verdict


def test_the_velocity_up_to_which_a_reconstructor_is_good_enough_is_interpolated():
    """The scores of "good" fall linearly with velocity: at the lowest of the rates, the worst of them decides."""
    scores = _map()
    rates = scores["photophysics.rate_hz"].values
    found = estimate.good_up_to(scores, (float(rates[0]), float(rates[0])), threshold=0.2)
    column = scores.ms_ssim.mean("seed").sel(reconstructor="good").isel({"photophysics.rate_hz": 0})
    threshold = float(column.values[[0, -1]].mean())
    middle = float(np.interp(threshold, column.values[::-1], column["motion.velocity_nm_per_s"].values[::-1]))
    found = estimate.good_up_to(scores, (float(rates[0]), float(rates[0])), threshold=threshold)
    assert found["good"] == pytest.approx(middle)
    always = estimate.good_up_to(scores, (float(rates[0]), float(rates[-1])), threshold=0.0)
    assert always["good"] == column["motion.velocity_nm_per_s"].values.max()
    never = estimate.good_up_to(scores, (float(rates[0]), float(rates[-1])), threshold=2.0)
    assert np.isnan(never["good"])


def test_a_score_that_should_be_low_is_good_below_the_threshold():
    box = estimate.Box((200.0, 300.0), (20.0, 30.0))
    assert _words(estimate.verdict(_map("lower"), box, threshold=0.9))["good"] == "good enough"
    assert _words(estimate.verdict(_map("lower"), box, threshold=0.3))["good"] == "not good enough"


def test_without_a_velocity_the_whole_map_counts():
    verdict = estimate.verdict(_map(), estimate.Box((200.0, 300.0), None), threshold=0.6)
    assert _words(verdict)["good"] == "good enough in a part only"
    assert "0 to 100 nm/s (the whole map, as no velocity was measured)" in verdict


def test_cells_between_the_ends_of_the_box_count():
    scores = _map()
    scores["ms_ssim"][1] = 0.0
    verdict = estimate.verdict(scores, estimate.Box((200.0, 300.0), (0.0, 100.0)), threshold=0.3)
    assert _words(verdict)["good"] == "good enough in a part only"


def test_a_cell_without_a_score_is_not_good_enough():
    scores = _map()
    scores["ms_ssim"][0] = np.nan
    verdict = estimate.verdict(scores, estimate.Box((200.0, 300.0), (0.0, 100.0)), threshold=0.1)
    assert _words(verdict)["good"] != "good enough"


def test_an_experiment_outside_of_the_map_is_judged_at_its_edge_and_told():
    """At the edge, 100 Hz or 100 nm/s, the scores are 0.72 to 0.68 and 0.43 to 0.45."""
    verdict = estimate.verdict(_map(), estimate.Box((2.0, 3.0), (20.0, 30.0)))
    assert "the rate is beyond the map, 100 to 1000 Hz: its nearest edge is used" in verdict
    assert "good (0.68 to 0.72)" in verdict
    verdict = estimate.verdict(_map(), estimate.Box((200.0, 300.0), (300.0, 400.0)))
    assert "the velocity is beyond the map, 0 to 100 nm/s" in verdict
    assert "good (0.43 to 0.45)" in verdict
    assert "beyond" not in estimate.verdict(_map(), estimate.Box((200.0, 300.0), None))


def test_what_is_no_map_is_refused():
    with pytest.raises(ValueError, match=r"a map needs the axis motion\.velocity_nm_per_s, found"):
        estimate.require_map(_map().rename({VELOCITY: "v"}))
    with pytest.raises(ValueError, match="no metric 'psnr' in the map; there are: ms_ssim"):
        estimate.verdict(_map(), estimate.Box((200.0, 300.0), None), metric="psnr")


def test_the_box_holds_all_rates_and_two_standard_errors_of_the_velocity():
    rates = [estimate.LocalizationRate(999.0, 1.0, rate, 5.0) for rate in (200.0, 150.0, 220.0)]
    velocity = estimate.FilamentVelocity(60.0, 4.0, 1.5, 5.0, 1000, 0.7)
    assert estimate.experiment_box(rates, velocity) == ((150.0, 220.0), (52.0, 68.0))
    assert estimate.experiment_box(rates).velocity_nm_per_s is None
    assert estimate.experiment_box(rates[:1]).rate_hz == (190.0, 210.0)


def test_a_velocity_that_is_a_lower_bound_reaches_to_the_end_of_the_map():
    """At 52 to 100 nm/s and the lowest rate, the scores are 0.59 to 0.40."""
    velocity = estimate.FilamentVelocity(60.0, 4.0, 1.5, 5.0, 1000, 0.7, at_least=True)
    rate = [estimate.LocalizationRate(999.0, 1.0, 100.0, 0.0)]
    box = estimate.experiment_box(rate, velocity)
    assert box.velocity_nm_per_s == (52.0, np.inf)
    assert str(velocity).startswith("at least 60 ± 4 nm/s")
    verdict = estimate.verdict(_map(), box, threshold=0.5)
    assert "52 or more nm/s" in verdict
    assert "a lower bound: all of the map from there on is used, up to 100 nm/s" in verdict
    assert "good (0.40 to 0.59)" in verdict
    assert _words(verdict)["good"] == "good enough in a part only"
    assert estimate.is_on_map(_map(), box)
    assert not estimate.is_on_map(_map(), estimate.Box((100.0, 100.0), (120.0, np.inf)))


def _with_windows():
    """The map in windows of 10 and 100 frames: up to 50 nm/s the long one is better by 0.1, above it is worse."""
    better = np.where(VELOCITIES <= 50, 0.1, -0.1)[:, None, None, None]
    windows = xr.concat([_map(), _map()], xr.Variable(WINDOW, [10.0, 100.0]))
    windows.ms_ssim[{WINDOW: 1}] = windows.ms_ssim[{WINDOW: 1}] + better
    windows.ms_ssim.attrs["better"] = "higher"
    return windows


def test_the_window_for_the_rate_is_recommended_at_every_velocity_and_at_the_measured_one():
    box = estimate.Box((200.0, 300.0), (90.0, 100.0))
    first, good, poor = estimate.window_advice(_with_windows(), box).splitlines()
    assert "200 to 300 Hz" in first
    for line in (good, poor):
        assert "10 frames or shorter" in line.split(" at the measured 90 to 100 nm/s")[0]
        assert line.count("100 frames or longer") == 2
        assert "10 frames or shorter" in line.split("at 50 nm/s, ")[1]
    assert "measured" not in estimate.window_advice(_with_windows(), estimate.Box((200.0, 300.0), None))


def test_a_map_with_windows_is_judged_at_the_best_of_them():
    box = estimate.Box((100.0, 100.0), (0.0, 0.0))
    said = estimate.verdict(_with_windows(), box, threshold=0.85)
    assert "with the best time window of each cell" in said
    assert "good enough: good (0.90 to 0.90)" in said
    assert "time window" not in estimate.verdict(_map(), box)
    with pytest.raises(ValueError, match=f"the map needs the axis {WINDOW}"):
        estimate.window_advice(_map(), box)


def test_a_rate_beyond_the_map_is_said_with_the_window():
    assert "the rate is beyond the map" in estimate.window_advice(
        _with_windows(), estimate.Box((1.0, 2.0), None)
    )
