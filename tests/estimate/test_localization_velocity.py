"""Localizations alone tell how fast filaments move."""

import numpy as np
import pytest
from moving_lines import SIDE_NM, Lines

from smlmsim import schema
from smlmsim.estimate import localization_velocity
from smlmsim.field import FieldOfView

FIELD = FieldOfView(height_nm=SIDE_NM, width_nm=SIDE_NM)
FRAMES, EXPOSURE_S = 1500, 0.03


def _table(frame, y, x):
    return schema.dataset(loc_frame=frame.astype(np.int32), loc_y=y, loc_x=x).assign_attrs(
        exposure_s=EXPOSURE_S
    )


def _lines(rms_nm_per_s, number, seed=0):
    rng = np.random.default_rng(seed)
    speeds = rng.normal(0, rms_nm_per_s, 24)
    lines = Lines.walking(np.tile(EXPOSURE_S * speeds, (FRAMES - 1, 1)), rng)
    return _table(*lines.points(number, rng)), np.abs(speeds).mean()


@pytest.mark.parametrize("rms_nm_per_s", [25.0, 80.0, 200.0])
def test_the_velocity_is_that_of_the_filaments_within_the_stated_error(rms_nm_per_s):
    table, true = _lines(rms_nm_per_s, 60_000)
    found = localization_velocity(table, field=FIELD)
    assert abs(found.velocity_nm_per_s - true) < 2 * found.error_nm_per_s < 0.4 * true + 10
    assert found.velocity_nm_per_s == pytest.approx(true, rel=0.2)
    assert found.lag_s == pytest.approx(1.5, rel=0.05)


def test_filaments_at_rest_have_no_velocity_within_its_error():
    found = localization_velocity(_lines(0.0, 40_000, seed=3)[0], field=FIELD)
    assert found.velocity_nm_per_s < 2 * found.error_nm_per_s < 12


def test_molecules_that_are_localized_in_successive_frames_are_no_motion():
    table, _ = _lines(0.0, 30_000, seed=1)
    rng = np.random.default_rng(1)
    frame = np.concatenate([table.loc_frame.values + k for k in range(4)])
    y, x = (np.tile(table[name].values, 4) + rng.normal(0, 15, frame.size) for name in ("loc_y", "loc_x"))
    found = localization_velocity(_table(frame, y, x), field=FIELD)
    assert found.velocity_nm_per_s < 2 * found.error_nm_per_s < 12


def test_localizations_without_filaments_are_refused():
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(0, FRAMES, 20_000))
    with pytest.raises(ValueError, match="show no filaments, or are too few"):
        localization_velocity(_table(frame, *rng.uniform(0, SIDE_NM, (2, frame.size))), field=FIELD)
    dots = rng.uniform(0, SIDE_NM, (2, 30))[:, rng.integers(0, 30, frame.size)]
    with pytest.raises(ValueError, match="localized repeatedly over 1 s or more, or the structure is dots"):
        localization_velocity(_table(frame, *(dots + rng.normal(0, 15, dots.shape))), field=FIELD)


def test_what_cannot_tell_a_velocity_is_refused():
    table, _ = _lines(50.0, 2_000)
    with pytest.raises(ValueError, match=r"the recording 4 s"):
        localization_velocity(table.isel(localization=table.loc_frame.values < 100), field=FIELD)
    with pytest.raises(ValueError, match="exposure_s, the duration of a camera frame, must be positive"):
        localization_velocity(table.drop_attrs(), field=FIELD)
    with pytest.raises(ValueError, match="a velocity needs 1000 nm along either axis"):
        localization_velocity(table, field=FieldOfView(height_nm=500, width_nm=5000))
