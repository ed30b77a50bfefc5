"""A scene is a table, the movies in its coordinates, or both; its parts have names."""

import logging

import numpy as np
import pytest

from smlmsim import io
from smlmsim.viewer import Scene, read_scene


@pytest.fixture
def folder(table, stack, tmp_path):
    io.write(table.drop_vars("loc_channel"), tmp_path / "localizations.csv")
    (tmp_path / "estimate.tif").write_bytes(stack.read_bytes())
    (tmp_path / "counts.tif").write_bytes(stack.read_bytes())
    return tmp_path


def test_a_folder_is_its_table_and_its_movies_with_the_counts_last(folder):
    scene = read_scene(folder)
    assert len(scene.cloud) == 5000
    assert [movie.name for movie in scene.movies] == ["estimate", "counts"]
    io.write(io.read(folder / "localizations.csv"), folder / "other.smlm")
    with pytest.raises(ValueError, match="holds 2 tables"):
        read_scene(folder)
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no stack and no table"):
        read_scene(folder / "empty")


def test_a_table_may_have_movies_from_elsewhere_and_a_movie_no_table(folder, stack):
    assert [movie.name for movie in read_scene(folder / "localizations.csv", movies=[stack]).movies] == [
        "estimate"
    ]
    alone = read_scene(stack).about()
    assert alone["cloud"] is None
    assert alone["time"] == {"steps": 3, "first": 0, "step": 20, "unit": "s"}


def test_all_positions_count_from_the_middle_of_the_first_view(scene, table):
    about = scene.about()
    (x, y), tiles = about["origin"], about["cloud"]["tiles"]
    assert tiles["x"][0] + x == pytest.approx(table.loc_x.min())
    assert tiles["y"][0] + y == pytest.approx(table.loc_y.min())
    [movie] = about["movies"]
    assert np.add(movie["edges"], [x, x, y, y]) == pytest.approx([0, 10000, 0, 8000])
    x0, x1, y0, y1 = about["shown"]
    assert (x0 + x1, y0 + y1) == pytest.approx((0, 0), abs=1e-6)
    assert 0.99 < np.mean((abs(table.loc_x - x) <= x1) & (abs(table.loc_y - y) <= y1)) < 1


def test_a_frame_is_grey_levels_with_the_brightest_white(scene):
    assert set(scene.part("frame-0-0")) == {63}
    assert scene.part("frame-0-2") == bytes([255]) * 40 * 50


def test_what_is_no_part_is_refused(scene):
    assert len(list(scene.names())) == len(scene.cloud.edge) + 3
    assert all(scene.part(name) for name in scene.names())
    for name in (
        "",
        "tile",
        "tile-x",
        "tile--1",
        "tile-99999",
        "tile-0-0",
        "frame-0-3",
        "frame-1-0",
        "frame-0",
        "../a",
    ):
        with pytest.raises(KeyError):
            scene.part(name)
    with pytest.raises(KeyError):
        Scene("a", None, scene.movies).part("tile-0")


def test_times_in_different_units_are_spread_and_that_is_said(table, stack, tmp_path, caplog):
    io.write(table.drop_vars("loc_channel").drop_attrs(), tmp_path / "a.csv")
    with caplog.at_level(logging.INFO, logger="smlmsim"):
        read_scene(tmp_path / "a.csv", movies=[stack])
    assert "its frames are spread over the recording" in caplog.text
