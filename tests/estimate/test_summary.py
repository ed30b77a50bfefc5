"""A table is summarised in one pass, the same whatever the pieces it comes in."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.estimate import summarise
from smlmsim.estimate.summary import BINS


def _table(frames, seed=0):
    rng = np.random.default_rng(seed)
    size = len(frames)
    return schema.dataset(
        loc_frame=np.asarray(frames, np.int32),
        loc_y=rng.uniform(-5, 100, size),
        loc_x=rng.uniform(3, 50, size),
        loc_uncertainty=rng.gamma(4, 4, size),
    )


@pytest.mark.parametrize("last", [0, 3, 9, 999, 5_000, 123_456, 2**31 - 1])
def test_the_rate_over_time_is_that_of_ten_equal_spans(last):
    frames = np.random.default_rng(1).integers(0, last, 20_000, endpoint=True, dtype=np.int64)
    frames[0] = last
    found = summarise([_table(frames)])
    spans = min(10, last + 1)
    wanted = np.histogram(frames, spans, (0, last + 1))[0]
    counted = found.rate_per_frame() * found.frames_per_span
    assert counted.sum() == pytest.approx(20_000)
    in_a_bin = 20_000 * 2 / BINS if last >= BINS else 0  # what may be shared out between two spans
    np.testing.assert_allclose(counted, wanted, atol=1e-6 + in_a_bin + 5 * np.sqrt(in_a_bin))


def test_pieces_in_any_order_make_the_same_summary():
    table = _table(np.random.default_rng(2).integers(0, 10**6, 5_000))
    whole = summarise([table])
    pieces = [table.isel(localization=slice(start, start + 700)) for start in range(0, 5_000, 700)]
    for order in (pieces, pieces[::-1]):
        found = summarise(order)
        np.testing.assert_allclose(found.rate_per_frame(), whole.rate_per_frame())
        assert found.extent_nm == whole.extent_nm
        assert found.precision_nm(0.5) == whole.precision_nm(0.5)
        assert (found.first_frame, found.last_frame) == (whole.first_frame, whole.last_frame)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_precision_is_the_quantile_to_a_quarter_of_a_percent(share):
    table = _table(np.zeros(100_001, int))
    wanted = np.quantile(table.loc_uncertainty, share)
    assert summarise([table]).precision_nm(share) == pytest.approx(wanted, rel=0.003)


def test_what_a_table_does_not_hold_is_not_summarised():
    found = summarise([schema.dataset(loc_y=[1.0, 2.0], loc_x=[3.0, 4.0])])
    assert (found.localizations, found.last_frame) == (2, -1)
    assert np.isnan(found.precision_nm(0.5))
    assert summarise([]).localizations == 0


def test_missing_values_are_passed_over():
    table = schema.dataset(
        loc_frame=[0, 1, 2],
        loc_y=[0.0, 1, 2],
        loc_x=[0.0, 1, 2],
        loc_z=[np.nan, 5, 7],
        loc_uncertainty=[10.0, np.nan, 10],
    )
    found = summarise([table, table.assign(loc_z=table.loc_z * np.nan)])
    assert found.extent_nm["loc_z"] == (5, 7)
    assert found.precision_nm(0.9) == pytest.approx(10, rel=0.005)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_photons_and_background_are_quantiles_too_and_unknown_where_a_table_has_none(share):
    rng = np.random.default_rng(3)
    table = _table(np.zeros(10_001, int))
    assert np.isnan(summarise([table.drop_vars(["loc_intensity"], errors="ignore")]).photons(share))
    columns = {"loc_intensity": rng.lognormal(6, 0.5, 10_001), "loc_background": rng.integers(0, 40, 10_001)}
    known = table.assign({name: ("localization", values) for name, values in columns.items()})
    found = summarise([known])
    for name, quantile in (("loc_intensity", found.photons), ("loc_background", found.background)):
        assert quantile(share) == pytest.approx(np.quantile(known[name], share), rel=0.003)


def test_a_background_without_photons_is_zero():
    table = _table(np.zeros(10, int)).assign(loc_background=("localization", np.zeros(10)))
    assert summarise([table]).background(0.5) == 0
