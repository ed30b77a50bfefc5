"""Halves that are identical agree fully, independent noise does not, and what both invent looks like agreement."""

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

from smlmsim import schema
from smlmsim.metrics import agreement

SCALARS = ("pearson", "manders_one", "manders_other", "skeleton")


def _movie(values):
    size = values.shape[-1]
    coords = {
        "time": np.arange(len(values)) + 0.5,
        "y": np.arange(size) * 20 + 10,
        "x": np.arange(size) * 20 + 10,
    }
    return schema.dataset(density=values, **coords).density


@pytest.fixture(scope="module")
def lines():
    """Two straight lines, blurred, over three time points."""
    y, x = np.mgrid[:96, :96]
    image = np.exp(-0.5 * ((y - 30) / 1.5) ** 2) + np.exp(-0.5 * ((x - 60) / 1.5) ** 2)
    return np.repeat(image[None], 3, axis=0).astype(np.float32)


def test_identical_halves_agree_fully_whatever_their_scale(lines):
    found = agreement(_movie(lines), _movie(7 * lines), tolerance_nm=20)
    for name in SCALARS:
        assert float(found[name]) == pytest.approx(1)
    assert (
        40 <= float(found.frc_nm) < 60
    )  # two pixels are the finest possible, but the lines are not as sharp
    assert (found.frc_over_time_nm < 60).all()
    assert float(found.disagreement.max()) == pytest.approx(0, abs=1e-5)


def test_independent_noise_does_not_agree():
    rng = np.random.default_rng(0)
    one, other = (_movie(rng.random((4, 128, 128), np.float32)) for _ in range(2))
    found = agreement(one, other)
    assert abs(float(found.pearson)) < 4 / np.sqrt(one.size)
    assert float(found.frc_nm) > 1000
    assert float(found.disagreement.mean()) > 0.1


def test_half_of_the_structure_missing_is_seen_where_it_is(lines):
    part = lines.copy()
    part[:, :, 45:75] = np.where(np.arange(96)[:, None] < 20, lines[:, :, 45:75], 0)  # most of one line
    found = agreement(_movie(lines), _movie(part), tolerance_nm=20)
    assert float(found.manders_other) == pytest.approx(1, abs=0.1)  # the threshold differs
    assert float(found.manders_one) < 0.75
    assert float(found.skeleton) < 0.8
    where = found.disagreement.mean("time").values
    assert where[60:90, 58:62].mean() > 10 * where[60:90, 5:25].mean()
    swapped = agreement(_movie(part), _movie(lines), tolerance_nm=20)
    assert float(swapped.skeleton) == pytest.approx(float(found.skeleton))
    assert float(swapped.manders_one) == float(found.manders_other)


def test_centre_lines_agree_within_the_tolerance_and_not_beyond(lines):
    moved = _movie(np.roll(lines, 2, axis=(1, 2)))  # 40 nm
    assert float(agreement(_movie(lines), moved, tolerance_nm=40).skeleton) == pytest.approx(1)
    assert float(agreement(_movie(lines), moved, tolerance_nm=20).skeleton) < 0.2


def test_what_both_invent_alike_is_not_seen(lines):
    rng = np.random.default_rng(0)
    halves = [_movie(lines + 0.01 * rng.random(lines.shape, np.float32)) for _ in range(2)]
    assert float(agreement(*halves).pearson) > 0.99  # whatever was measured, both show the two lines


def test_the_resolution_of_parts_shows_where_halves_differ():
    rng = np.random.default_rng(0)
    same = rng.random((2, 128, 128), np.float32)
    other = same.copy()
    other[:, :, 64:] = rng.random((2, 128, 64), np.float32)
    found = agreement(_movie(same), _movie(other))
    assert dict(found.frc_over_space_nm.sizes) == {"tile_y": 2, "tile_x": 2}
    assert (found.frc_over_space_nm[:, 0] == 40).all()
    assert (found.frc_over_space_nm[:, 1] > 300).all()
    np.testing.assert_allclose(found.tile_x, [640, 1920])


def test_an_empty_time_point_has_no_resolution_and_no_lines_is_a_reason(lines):
    part = lines.copy()
    part[1] = 0
    found = agreement(_movie(lines), _movie(part))
    assert np.isnan(found.frc_over_time_nm[1])
    dot = np.zeros_like(lines)
    dot[:, 50, 50] = 1
    found = agreement(_movie(dot), _movie(dot))
    assert np.isnan(found.skeleton)
    assert "no centre line" in found.skeleton.attrs["reason"]


def test_an_empty_half_and_other_shapes_are_refused(lines):
    with pytest.raises(ValueError, match="the second of two reconstructions is zero everywhere"):
        agreement(_movie(lines), _movie(0 * lines))
    with pytest.raises(ValueError, match="two movies"):
        agreement(_movie(lines), _movie(lines[:2]))
    with pytest.raises(ValueError, match="two movies"):
        agreement(xr.DataArray(lines[0]), xr.DataArray(lines[0]))


@pytest.mark.parametrize("size", [64, 128])
def test_the_resolution_of_two_halves_is_that_of_their_localizations_however_smooth_they_are(size):
    """The structure is a spot that the border cuts: tapered over an eighth, smooth halves would reach 40 nm."""
    y, x = np.mgrid[:size, :size] / size
    spot = 0.25 * np.exp(-((y - 0.3) ** 2 + (x - 0.05) ** 2) * 18)
    found = {}
    for blur in (1, 5, 8):
        rng = np.random.default_rng(1)
        halves = (gaussian_filter(rng.poisson(spot).astype(float), blur)[None] for _ in range(2))
        found[blur] = float(agreement(*(_movie(half) for half in halves), tolerance_nm=20).frc_nm)
    for blur, resolution_nm in found.items():
        assert resolution_nm == pytest.approx(found[1], rel=0.4), blur
