import math

import numpy as np
import pydantic
import pytest
import scipy.ndimage

from baselines.classic.gaussian_time import GaussianTime
from smlmsim.testing import make_observation

PIXEL_NM, POINT_S = 20.0, 1.5
PRECISION_NM, RESOLUTION_NM = 15.0, 30.0
SIDE, LENGTH = 64, 48


def moving_line(velocity_nm_per_s, per_point, seed=0):
    """A bent line that crosses a field and comes back on the other side: what is seen, and the truth."""
    rng = np.random.default_rng(seed)
    field_nm, margin_nm = SIDE * PIXEL_NM, 150.0

    def line_nm(time_s, y_nm):
        return 300.0 + velocity_nm_per_s * time_s + 100.0 * np.sin(2 * np.pi * y_nm / field_nm)

    number = rng.poisson(per_point * LENGTH * (1 + 2 * margin_nm / field_nm))
    time_s = rng.uniform(0, LENGTH * POINT_S, number)
    y_nm = rng.uniform(-margin_nm, field_nm + margin_nm, number)
    x_nm = (line_nm(time_s, y_nm) + rng.normal(0, PRECISION_NM, number)) % field_nm
    y_nm = y_nm + rng.normal(0, PRECISION_NM, number)
    seen = np.stack([time_s / POINT_S, y_nm / PIXEL_NM, x_nm / PIXEL_NM], axis=1)
    counts, _ = np.histogramdd(seen, (LENGTH, SIDE, SIDE), [(0, LENGTH), (0, SIDE), (0, SIDE)])

    t = (np.arange(LENGTH)[:, None, None] + 0.5) * POINT_S
    pixel_nm = (np.arange(SIDE) + 0.5) * PIXEL_NM
    contour_nm = np.arange(-margin_nm, field_nm + margin_nm, 10.0)[:, None]
    across_nm = (pixel_nm - line_nm(t, contour_nm) + field_nm / 2) % field_nm - field_nm / 2
    along_nm = pixel_nm[:, None] - contour_nm.T
    truth = gaussian(along_nm) @ gaussian(across_nm)
    return make_observation(counts, point_s=POINT_S, pixel_nm=PIXEL_NM), truth


def gaussian(distance_nm):
    return np.exp(-0.5 * (distance_nm / RESOLUTION_NM) ** 2)


def error(reconstructor, observation, truth):
    """The root-mean-square error over the truth's, after the one factor that makes it least."""
    density = reconstructor.reconstruct(observation).density.values.astype(np.float64)
    cosine = (density * truth).sum() / math.sqrt((density**2).sum() * (truth**2).sum())
    return math.sqrt(1 - cosine**2)


def test_given_widths_equal_scipy_away_from_the_ends():
    counts = np.random.default_rng(0).poisson(0.3, (60, 61, 70))
    density = (
        GaussianTime(time_sigma_s=3.0, space_sigma_nm=30.0).reconstruct(make_observation(counts)).density
    )
    expected = scipy.ndimage.gaussian_filter(counts.astype(np.float32), (3.0 / POINT_S, 1.5, 1.5))
    inner = (slice(9, -9),) * 3
    np.testing.assert_allclose(density.values[inner], expected[inner], rtol=1e-5)


@pytest.mark.parametrize(
    ("time_sigma_s", "space_sigma_nm"), [(0.0, 30.0), (4.0, 0.0), (math.inf, 80.0), (2.0, 45.0)]
)
def test_ends_and_borders_are_as_bright_as_the_middle(time_sigma_s, space_sigma_nm):
    reconstructor = GaussianTime(time_sigma_s=time_sigma_s, space_sigma_nm=space_sigma_nm)
    density = reconstructor.reconstruct(make_observation(np.full((20, 16, 24), 3))).density
    np.testing.assert_allclose(density, 3, rtol=1e-5)


def test_widths_of_zero_give_the_counts():
    counts = np.random.default_rng(0).poisson(0.3, (7, 8, 9))
    density = GaussianTime(time_sigma_s=0, space_sigma_nm=0).reconstruct(make_observation(counts)).density
    np.testing.assert_array_equal(density, counts)


def test_an_infinite_width_in_time_gives_the_mean_at_every_time():
    counts = np.random.default_rng(0).poisson(0.3, (7, 8, 9))
    density = (
        GaussianTime(time_sigma_s=math.inf, space_sigma_nm=0).reconstruct(make_observation(counts)).density
    )
    np.testing.assert_allclose(density, np.broadcast_to(counts.mean(axis=0), (7, 8, 9)), rtol=1e-5)


def test_the_widths_used_are_told():
    observation, _ = moving_line(0.0, 50)
    reconstructor = GaussianTime()
    attrs = reconstructor.reconstruct(observation).attrs
    assert tuple(attrs.values()) == reconstructor.widths(observation)
    assert list(attrs) == ["time_sigma_s", "space_sigma_nm", "repeat_frames"]


def test_a_given_width_is_kept_while_the_other_is_chosen():
    observation, _ = moving_line(0.0, 50)
    assert GaussianTime(time_sigma_s=1.0).widths(observation).time_s == 1.0
    assert GaussianTime(space_sigma_nm=17.0).widths(observation).space_nm == 17.0


