"""A network with a grid of its own sees bins and pixels as in training, whatever those of the observation."""

import numpy as np
import pytest

from baselines._grid import Grid
from baselines._inputs import fine_counts
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.pipeline import SimulatedDynamic, simulate

GRID = Grid(bin_s=0.3, pixel_nm=20)


def movie(frames_per_point, points=4, pixel_nm=20, exposure_s=0.03):
    study = SimulatedDynamic(
        acquisition=Acquisition(
            time_points=points, frames_per_point=frames_per_point, exposure_s=exposure_s, steps_per_point=1
        ),
        field=FieldOfView(height_nm=1200, width_nm=1200, pixel_nm=pixel_nm),
    )
    return simulate(study, seed=1)


@pytest.mark.parametrize(
    ("frames", "bins", "bin_s"),
    [(10, 1, 0.3), (50, 5, 0.3), (30, 3, 0.3), (15, 2, 0.225), (100, 10, 0.3), (14, 1, 0.42), (3, 1, 0.09)],
)
def test_time_points_are_cut_into_the_whole_number_of_bins_closest_to_the_wanted_duration(
    frames, bins, bin_s
):
    observation = movie(frames).observation
    assert GRID.bins_per_point(observation) == bins
    assert GRID.seen(observation).attrs["exposure_s"] == pytest.approx(bin_s)


@pytest.mark.parametrize("frames", [10, 20, 50, 100, 33])
def test_every_localization_is_in_the_bin_in_which_its_frame_has_its_middle(frames):
    observation = movie(frames).observation
    seen, bins = GRID.seen(observation), GRID.bins_per_point(observation)
    late = 0 if bins % 2 else 0.5
    expected = np.floor((observation.loc_frame.values + 0.5) / frames * bins + late)
    np.testing.assert_array_equal(seen.loc_frame, expected)
    assert int(seen.counts.sum()) == int(observation.counts.sum())


@pytest.mark.parametrize("frames", [10, 20, 50, 100])
def test_the_middle_of_a_time_point_is_the_middle_of_the_bin_that_is_shown(frames):
    observation = movie(frames).observation
    seen, bins = GRID.seen(observation), GRID.bins_per_point(observation)
    late_s = 0 if bins % 2 else seen.attrs["exposure_s"] / 2
    times = np.broadcast_to((seen.time.values - late_s)[:, None, None], seen.counts.shape).astype(np.float32)
    shown = GRID.shown(times, observation)
    np.testing.assert_allclose(shown[:, 0, 0], observation.time, rtol=1e-5)


@pytest.mark.parametrize("pixel_nm", [15, 16, 24, 25])
def test_a_truth_drawn_on_the_grid_is_that_of_other_pixels(pixel_nm):
    on_grid, there = movie(10).truth.density.values, movie(10, pixel_nm=pixel_nm)
    shown = GRID.shown(on_grid, there.observation)
    assert shown.shape == there.truth.density.shape
    error = (shown - there.truth.density.values)[:, 4:-4, 4:-4]
    assert np.sqrt(np.mean(error**2)) < 1e-3 * on_grid.max()
    assert shown.min() >= 0


def test_pixels_of_the_grid_are_shown_as_they_are():
    found = movie(10)
    np.testing.assert_array_equal(
        GRID.shown(found.truth.density.values, found.observation), found.truth.density
    )


@pytest.mark.parametrize("frames", [10, 20, 33, 50])
@pytest.mark.parametrize("parts", [2, 3, 5])
def test_parts_of_bins_are_those_in_which_frames_have_their_middle(frames, parts):
    observation = movie(frames).observation
    seen, whole = GRID.seen(observation, parts), GRID.seen(observation)
    bins = GRID.bins_per_point(observation)
    late = 0 if bins % 2 else 0.5
    expected = np.floor(((observation.loc_frame.values + 0.5) / frames * bins + late) * parts + 1e-9)
    np.testing.assert_array_equal(seen.loc_frame, expected)
    np.testing.assert_array_equal(seen.counts, whole.counts)
    np.testing.assert_array_equal(sum(fine_counts(seen, parts)), whole.counts)
    assert seen.attrs["frames_per_point"] == parts
    assert seen.attrs["exposure_s"] * parts == pytest.approx(whole.attrs["exposure_s"])


@pytest.mark.parametrize("missing", ["loc_frame", "loc_y"])
def test_counts_without_times_are_refused(missing):
    observation = movie(10).observation.drop_vars(missing)
    with pytest.raises(ValueError, match=f"the observation lacks {missing}; give the table"):
        GRID.seen(observation)
