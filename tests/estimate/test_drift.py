"""Drift: the shift of a structure during a recording is found within its error, or none is told of."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.estimate.drift import drift


def table(shift_nm, rng, *, number=6000, places=40):
    """Spots of a fixed structure, all of which shift linearly with time, along (y, x) = (0.6, 0.8)."""
    spots = rng.uniform(0, 4000, (2, places))
    frame = np.sort(rng.integers(0, 4000, number))
    along = shift_nm * frame / 4000
    y, x = (
        spots[:, rng.integers(0, places, number)]
        + rng.normal(0, 12, (2, number))
        + [0.6 * along, 0.8 * along]
    )
    return schema.dataset(loc_frame=frame, loc_y=y, loc_x=x)


@pytest.mark.parametrize("shift_nm", [80, 240])
def test_a_linear_drift_is_three_quarters_of_itself_between_first_and_last_quarter(shift_nm):
    found = drift(table(shift_nm, np.random.default_rng(0)))
    assert found.is_seen
    assert abs(found.shift_nm - 0.75 * shift_nm) < 4 * found.error_nm
    assert found.error_nm < 10


def test_a_structure_at_rest_does_not_drift():
    found = drift(table(0, np.random.default_rng(1)))
    assert not found.is_seen


def test_where_quarters_have_nothing_in_common_there_is_no_drift_to_tell_of():
    rng = np.random.default_rng(2)
    frame = np.sort(rng.integers(0, 4000, 3000))
    y, x = rng.uniform(0, 4000, (2, 3000))
    assert drift(schema.dataset(loc_frame=frame, loc_y=y, loc_x=x)) is None


def test_few_localizations_tell_no_drift():
    assert drift(table(0, np.random.default_rng(3), number=700)) is None
