"""Every localization is in exactly one tile, where it was; any tile is a uniform sample of what it covers."""

import logging

import numpy as np
import pytest
from scipy import stats

from smlmsim import io, schema
from smlmsim.selection import Selection
from smlmsim.viewer import Cloud
from smlmsim.viewer import cloud as module
from smlmsim.viewer.cloud import BLOCK, DEEPEST, UNKNOWN, read_cloud

ROOM = 300


@pytest.fixture(scope="module")
def together(cloud):
    """The columns of all tiles, in nm and time steps of the table, and the tile of each."""
    counts = np.diff(cloud.start)
    tile = np.repeat(np.arange(counts.size), counts)
    columns = {name: column.astype(float) for name, column in cloud.columns.items()}
    columns["x"] += cloud.corner[tile, 1]
    columns["y"] += cloud.corner[tile, 0]
    return columns | {"tile": tile}


def test_every_localization_is_in_one_tile_at_its_place_and_time(cloud, table, together):
    order = np.lexsort([together["x"], together["time"]])
    wanted = np.lexsort([table.loc_x, table.loc_frame])
    np.testing.assert_allclose(together["x"][order], table.loc_x[wanted], atol=2e-3)
    np.testing.assert_allclose(together["y"][order], table.loc_y[wanted], atol=2e-3)
    np.testing.assert_array_equal(together["time"][order] + 3, table.loc_frame[wanted])
    np.testing.assert_array_equal(together["channel"][order], table.loc_channel[wanted])
    known = np.isfinite(table.loc_uncertainty.values)[wanted]
    found = together["uncertainty"][order]
    np.testing.assert_allclose(found[known] / 10, table.loc_uncertainty[wanted][known], atol=0.051)
    assert (found[~known] == UNKNOWN).all()


def test_tiles_lie_in_the_quarters_of_their_parents_and_their_blocks_are_sorted_by_time(cloud, together):
    assert len(cloud) == 5000
    assert np.diff(cloud.start).max() == ROOM
    for tile in range(cloud.edge.size):
        part = slice(cloud.start[tile], cloud.start[tile + 1])
        assert (np.diff(together["time"][part]) >= 0).all()  # these tiles are less than a block
        for axis in ("x", "y"):
            assert cloud.columns[axis][part].min() >= 0
            assert cloud.columns[axis][part].max() <= cloud.edge[tile] * (1 + 1e-6)
        if tile:
            parent = cloud.parent[tile]
            assert cloud.edge[tile] == cloud.edge[parent] / 2
            assert set((cloud.corner[tile] - cloud.corner[parent]) / cloud.edge[tile]) <= {0.0, 1.0}


def test_the_first_blocks_of_a_tile_are_a_uniform_sample_of_it(table):
    columns = {name: np.tile(table[name].values, 2) for name in ("loc_frame", "loc_y", "loc_x")}
    cloud = Cloud.of([schema.dataset(**columns)])
    for block in range(4):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        assert (np.diff(cloud.columns["time"][part].astype(int)) >= 0).all()
        for name, column in (("time", table.loc_frame - 3), ("x", table.loc_x - table.loc_x.min())):
            assert stats.kstest(cloud.columns[name][part], column.values).pvalue > 0.01


def test_the_first_of_all_localizations_are_a_uniform_sample_wherever_tiles_are_divided(table, monkeypatch):
    monkeypatch.setattr("smlmsim.viewer.cloud.BLOCK", 1)
    cloud = Cloud.of([table], room=ROOM)
    first, last = cloud.span.T
    assert (first[1:] > last[cloud.parent[1:]]).all()
    part, counts = 0.5, np.diff(cloud.start)
    number = np.rint(counts * np.clip((part - first) / np.maximum(last - first, 1e-9), 0, 1)).astype(int)
    assert number.sum() == pytest.approx(part * 5000, rel=0.02)
    for axis, name in enumerate("yx"):
        positions = [
            cloud.columns[name][start : start + n] + corner[axis]
            for start, n, corner in zip(cloud.start[:-1], number, cloud.corner, strict=True)
        ]
        assert stats.kstest(np.concatenate(positions), table[f"loc_{name}"].values).pvalue > 0.01


def test_localizations_in_one_place_do_not_divide_it_for_ever():
    columns = dict.fromkeys(("loc_y", "loc_x"), np.full(1000, 7.0, np.float32))
    cloud = Cloud.of([schema.dataset(loc_frame=np.arange(1000, dtype=np.int32), **columns)], room=10)
    assert cloud.edge.size == DEEPEST + 1
    assert len(cloud) == 1000


def test_frames_out_of_order_are_sorted_and_long_recordings_have_longer_steps(table):
    frame = (table.loc_frame.values[::-1] * 1000).astype(np.int32)
    cloud = Cloud.of([table.assign(loc_frame=("localization", frame))])
    assert cloud.edge.size == 1
    assert (np.diff(cloud.columns["time"][:BLOCK].astype(int)) >= 0).all()
    assert cloud.time.step == pytest.approx(16 * 0.05)  # 996,000 frames are more than 2**16 steps of 15
    assert cloud.time.steps <= 2**16
    assert cloud.time.first == pytest.approx(3000 * 0.05)


def test_what_is_not_known_is_not_sent(table, caplog):
    plain = schema.dataset(
        loc_frame=table.loc_frame.values, loc_y=table.loc_y.values, loc_x=table.loc_x.values
    )
    cloud = Cloud.of([plain])
    assert list(cloud.columns) == ["x", "y", "time"]
    assert (cloud.channels, cloud.z_nm, cloud.time.unit) == ((), (0, 0), "frames")
    assert Cloud.of([plain.drop_vars("loc_frame")]).time is None
    with caplog.at_level(logging.INFO, logger="smlmsim"):
        Cloud.of([table])
    assert "715 of 5000 localizations have no z; they are shown in the middle" in caplog.text


def test_a_table_is_read_as_told(table, tmp_path):
    io.write(table.drop_vars("loc_channel").drop_attrs(), tmp_path / "a.csv")
    reading, part = io.Reading(exposure_s=0.1), Selection(crop_nm=(0, 2000, 0, 3000))
    whole = read_cloud(tmp_path / "a.csv", reading, Selection())
    assert (len(whole), whole.time.step, whole.time.unit) == (5000, 0.1, "s")
    cropped = read_cloud(tmp_path / "a.csv", reading, part)
    assert len(cropped) == np.count_nonzero((table.loc_x < 2000) & (table.loc_y < 3000))


def test_an_empty_table_and_too_many_channels_are_refused(table):
    with pytest.raises(ValueError, match="no localizations to show"):
        Cloud.of([table.isel(localization=slice(0, 0))])
    many = table.assign(loc_channel=("localization", np.arange(5000, dtype=np.int32)))
    with pytest.raises(ValueError, match="5000 channels, at most 256"):
        Cloud.of([many])


def test_placing_in_pieces_gives_the_same_tiles(cloud, table, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 700)
    found = Cloud.of([table], room=ROOM)
    assert [found.tile(tile) for tile in range(found.edge.size)] == [
        cloud.tile(tile) for tile in range(cloud.edge.size)
    ]
    np.testing.assert_array_equal(found.span, cloud.span)
