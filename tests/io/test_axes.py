"""Widths and standard errors along x and y go with one value for both."""

import numpy as np
import pytest

from smlmsim import io
from smlmsim.io import axes, columns

NAN = np.float32(np.nan)
X = np.array([1, 2, 3, NAN], np.float32)
Y = np.array([4, 2, NAN, 1], np.float32)


def test_widths_are_averaged_geometrically_and_errors_by_their_squares():
    pair = {"loc_sigma_x": X, "loc_sigma_y": Y, "loc_uncertainty_x": X, "loc_uncertainty_y": Y}
    found = axes.joined(pair)
    np.testing.assert_array_equal(found["loc_sigma"], np.float32([2, 2, NAN, NAN]))
    np.testing.assert_array_equal(found["loc_uncertainty"], np.float32([np.sqrt(8.5), 2, NAN, NAN]))
    assert list(columns.dataset(pair, {})) == [
        "loc_uncertainty", "loc_uncertainty_x", "loc_uncertainty_y", "loc_sigma", "loc_sigma_x", "loc_sigma_y",
    ]  # fmt: skip


def test_what_the_table_says_of_both_axes_stands():
    kept = axes.joined({"loc_sigma": X, "loc_sigma_x": X, "loc_sigma_y": Y})
    assert kept["loc_sigma"] is X
    assert axes.joined({"loc_sigma_x": X})["loc_sigma"] is X


@pytest.mark.parametrize(
    ("y", "left"), [(X, {"loc_sigma"}), (Y, {"loc_sigma", "loc_sigma_x", "loc_sigma_y"})]
)
def test_the_same_value_along_both_axes_is_kept_once(y, left):
    chunk = columns.dataset({"loc_sigma_x": X, "loc_sigma_y": y}, {})
    assert set(columns.gathered([chunk, chunk])) == left


@pytest.mark.parametrize("suffix", [".csv", ".smlm"])
def test_widths_along_both_axes_go_there_and_back(tmp_path, suffix):
    pair = {
        name: np.float32([120, 130]) * factor for factor, name in enumerate(sum(axes.AXES.values(), ()), 1)
    }
    place = {"loc_frame": np.int32([0, 1]), "loc_x": np.float32([1, 2]), "loc_y": np.float32([3, 4])}
    written = columns.dataset(place | pair, {})
    io.write(written, tmp_path / f"a{suffix}")
    found = io.read(tmp_path / f"a{suffix}")
    assert found[[*written]].drop_attrs().identical(written.drop_attrs())
