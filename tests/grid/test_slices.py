"""A grid can be cut at a value of an axis; what is left are the same scores and the same movies."""

import numpy as np
import pytest

from smlmsim.grid import Axis, Grid
from smlmsim.grid.slices import cut, require_shown, sliced
from smlmsim.grid.store import GridStore, read_scores
from smlmsim.regions import RATE, VELOCITY

KIND = "motion.kind"


@pytest.fixture
def grid(small_study):
    axes = {KIND: ("rigid", "polymer"), VELOCITY: (0, 75), RATE: (100, 400)}
    return Grid(
        study=small_study, axes=tuple(Axis(setting=name, values=values) for name, values in axes.items()),
        seeds=(0, 1), reconstructors=("sparse",), metrics=("ms_ssim",),
    )  # fmt: skip


def test_the_movies_of_a_slice_are_those_of_its_cells_in_the_grid(grid):
    kept = cut(grid, {KIND: "rigid", RATE: 400.0})
    assert kept.dims == (VELOCITY, "seed")
    studies = [(kept.study_of(cell), cell.seed) for cell in kept.cells()]
    there = [cell for cell in grid.cells() if (cell.settings[KIND], cell.settings[RATE]) == ("rigid", 400)]
    assert studies == [(grid.study_of(cell), cell.seed) for cell in there]


def test_the_scores_of_a_slice_are_those_at_its_value_and_say_their_grid(grid, tmp_path):
    store = GridStore(tmp_path / "scores.zarr", grid)
    for number, task in enumerate(store.pending()):
        store._array("ms_ssim")[task.cell.place] = np.array([number / 16])
    scores = read_scores(store.path)
    part, kept = sliced(scores, grid, {RATE: 100})
    np.testing.assert_array_equal(part.ms_ssim, scores.ms_ssim.isel({RATE: 0}))
    assert part.attrs["grid"] == kept.to_toml()
    assert (KIND in part.dims, RATE in part.dims) == (True, False)
    assert sliced(scores, grid, {}) == (scores, grid)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ({"motion.speed": 3.0}, "the grid has no axis 'motion.speed'; did you mean 'motion.kind'?"),
        ({"photophysics.rate": 100}, "did you mean 'photophysics.rate_hz'?"),
        ({RATE: 101.0}, r"photophysics.rate_hz has no value 101.0 in the grid; it has \[100.0, 400.0\]"),
        ({RATE: "many"}, "photophysics.rate_hz has no value 'many' in the grid"),
        ({KIND: "static"}, r"motion.kind has no value 'static' in the grid; it has \['rigid', 'polymer'\]"),
        ({KIND: "rigid", VELOCITY: 0, RATE: 100}, "no axis is left to show"),
    ],
)
def test_what_is_no_slice_is_refused_with_what_there_is(grid, at, reason):
    with pytest.raises(ValueError, match=reason):
        cut(grid, at)


def test_more_than_two_axes_are_refused_with_the_way_to_cut_them():
    require_shown({KIND: "rigid", RATE: 100.0})
    with pytest.raises(
        ValueError, match=r"cut the grid at a value of 1 of them, as in at=photophysics.rate_hz=100"
    ):
        require_shown({KIND: "rigid", VELOCITY: 0.0, RATE: 100.0})
    with pytest.raises(ValueError, match=r"found none$"):
        require_shown({})
