"""The figure of two halves shows their resolution over time and over the field."""

import numpy as np
import pytest
import xarray as xr

from smlmsim import figures
from smlmsim.metrics import agreement


def movie(values, pixel_nm=20.0):
    coords = {
        "time": 0.5 + np.arange(values.shape[0]),
        **{dim: pixel_nm * (0.5 + np.arange(n)) for dim, n in zip("yx", values.shape[1:], strict=True)},
    }
    return xr.DataArray(values.astype(np.float32), coords, ["time", "y", "x"], name="density")


@pytest.fixture(scope="module")
def halves():
    """Two halves with the same lines on the left, different ones on the right, and nothing below."""
    rng = np.random.default_rng(0)
    same, one, other = (rng.random((3, 64, 64)) ** 8 for _ in range(3))
    empty = np.zeros((3, 64, 128))
    return {
        name: movie(np.concatenate([np.concatenate([same, part], axis=2), empty], axis=1))
        for name, part in (("first half", one), ("second half", other))
    }


def over_the_field(figure):
    return next(axes for axes in figure.axes if axes.get_title().startswith("over the field"))


def texts(panel):
    return [text.get_text() for text in panel.texts]


def test_the_resolution_of_each_part_of_the_field_is_drawn_and_written(halves):
    found = agreement(*halves.values())
    figure = figures.agreement(halves, found)
    panel = over_the_field(figure)
    image = panel.images[0].get_array()
    assert image.shape == found.frc_over_space_nm.shape == (2, 2)
    assert image[0, 0] == pytest.approx(float(found.frc_over_space_nm[0, 0]))
    assert image.mask.tolist() == [[False, True], [True, True]]
    assert texts(panel) == [f"{float(found.frc_over_space_nm[0, 0]):.0f}", "none", "", ""]


def test_many_parts_are_drawn_without_numbers(halves):
    found = agreement(*halves.values())
    tiles = {"tile_y": np.linspace(0, 2500, 6), "tile_x": np.linspace(0, 2500, 6)}
    many = found.drop_dims(["tile_y", "tile_x"]).assign_coords(tiles)
    many["frc_over_space_nm"] = (("tile_y", "tile_x"), np.linspace(50.0, 300.0, 36).reshape(6, 6))
    panel = over_the_field(figures.agreement(halves, many))
    assert texts(panel) == []
    assert panel.images[0].get_array().shape == (6, 6)


def test_halves_that_agree_nowhere_leave_the_field_grey(halves):
    found = agreement(*halves.values())
    found["frc_over_space_nm"] = found.frc_over_space_nm * 0 + found.attrs["worst_nm"]
    panel = over_the_field(figures.agreement(halves, found))
    assert panel.images[0].get_array().mask.all()
    assert panel.get_title() == "over the field; grey: none"
