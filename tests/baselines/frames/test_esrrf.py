import itertools

import numpy as np
import pytest

from baselines.frames import _radial
from baselines.frames._movie import Movie
from baselines.frames._radial import convergence, magnified, spline, surroundings
from baselines.frames.esrrf import Esrrf
from smlmsim.reconstruct import reconstruct
from smlmsim.testing import check_reconstructor, make_observation, with_frames


def gaussian(y, x, shape=(13, 14), sigma_px=1.3):
    rows, columns = np.indices(shape)
    return (100 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma_px**2)))[None].astype(
        np.float32
    )


def observation(time_points=4, rate=0.002):
    counts = np.random.default_rng(0).poisson(rate, (time_points, 60, 70))
    return with_frames(make_observation(counts, point_s=0.5))


def slow_convergence(frame, magnification, radius_px):
    """The same place by place, with all gradients at their places."""
    sigma = radius_px / _radial.FWHM
    (value_y, slope_y), (value_x, slope_x) = (spline(size, 2) for size in frame.shape)
    gradient = np.stack([slope_y @ frame @ value_x.T, value_y @ frame @ slope_x.T])
    at_y, at_x = (_radial.finer(size, 2) for size in frame.shape)
    ys, xs = (_radial.finer(size, magnification) for size in frame.shape)
    found = np.zeros((ys.size, xs.size))
    for (i, y), (j, x) in itertools.product(enumerate(ys), enumerate(xs)):
        to = np.stack(np.broadcast_arrays(y - at_y[:, None], x - at_x))
        distance = np.hypot(*to)
        near = (distance > 0) & (distance <= _radial.CUT * sigma)
        weight = np.where(near, (distance * np.exp(-0.5 * (distance / sigma) ** 2)) ** 4, 0)
        length = np.hypot(*gradient)
        line = np.abs(gradient[0] * to[1] - gradient[1] * to[0]) / length
        towards = (gradient * to).sum(axis=0) > 0
        share = np.where(near & towards, 1 - line / np.where(near, distance, 1), 0)
        found[i, j] = (weight * share).sum() / weight.sum()
    return found


@pytest.mark.parametrize(("magnification", "radius_px"), [(2, 1.5), (3, 2.0)])
def test_the_kernel_agrees_with_a_sum_over_all_gradients_of_the_frame(magnification, radius_px):
    frame = np.random.default_rng(1).gamma(2.0, 20.0, (7, 9)).astype(np.float32)
    found = convergence(frame[None], magnification, radius_px)[0]
    np.testing.assert_allclose(found, slow_convergence(frame, magnification, radius_px), atol=2e-5)


@pytest.mark.parametrize("place", [(6.0, 7.0), (5.4, 7.3)])
def test_gradients_converge_most_at_the_centre_of_a_spot(place):
    found = convergence(gaussian(*place), 5, 1.5)[0]
    highest = np.unravel_index(found.argmax(), found.shape)
    assert np.allclose((np.array(highest) + 0.5) / 5 - 0.5, place, atol=0.2)
    assert 0.9 < found.max() <= 1
    assert found.min() >= 0


def test_convergence_depends_neither_on_a_factor_nor_on_a_constant():
    spots = gaussian(4.2, 5.1) + 0.4 * gaussian(7.0, 9.5)
    found = convergence(spots, 4, 1.5)
    np.testing.assert_allclose(convergence(7 * spots, 4, 1.5), found, atol=1e-4)
    lit = magnified(spots, 4) > 1  # elsewhere the slopes are those of rounding
    np.testing.assert_allclose(convergence(spots + 50, 4, 1.5)[lit], found[lit], atol=2e-3)


def test_nothing_converges_in_a_constant_frame():
    assert not convergence(np.full((1, 8, 9), 123.4, np.float32), 4, 1.5).any()


def test_weights_of_a_place_sum_to_one():
    around = surroundings(4, 1.5)
    assert np.allclose(np.add.reduceat(around.share, around.begin[:-1]), 1)


def test_frames_are_magnified_by_a_curve_through_their_pixels():
    spots = gaussian(5.4, 7.3)
    np.testing.assert_allclose(magnified(spots, 3)[:, 1::3, 1::3], spots, atol=1e-4)


@pytest.mark.parametrize("temporal", ["mean", "variance", "autocorrelation"])
def test_the_maps_of_a_window_are_gathered_as_asked(temporal):
    movie, method = observation(), Esrrf(temporal=temporal, window_s=100.0, magnification=2)
    sums = method._sums(Movie.of(movie))
    maps = method.fluctuations(Movie.of(movie).counts).astype(float)
    expected = {
        "mean": maps.mean(axis=0),
        "variance": maps.var(axis=0),
        "autocorrelation": (maps[1:] * maps[:-1]).mean(axis=0) - maps.mean(axis=0) ** 2,
    }[temporal]
    found = method._gathered(sums, np.ones(4))
    np.testing.assert_allclose(found, expected, atol=1e-4 * maps.max() ** 2)


def test_the_density_is_at_the_pixels_of_the_observation_and_bright_where_molecules_are():
    counts = np.zeros((5, 60, 70), int)
    counts[:, 30, 20] = 1
    movie = with_frames(make_observation(counts, point_s=0.5))
    found = reconstruct(Esrrf(temporal="mean"), movie).density
    assert found.shape == counts.shape
    assert found.y.equals(movie.y)
    brightest = np.unravel_index(found[2].values.argmax(), (60, 70))
    assert np.hypot(*(np.array(brightest) - (30, 20))) <= 2


def test_a_higher_sensitivity_makes_spots_narrower():
    def width(sensitivity):
        map_ = Esrrf(sensitivity=sensitivity).fluctuations(gaussian(6.0, 7.0))[0]
        return np.count_nonzero(map_ > map_.max() / 2)

    assert width(4.0) < width(1.0)


def test_it_keeps_to_the_contract():
    check_reconstructor(Esrrf())
