import numpy as np
import pytest

from baselines.classic import _repeats, gaussian_time
from baselines.classic.gaussian_time import GaussianTime
from smlmsim import remembered, schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.motion import Polymer, Static
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.sparse import bin_localizations
from smlmsim.testing import make_observation

FIELD = FieldOfView(height_nm=1280.0, width_nm=1280.0, pixel_nm=20.0)
ACQUISITION = Acquisition(time_points=40)
PRECISION_NM = 15.0


def observe(frame, y, x, precision_nm=PRECISION_NM, acquisition=ACQUISITION):
    frame, y, x = np.asarray(frame, np.int32), np.asarray(y, np.float32), np.asarray(x, np.float32)
    table = schema.dataset(
        loc_frame=frame,
        loc_time=acquisition.frame_times_s(frame),
        loc_y=y,
        loc_x=x,
        loc_uncertainty=np.full(frame.size, precision_nm, np.float32),
    )
    return bin_localizations(table, FIELD, acquisition)


def blinking_line(mean_frames, seed=0):
    """A straight line at rest, whose molecules stay on for a geometric number of frames."""
    rng, molecules = np.random.default_rng(seed), 6000 // mean_frames
    molecule = np.repeat(np.arange(molecules), on := rng.geometric(1 / mean_frames, molecules))
    since = np.arange(molecule.size) - np.repeat(np.cumsum(on) - on, on)
    frame = rng.integers(ACQUISITION.frames, size=molecules)[molecule] + since
    y = rng.uniform(0, FIELD.height_nm, molecules)[molecule] + rng.normal(0, PRECISION_NM, molecule.size)
    x = 300 + 0.4 * y + rng.normal(0, PRECISION_NM, molecule.size)
    order = np.flatnonzero((frame < ACQUISITION.frames) & FIELD.contains(y, x))
    order = order[np.argsort(frame[order], kind="stable")]
    return observe(frame[order], y[order], x[order])


@pytest.mark.parametrize("mean_frames", [3, 10, 30])
def test_repeats_are_found_over_about_as_many_frames_as_molecules_stay_on(mean_frames):
    """A molecule stays on for more than 6 times the mean with the probability exp(-6)."""
    assert mean_frames / 2 < _repeats.repeat_frames(blinking_line(mean_frames)) < 6 * mean_frames


@pytest.mark.parametrize("mean_frames", [3, 10])
def test_what_rests_and_blinks_is_averaged_over_most_of_the_movie(mean_frames, monkeypatch):
    observation = blinking_line(mean_frames)
    assert GaussianTime().widths(observation).time_s > ACQUISITION.recorded_s / 4
    monkeypatch.setattr(gaussian_time._repeats, "first_appearances", lambda observation, frames: observation)
    remembered.forget()
    assert GaussianTime().widths(observation).time_s < 2 * ACQUISITION.point_s


@pytest.mark.parametrize("rate_hz", [30.0, 1600.0])
@pytest.mark.parametrize("motion", [Static(), Polymer(velocity_nm_per_s=220.0)])
@pytest.mark.parametrize("seed", range(4))
def test_molecules_without_memory_have_no_repeats(rate_hz, motion, seed):
    acquisition = Acquisition(time_points=100 if rate_hz < 100 else 10)
    study = SimulatedDynamic(acquisition=acquisition, motion=motion, photophysics=Poisson(rate_hz=rate_hz))
    assert _repeats.repeat_frames(simulate(study, seed).observation) == 0


def test_molecules_on_a_straight_line_have_no_repeats_if_each_is_localized_once():
    rng = np.random.default_rng(0)
    for precision_nm in (2.0, 15.0, 60.0):
        frame = np.sort(rng.integers(ACQUISITION.frames, size=20000))
        y, x = rng.uniform(0, 1280, 20000), rng.normal(640, precision_nm, 20000)
        assert _repeats.repeat_frames(observe(frame, y, x)) == 0


def test_neighbours_are_counted_in_two_rings():
    rng = np.random.default_rng(0)
    y, x = rng.uniform(0, 500, (2, 300)).astype(np.float32)
    begins = np.sort(rng.integers(300, size=300))
    ends = np.minimum(begins + 20, 300)
    distance = np.hypot(y[:, None] - y, x[:, None] - x)
    later = (np.arange(300) >= begins[:, None]) & (np.arange(300) < ends[:, None])
    near, beyond = _repeats._neighbours(begins, ends, y, x, y, x, 100.0)
    assert near == (later & (distance < 100)).sum()
    assert beyond == (later & (distance >= 100) & (distance < 200)).sum()


def test_first_appearances_are_those_without_an_earlier_one_near_by():
    """With a reported precision of 10 nm, r is 84.9 nm."""
    table = [
        (0, 100, 100, True),
        (0, 100, 110, True),  # two in one frame are two molecules
        (3, 180, 100, False),  # 80 nm and 3 frames later
        (4, 180, 190, True),  # 90 nm from the third, farther from the first
        (7, 20, 60, True),  # 7 frames after the first, 160 nm from the third
        (60, 100, 100, True),
        (99, 1000, 1000, True),
        (101, 1000, 1000, False),  # in the next time point
    ]
    frame, y, x, new = (np.array(column) for column in zip(*table, strict=True))
    found = _repeats.first_appearances(observe(frame, y, x, precision_nm=10.0), frames=5)
    expected = observe(frame[new], y[new], x[new]).counts
    np.testing.assert_array_equal(found.counts, expected)


def test_first_appearances_equal_a_search_among_all():
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(500, size=1500))
    y, x = rng.uniform(0, 1280, (2, 1500)).astype(np.float32)
    lag = frame[:, None] - frame
    near = np.hypot(y[:, None] - y, x[:, None] - x) < 6 * np.sqrt(2) * PRECISION_NM
    new = ~(near & (lag > 0) & (lag <= 15)).any(axis=1)
    assert 0.1 < new.mean() < 0.9
    found = _repeats.first_appearances(observe(frame, y, x), frames=15)
    np.testing.assert_array_equal(found.counts, observe(frame[new], y[new], x[new]).counts)


def test_without_repeats_the_observation_stays_as_it_is():
    observation = blinking_line(3)
    assert _repeats.first_appearances(observation, 0) is observation


@pytest.mark.parametrize("number", [0, 1])
def test_few_localizations_have_no_repeats(number):
    observation = observe(np.zeros(number), np.full(number, 50), np.full(number, 50))
    assert _repeats.repeat_frames(observation) == 0
    assert _repeats.first_appearances(observation, 5).counts.sum() == number


def test_full_pixels_are_compared_in_part():
    counts = np.zeros((3, 9, 9))
    counts[:, 4, 4] = 65535
    observation = make_observation(counts)
    assert _repeats.repeat_frames(observation) == 3
    np.testing.assert_array_equal(
        _repeats.first_appearances(observation, 3).counts.sum(("y", "x")), [65535, 0, 0]
    )


def test_without_localizations_none_are_looked_for():
    observation = blinking_line(3)
    assert _repeats.repeat_frames(observation.drop_dims("localization")) == 0
    assert _repeats.repeat_frames(observation.assign(loc_y=observation.loc_y * np.nan)) == 0
    widths = GaussianTime().widths(observation.drop_dims("localization"))
    assert widths.repeat_frames == 0
