"""Cubic B-splines on a grid that repeats: constants stay, gradients are those of what they describe."""

import numpy as np
import pytest

from smlmsim.motion.periodic_grid import PeriodicGrid

GRID = PeriodicGrid.over([-300.0, 500.0, 2400.0, 3200.0], 200.0, 4)


def points(number=200, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([[GRID.y_nm], [GRID.x_nm]]) + rng.uniform(-1, 2, (2, number)) * np.array(
        [[2400.0], [3200.0]]
    )


def test_the_number_of_nodes_is_the_multiple_that_is_nearest_to_the_wanted_cell():
    assert (GRID.rows, GRID.columns) == (12, 16)
    assert GRID.cell_nm.tolist() == [200, 200]


def test_the_weights_of_a_point_sum_to_one_so_that_a_constant_stays():
    values = GRID.matrix(points()) @ np.full(12 * 16, 3.5)
    np.testing.assert_allclose(values, 3.5, rtol=1e-12)


def test_what_splines_describe_repeats_after_the_rectangle():
    nodes = np.random.default_rng(1).standard_normal(12 * 16)
    here, there = points(), points() + np.array([[2400.0], [-3200.0]])
    np.testing.assert_allclose(GRID.matrix(here) @ nodes, GRID.matrix(there) @ nodes, atol=1e-9)


def test_a_slow_wave_is_followed():
    """The response of a cubic B-spline to a wave of angular frequency k per cell is (2 + cos k) / 3 at a node."""
    phase = 2 * np.pi * np.arange(12) / 12
    nodes = np.repeat(np.sin(phase)[:, None], 16, axis=1)
    at_nodes = np.array([GRID.y_nm + 200.0 * np.arange(12), np.full(12, 600.0)])
    expected = (2 + np.cos(2 * np.pi / 12)) / 3 * np.sin(phase)
    np.testing.assert_allclose(GRID.matrix(at_nodes) @ nodes.ravel(), expected, atol=1e-12)


def test_gradients_are_the_limits_of_differences():
    nodes = np.random.default_rng(2).standard_normal((12, 16))
    y, x = np.meshgrid(GRID.y_nm + 200.0 * np.arange(12), GRID.x_nm + 200.0 * np.arange(16), indexing="ij")
    places, step = np.stack([y.ravel(), x.ravel()]), 1e-3
    for axis, found in enumerate(GRID.gradients(nodes)):
        ahead, behind = places.copy(), places.copy()
        ahead[axis], behind[axis] = places[axis] + step, places[axis] - step
        expected = (GRID.matrix(ahead) - GRID.matrix(behind)) @ nodes.ravel() / (2 * step)
        np.testing.assert_allclose(found.ravel(), expected, atol=1e-7)


def test_an_image_is_relative_to_its_mean_and_holds_every_piece():
    image = GRID.image(points(50), np.ones(50))
    assert image.shape == (12, 16)
    assert image.mean() == pytest.approx(1, rel=1e-6)
    twice = GRID.image(points(50), np.full(50, 2.0))
    np.testing.assert_allclose(image, twice, rtol=1e-6)


def test_a_rectangle_of_too_few_cells_is_refused_in_one_line():
    with pytest.raises(ValueError, match="repeats after 900 x 5000 nm, too little for cells of 200 nm"):
        PeriodicGrid.over([0, 0, 900, 5000], 200, 4)


def test_an_image_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no contour to move; make it denser"):
        GRID.image(np.empty((2, 0)), np.empty(0))
