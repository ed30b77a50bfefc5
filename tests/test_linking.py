"""Localizations of one molecule become one."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.linking import link


def _table(frame, y, x, **columns):
    made = {"loc_frame": np.array(frame, np.int32), "loc_y": np.array(y, "f4"), "loc_x": np.array(x, "f4")}
    return schema.dataset(**made, **{name: np.array(values, "f4") for name, values in columns.items()})


def test_molecules_that_blink_are_found_again_and_their_precision_is_that_of_the_mean():
    rng = np.random.default_rng(3)
    places, lit, error = rng.uniform(0, 50_000, (2, 200)), 5, 10.0
    first = np.sort(rng.integers(0, 1000, 200))
    frame = (first[:, None] + np.arange(lit)).ravel()
    y, x = (np.repeat(axis, lit) + rng.normal(0, error, 200 * lit) for axis in places)
    shuffled = rng.permutation(frame.size)
    columns = {"loc_uncertainty": np.full(frame.size, error), "loc_intensity": np.full(frame.size, 100.0)}
    found = link(_table(frame[shuffled], y[shuffled], x[shuffled], **columns), distance_nm=80)
    assert found.sizes["localization"] == 200
    assert found.loc_intensity.values == pytest.approx(100 * lit)
    assert found.loc_uncertainty.values == pytest.approx(error / lit**0.5)
    misses = np.sort(found.loc_y.values) - np.sort(places[0])
    assert misses.std() == pytest.approx(error / lit**0.5, rel=5 / (2 * 200) ** 0.5)
    assert found.loc_frame.values.tolist() == first.tolist()


@pytest.mark.parametrize(("dark_frames", "molecules"), [(0, 3), (1, 2), (4, 1)])
def test_a_molecule_may_be_dark_for_some_frames(dark_frames, molecules):
    found = link(_table([0, 2, 7], [0, 0, 0], [0, 0, 0]), distance_nm=1, dark_frames=dark_frames)
    assert found.sizes["localization"] == molecules


def test_the_nearest_pairs_are_joined_first_and_each_localization_once():
    found = link(_table([0, 1, 1], [0, 3, 1], [0, 0, 0]), distance_nm=5)
    assert sorted(found.loc_y.values.tolist()) == [0.5, 3.0]


def test_the_precise_localizations_weigh_more_and_channels_stay_apart():
    table = _table([0, 1], [0, 10], [0, 0], loc_uncertainty=[1, 3])
    assert link(table, distance_nm=20).loc_y.item() == pytest.approx(1.0)
    coloured = table.assign(loc_channel=schema.variable("loc_channel", np.array([0, 1], np.int32)))
    assert link(coloured, distance_nm=20).sizes["localization"] == 2


def test_a_molecule_without_a_reported_uncertainty_changes_no_other():
    frame, y, x = [0, 1, 0, 1], [0, 10, 500, 510], [0, 0, 0, 0]
    found = link(_table(frame, y, x, loc_uncertainty=[1, 3, np.nan, 3]), distance_nm=20)
    assert found.loc_y.values.tolist() == pytest.approx([1.0, 505.0])
    assert np.isnan(found.loc_uncertainty.values).tolist() == [False, True]


def test_uncertainties_along_both_axes_shrink_and_whole_numbers_are_not_averaged():
    table = _table(
        [0, 1, 2, 3], [0, 0, 0, 0], [0, 0, 0, 0], loc_uncertainty_x=[10] * 4, loc_uncertainty_y=[20] * 4
    )
    table["other_group"] = ("localization", np.array([1.0, 4, 4, 4]), {"heading": "group", "whole": True})
    found = link(table, distance_nm=1)
    assert found.loc_uncertainty_x.item() == pytest.approx(5)
    assert found.loc_uncertainty_y.item() == pytest.approx(10)
    assert found.other_group.item() == 1


def test_a_distance_within_which_everything_lies_is_refused():
    rng = np.random.default_rng(0)
    table = _table(np.repeat([0, 1], 2000), *rng.uniform(0, 1000, (2, 4000)))
    with pytest.raises(
        ValueError, match=r"4e\+06 pairs of localizations in two frames are within link_nm=5000"
    ):
        link(table, distance_nm=5000)
