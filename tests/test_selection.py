"""A selection keeps what it says, and says what it leaves out."""

import logging

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.selection import Selection

TABLE = schema.dataset(
    {"first_frame": 1},
    loc_frame=np.array([0, 1, 2, 3], np.int32),
    loc_x=np.array([0, 10, 20, 30], "f4"),
    loc_y=np.array([0, 0, 5, 5], "f4"),
    loc_uncertainty=np.array([5, np.nan, 15, 25], "f4"),
    loc_intensity=np.array([100, 200, 300, 400], "f4"),
)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, [0, 1, 2, 3]),
        ({"max_uncertainty_nm": 15}, [0, 2]),
        ({"min_photons": 200, "max_photons": 300}, [1, 2]),
        ({"from_frame": 2}, [1, 2, 3]),
        ({"from_frame": 2, "to_frame": 3}, [1, 2]),
        ({"crop_nm": [10, 30, 0, 6]}, [1, 2]),
        ({"crop_nm": [0, 40, 0, 5], "min_photons": 150}, [1]),
    ],
)
def test_what_is_asked_for_is_kept_and_the_rest_is_counted(settings, kept, caplog):
    with caplog.at_level(logging.INFO):
        found = Selection(**settings).select(TABLE)
    assert found.loc_frame.values.tolist() == kept
    assert len(caplog.messages) == len({name.split("_")[1] for name in settings})


def test_joined_localizations_are_counted(caplog):
    with caplog.at_level(logging.INFO):
        found = Selection(link_nm=11).select(TABLE.drop_vars(["loc_uncertainty", "loc_intensity"]))
    assert found.sizes["localization"] == 2
    assert "joined 4 localizations to 2" in caplog.text


def test_what_cannot_be_chosen_by_is_said():
    with pytest.raises(schema.SchemaError, match="the table has no photons"):
        Selection(min_photons=1).select(TABLE.drop_vars("loc_intensity"))
    with pytest.raises(ValueError, match="none of 4 localizations is left"):
        Selection(min_photons=1000).select(TABLE)
    with pytest.raises(ValueError, match="x0 < x1"):
        Selection(crop_nm=(5, 1, 0, 1))
    with pytest.raises(ValueError, match="from_frame = 9 is above to_frame = 3"):
        Selection(from_frame=9, to_frame=3)
