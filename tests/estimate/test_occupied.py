"""The occupied share is that of the field which localizations fill evenly."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.estimate.occupied import occupied_share
from smlmsim.field import FieldOfView

FIELD = FieldOfView(height_nm=3200, width_nm=6400)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_a_filled_strip_is_its_share_of_the_field(share):
    rng = np.random.default_rng(0)
    y, x = rng.uniform(0, 3200, 4000), rng.uniform(0, 6400 * share, 4000)
    assert occupied_share(schema.dataset(loc_y=y, loc_x=x), FIELD) == pytest.approx(share, rel=0.05)


def test_few_localizations_do_not_look_compact():
    """Of 60 at random in 200 squares, chance pairs are subtracted: 1 / share is 1 but for shares set to 1, at most."""
    rng = np.random.default_rng(1)
    tables = [
        schema.dataset(loc_y=rng.uniform(0, 3200, 60), loc_x=rng.uniform(0, 6400, 60)) for _ in range(200)
    ]
    pairs = [1 / occupied_share(table, FIELD) for table in tables]
    assert np.mean(pairs) == pytest.approx(1.1, abs=0.15)


def test_without_two_in_one_square_the_share_is_unknown():
    assert np.isnan(occupied_share(schema.dataset(loc_y=[100.0, 900.0], loc_x=[100.0, 900.0]), FIELD))