def test_what_rests_is_averaged_over_most_of_the_movie_and_comes_near_the_truth():
    per_point = 400
    observation, truth = moving_line(0.0, per_point)
    assert GaussianTime().widths(observation).time_s > LENGTH * POINT_S / 4
    # A Gaussian of 1.3 pixels averages the localizations of 2 sqrt(pi) 1.3 of the 64 pixels along the line.
    averaged = LENGTH * per_point * 2 * math.sqrt(math.pi) * 1.3 / SIDE
    assert error(GaussianTime(), observation, truth) < 3 / math.sqrt(averaged)


@pytest.mark.parametrize("per_point", [50, 400])
def test_what_moves_fast_is_averaged_over_a_time_point_at_most(per_point):
    observation, truth = moving_line(60.0, per_point)
    widths = GaussianTime().widths(observation)
    static = GaussianTime(time_sigma_s=math.inf, space_sigma_nm=widths.space_nm)
    assert widths.time_s <= POINT_S
    assert error(GaussianTime(), observation, truth) < 0.8 * error(static, observation, truth)


def test_slower_motion_is_averaged_over_longer_times():
    times_s = [GaussianTime().widths(moving_line(v, 200)[0]).time_s for v in (0.0, 5.0, 40.0, 200.0)]
    assert times_s == sorted(times_s, reverse=True)
    assert len(set(times_s)) >= 3


@pytest.mark.parametrize("per_point", [200, 2000])
def test_the_density_at_rest_has_the_resolution_asked_for(per_point):
    """Localizations alone choose thinner lines the more there are; their precision adds to the width."""
    observation, _ = moving_line(0.0, per_point)
    for resolution_nm in (30.0, 60.0):
        chosen_nm = GaussianTime(resolution_nm=resolution_nm).widths(observation).space_nm
        step = 2**0.25
        assert math.hypot(chosen_nm, PRECISION_NM) == pytest.approx(resolution_nm, rel=step - 1)


@pytest.mark.parametrize("velocity_nm_per_s", [0.0, 20.0, 60.0, 200.0])
@pytest.mark.parametrize("per_point", [50, 500])
def test_the_chosen_widths_are_nearly_the_best_there_are(velocity_nm_per_s, per_point):
    observation, truth = moving_line(velocity_nm_per_s, per_point)
    chosen = error(GaussianTime(), observation, truth)
    best = min(
        error(GaussianTime(time_sigma_s=time_s, space_sigma_nm=space_nm), observation, truth)
        for time_s in (0.0, 0.75, 1.5, 3.0, 6.0, 12.0, math.inf)
        for space_nm in (13.0, 18.0, 26.0, 37.0, 52.0, 74.0, 104.0)
    )
    assert chosen < best + 0.03


def test_false_localizations_do_not_change_the_choice_much():
    observation, _ = moving_line(0.0, 200)
    rng = np.random.default_rng(1)
    noisy = make_observation(observation.counts.values + rng.poisson(10 / SIDE**2, (LENGTH, SIDE, SIDE)))
    clean_nm, noisy_nm = (GaussianTime().widths(seen).space_nm for seen in (observation, noisy))
    assert noisy_nm == pytest.approx(clean_nm, rel=0.45)


def test_unknown_precision_is_taken_as_perfect():
    observation, _ = moving_line(0.0, 400)
    unknown = observation.drop_vars("loc_uncertainty")
    undefined = observation.assign(loc_uncertainty=observation.loc_uncertainty * np.nan)
    assert GaussianTime().widths(unknown) == GaussianTime().widths(undefined)
    assert GaussianTime().widths(unknown).space_nm >= RESOLUTION_NM


def test_an_empty_movie_gives_nothing():
    density = GaussianTime().reconstruct(make_observation(np.zeros((5, 6, 7)))).density
    np.testing.assert_array_equal(density, 0)


@pytest.mark.parametrize("shape", [(1, 12, 13), (2, 12, 13), (3, 1, 1), (1, 1, 1), (37, 61, 90)])
def test_every_shape_goes_through(shape):
    counts = np.random.default_rng(0).poisson(0.3, shape)
    density = GaussianTime().reconstruct(make_observation(counts)).density
    assert density.shape == shape
    assert np.isfinite(density).all()


def test_full_pixels_go_through():
    counts = np.zeros((4, 9, 9))
    counts[:2, 4, 4] = 65535
    density = GaussianTime().reconstruct(make_observation(counts)).density
    assert np.isfinite(density).all()
    assert density.max() > 1000


@pytest.mark.parametrize(
    "settings",
    [{"time_sigma_s": -1}, {"time_sigma_s": math.nan}, {"space_sigma_nm": math.inf}, {"resolution_nm": -1}],
)
def test_impossible_widths_are_refused(settings):
    with pytest.raises(pydantic.ValidationError):
        GaussianTime(**settings)


def test_an_infinite_width_survives_toml(tmp_path):
    spec = GaussianTime(time_sigma_s=math.inf)
    path = tmp_path / "spec.toml"
    path.write_text(spec.to_toml())
    assert GaussianTime.from_toml(path) == spec
