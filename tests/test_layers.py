"""What napari is given has names, scales and colours; napari itself is not needed."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import xarray as xr
import yaml

import smlmsim
from smlmsim import io, schema
from smlmsim.grid import Axis, Grid, run_grid
from smlmsim.layers import layers, reader
from smlmsim.pipeline import simulate
from smlmsim.regions import RATE, VELOCITY
from smlmsim.report.movies import record_all


@pytest.fixture
def folder(small_study, tmp_path):
    movie = simulate(small_study, 0)
    io.write(movie.observation, tmp_path / "localizations.csv")
    io.write(movie.observation.counts, tmp_path / "counts.tif")
    io.write(movie.truth.density, tmp_path / "truth.tif")
    io.write(movie.truth.density * np.float32(2), tmp_path / "gaussian_time.tif")
    (tmp_path / "study.toml").write_text("")
    return tmp_path


def test_a_stack_is_an_image_at_its_scale(folder):
    [(data, settings, kind)] = layers(folder / "truth.tif")
    wanted = io.read(folder / "truth.tif")
    np.testing.assert_array_equal(data, wanted.density)
    assert (kind, settings["name"]) == ("image", "truth")
    assert settings["units"] == ("s", "nm", "nm")
    assert settings["scale"] == pytest.approx((1.5, 20, 20))
    assert settings["translate"] == pytest.approx((0.75, 10, 10))


def test_a_folder_is_shown_from_what_was_seen_to_the_truth_which_is_green(folder):
    made = {settings["name"]: (settings, kind) for _, settings, kind in layers(folder)}
    assert list(made) == ["localizations", "counts", "gaussian_time", "truth"]
    assert made["localizations"][1] == "points"
    assert {name: settings["colormap"] for name, (settings, kind) in made.items() if kind == "image"} == {
        "counts": "gray", "gaussian_time": "magenta", "truth": "green",
    }  # fmt: skip
    assert [name for name, (settings, _) in made.items() if settings["visible"]] == ["gaussian_time", "truth"]


def test_channels_are_layers_of_their_own_in_colours_of_their_own(folder):
    truth = io.read(folder / "truth.tif").density
    both = xr.concat([truth, 2 * truth], "channel").assign_coords(channel=["red", "far red"])
    for name in ("counts", "gaussian_time", "moving_window"):
        io.write(both, folder / f"{name}.tif")
    made = {settings["name"]: (data, settings) for data, settings, _ in layers(folder)}
    assert list(made) == [
        "localizations",
        *("counts red", "counts far red", "gaussian_time red", "gaussian_time far red"),
        *("moving_window red", "moving_window far red", "truth"),
    ]
    colours = [made[f"gaussian_time {name}"][1]["colormap"] for name in ("red", "far red")]
    assert colours == ["magenta", "green"]
    np.testing.assert_array_equal(made["gaussian_time far red"][0], 2 * truth)
    shown = [name for name, (_, settings) in made.items() if settings["visible"]]
    assert shown == ["gaussian_time red", "gaussian_time far red", "truth"]


def test_a_table_is_points_in_nm(folder):
    [(data, settings, kind)] = layers(folder / "localizations.csv")
    table = io.read(folder / "localizations.csv")
    np.testing.assert_array_equal(data[:, 0], table.loc_y)
    np.testing.assert_array_equal(data[:, 1], table.loc_x)
    assert (kind, settings["units"], settings["visible"]) == ("points", ("nm", "nm"), True)


def test_a_grid_is_a_layer_of_every_reconstructor_over_its_axes(small_study, tmp_path, in_this_process):
    axes = (Axis(setting=VELOCITY, values=(0, 75)), Axis(setting=RATE, values=(100, 400, 1600)))
    grid = Grid(
        study=small_study, axes=axes, seeds=(0,), reconstructors=("sparse", "static_sum"), metrics=("nrmse",)
    )
    run_grid(grid, tmp_path / "scores.zarr", movies_of=(), progress=False)
    with pytest.raises(ValueError, match=r"6 clips are missing beside .*smlmsim report"):
        layers(tmp_path)
    paths = record_all(grid, tmp_path / "clips", progress=False)
    made = {settings["name"]: (data, settings) for data, settings, _ in layers(tmp_path)}
    assert list(made) == ["localizations", "sparse", "static_sum", "truth"]
    data, settings = made["truth"]
    assert data.shape == (2, 3, 6, 40, 32)
    assert settings["axis_labels"] == ("velocity", "rate", "time", "y", "x")
    assert settings["scale"] == pytest.approx((1, 1, 1.5, 20, 20))
    with xr.open_dataset(paths[1, 2, 0]) as clip:
        np.testing.assert_array_equal(data[1, 2], clip.brightness[-1])
    assert [settings["name"] for _, settings, _ in layers(paths[1, 2, 0])] == list(made)


def test_what_cannot_be_shown_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no stack, no table and no grid"):
        layers(tmp_path)
    with pytest.raises(OSError, match="No such file"):
        layers(tmp_path / "a.tif")
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    with pytest.raises(ValueError, match=r"a\.jpg"):
        layers(tmp_path / "a.jpg")


def test_time_points_of_unknown_duration_are_counted_not_timed(tmp_path):
    images = np.ones((3, 4, 5), np.uint8)
    about = {"axes": "TYX", "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", images, imagej=True, resolution=(10, 10), metadata=about)
    ((_, settings, _),) = layers(tmp_path / "a.tif")
    assert settings["units"] == ("pixel", "nm", "nm")
    assert settings["scale"] == pytest.approx((1, 100, 100))


def test_one_time_point_has_a_scale_too(tmp_path):
    image = schema.dataset(
        density=np.ones((1, 4, 5), "f4"), time=[0.75], y=np.arange(4) * 20.0, x=np.arange(5) * 20.0
    )
    io.write(image.density, tmp_path / "a.tif")
    [(_, settings, _)] = layers(tmp_path / "a.tif")
    assert settings["scale"] == (1, 20, 20)


def test_files_dropped_on_napari_become_the_same_layers(folder):
    table, truth = str(folder / "localizations.csv"), str(folder / "truth.tif")
    read = reader([table, truth])
    assert [settings["name"] for _, settings, _ in read([table, truth])] == ["localizations", "truth"]
    np.testing.assert_array_equal(reader(truth)(truth)[0][0], layers(truth)[0][0])
    assert [made[1]["name"] for made in reader(str(folder))(str(folder))] == [
        made[1]["name"] for made in layers(folder)
    ]


def test_napari_asks_other_readers_for_what_is_none_of_ours(folder):
    assert reader(str(folder / "study.toml")) is None
    assert reader([str(folder / "truth.tif"), "a.jpg"]) is None
    (folder / "empty").mkdir()
    assert reader(str(folder / "empty")) is None


def test_the_manifest_of_napari_names_the_reader_and_every_extension():
    manifest = yaml.safe_load((Path(smlmsim.__file__).parent / "napari.yaml").read_text())
    [command], [found] = manifest["contributions"]["commands"], manifest["contributions"]["readers"]
    module, name = command["python_name"].split(":")
    assert getattr(importlib.import_module(module), name) is reader
    assert found["command"] == command["id"]
    assert command["id"].startswith(manifest["name"] + ".")
    single = {Path("a" + extension).suffix for extension in io.extensions()}
    assert {pattern.removeprefix("*") for pattern in found["filename_patterns"]} == single | {".nc"}


def test_npe2_accepts_the_manifest():
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_file(Path(smlmsim.__file__).parent / "napari.yaml")
    assert manifest.contributions.readers[0].command == "smlmsim.read"


def test_an_ome_zarr_image_is_an_image_and_not_a_grid(folder, tmp_path):
    io.write(io.read(folder / "truth.tif").density, tmp_path / "a.zarr")
    (of_tiff,) = layers(folder / "truth.tif")
    for path in (f"{tmp_path / 'a.zarr'}", f"{tmp_path / 'a.zarr'}/"):
        ((data, settings, kind),) = reader(path)(path)
        np.testing.assert_array_equal(data, of_tiff[0])
        assert (kind, settings["name"]) == ("image", "a")
        assert all(settings[name] == of_tiff[1][name] for name in ("scale", "translate", "units"))


@pytest.mark.parametrize("text", ["", "name,age\nAnna,3\n", "index,axis-0,axis-1\n0,1,2\n", "\0\1"])
def test_a_text_that_is_no_table_of_localizations_is_left_to_other_readers(folder, text):
    other = folder / "other.csv"
    other.write_text(text)
    assert reader(str(other)) is None
    assert reader([str(folder / "localizations.csv"), str(other)]) is None


def test_an_image_that_does_not_say_its_pixel_is_left_to_other_readers(folder, tmp_path):
    tifffile.imwrite(tmp_path / "photo.tif", np.zeros((4, 16, 16), np.uint16), photometric="minisblack")
    (tmp_path / "broken.tif").write_bytes((folder / "truth.tif").read_bytes()[:7])
    assert reader(str(folder / "truth.tif")) is not None
    assert reader(str(tmp_path / "photo.tif")) is None
    assert reader(str(tmp_path / "broken.tif")) is None


def _scaled(path, images, **about):
    """Write a TIFF file with a pixel of 100 nm; colours and other kinds of pixels are TIFF as well."""
    tifffile.imwrite(path, images, resolution=(1e5, 1e5), resolutionunit="CENTIMETER", **about)


@pytest.mark.parametrize(
    ("images", "about", "said"),
    [
        (np.zeros((16, 16, 3), np.uint8), {"photometric": "rgb"}, "found colours: 3 samples in a pixel"),
        (np.zeros((16, 16), np.complex64), {}, "found pixels of complex64"),
        (np.zeros((4, 16, 16), np.uint16), {"ome": True, "metadata": {"axes": "ZYX"}}, "4 slices"),
        (np.full((2, 16, 16), np.nan, np.float32), {"photometric": "minisblack"}, "values that are NaN"),
    ],
)
def test_an_image_that_is_no_grey_movie_is_left_to_other_readers_for_what_it_is(
    tmp_path, caplog, images, about, said
):
    _scaled(tmp_path / "a.tif", images, **about)
    with caplog.at_level("INFO", "smlmsim"):
        assert reader(str(tmp_path / "a.tif")) is None
    [record] = caplog.records
    assert record.levelname == "INFO"
    assert said in record.message
    assert "damaged" not in record.message
    assert record.message.count("a.tif") == 1


def test_a_movie_of_several_slices_over_time_is_left_to_other_readers(tmp_path, caplog):
    images = np.zeros((3, 4, 16, 16), np.uint16)
    about = {"axes": "TZYX", "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", images, imagej=True, resolution=(10, 10), metadata=about)
    with caplog.at_level("INFO", "smlmsim"):
        assert reader(str(tmp_path / "a.tif")) is None
    assert "found 3 time points x 4 slices (z)" in caplog.text


def test_pages_of_several_sizes_are_not_called_damaged(tmp_path, caplog):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for size in (32, 16):
            file.write(np.zeros((size, size), np.uint8), resolution=(1e5, 1e5), resolutionunit="CENTIMETER")
    with caplog.at_level("INFO", "smlmsim"):
        assert reader(str(tmp_path / "a.tif")) is None
    assert "page 2 is of another size or kind of pixels" in caplog.text
    assert "damaged" not in caplog.text


def test_an_image_that_is_not_finite_further_on_is_refused_in_one_line(tmp_path):
    images = np.zeros((3, 16, 16), np.float32)
    images[2, 3, 4] = np.nan
    _scaled(tmp_path / "a.tif", images, photometric="minisblack")
    read = reader(str(tmp_path / "a.tif"))
    with pytest.raises(ValueError, match=r"a\.tif: density holds 1 values that are NaN") as refused:
        read(str(tmp_path / "a.tif"))
    assert "\n" not in str(refused.value)


def test_a_folder_of_images_of_others_is_left_to_other_readers(folder, tmp_path):
    others = tmp_path / "others"
    others.mkdir()
    tifffile.imwrite(others / "photo.tif", np.zeros((16, 16, 3), np.uint8), photometric="rgb")
    tifffile.imwrite(others / "bare.tif", np.zeros((4, 16, 16), np.uint16), photometric="minisblack")
    (others / "names.csv").write_text("name,age\nAnna,3\n")
    assert reader(str(others)) is None


def test_what_cannot_be_read_in_a_folder_of_a_result_is_left_out_and_said(folder, caplog):
    shown = [settings["name"] for _, settings, _ in layers(folder)]
    tifffile.imwrite(folder / "photo.tif", np.zeros((16, 16, 3), np.uint8), photometric="rgb")
    assert [made[1]["name"] for made in reader(str(folder))(str(folder))] == shown
    [record] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "photo.tif is left out: a movie of grey images is read, found colours" in record.message


@pytest.mark.parametrize("name", ["a.h5", "a.hdf5", "a.smlm", "a.nc", "a.zarr", "absent.tif"])
def test_a_file_that_has_only_the_ending_of_ours_is_left_to_other_readers(tmp_path, caplog, name):
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n" * ("h" in name) + bytes(100))
    with caplog.at_level("INFO", "smlmsim"):
        assert reader(str(tmp_path / name)) is None
    assert [record.levelname for record in caplog.records] == ["INFO"]


def test_a_zarr_store_of_others_is_left_to_other_readers(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").write_text(
        '{"zarr_format": 3, "node_type": "group", "attributes": {}}'
    )
    assert reader(str(tmp_path / "a.zarr")) is None
    (tmp_path / "a.zarr" / "zarr.json").write_text(
        '{"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5"}}}'
    )
    assert reader(str(tmp_path / "a.zarr")) is None
