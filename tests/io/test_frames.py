"""Camera frames are written with their pixels, times and calibration, and nothing of them is lost."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
import zarr

import smlmsim
from smlmsim import Acquisition, FieldOfView, schema
from smlmsim.camera import PixelSpread
from smlmsim.frames import Imaging
from smlmsim.io.frames import SAID, write_blocks
from smlmsim.io.ngff import image_of
from smlmsim.rng import stream

FIELD = FieldOfView(height_nm=600.0, width_nm=1000.0, origin_x_nm=40.0)
ACQUISITION = Acquisition(time_points=5, frames_per_point=5)
NOBODY = schema.dataset(event_frame=np.zeros(0, np.int32), event_y=np.zeros(0), event_x=np.zeros(0))
IMAGING = Imaging(camera="emccd")


def recorded():
    return IMAGING.take(NOBODY, FIELD, ACQUISITION, stream(0, "frames"))


def blocks(size=7):
    return IMAGING.blocks(NOBODY, FIELD, ACQUISITION, stream(0, "frames"), frames_per_block=size)


def require_calibration(said):
    kept = {name: said[name] for name in schema.FRAMES_ATTRS}
    assert kept == {name: recorded().attrs[name] for name in schema.FRAMES_ATTRS}
    assert (said["camera_y_nm"], said["camera_x_nm"]) == (50.0, 90.0)


@pytest.mark.parametrize("whole", [True, False])
def test_an_ome_tiff_holds_the_frames_with_their_pixel_time_and_camera(tmp_path, whole):
    path = tmp_path / "frames.ome.tif"
    if whole:
        smlmsim.write(recorded(), path)
    else:
        write_blocks(blocks(), ACQUISITION.frames, path)
    with tifffile.TiffFile(path) as file:
        np.testing.assert_array_equal(file.asarray(), recorded().frames.values)
        assert file.is_ome
        image = ElementTree.fromstring(file.ome_metadata).find("{*}Image")
    pixels = image.find("{*}Pixels")
    wanted = {"SizeT": "25", "PhysicalSizeX": "100.0", "PhysicalSizeXUnit": "nm", "TimeIncrement": "0.03"}
    assert {name: pixels.get(name) for name in wanted} == wanted
    planes = pixels.findall("{*}Plane")
    assert {plane.get("ExposureTime") for plane in planes} == {"0.03"}
    assert len(planes) == ACQUISITION.frames
    require_calibration(json.loads(image.find("{*}Description").text)[SAID])


@pytest.mark.parametrize("whole", [True, False])
def test_an_ome_zarr_holds_the_frames_with_their_pixel_time_and_camera(tmp_path, whole):
    path = tmp_path / "frames.zarr"
    if whole:
        smlmsim.write(recorded(), path)
    else:
        write_blocks(blocks(), ACQUISITION.frames, path)
    group = zarr.open_group(path, mode="r")
    np.testing.assert_array_equal(group["0"][...], recorded().frames.values)
    time, y, x = image_of(group.attrs).coordinates({"t": 25}, None, None)
    assert (time.start, time.step, y.start, y.step, x.start, x.step) == (0.015, 0.03, 50, 100, 90, 100)
    require_calibration(group.attrs[SAID])


@pytest.mark.parametrize("name", ["frames.ome.tif", "frames.zarr"])
def test_the_movie_that_other_programs_see_has_the_right_scale(tmp_path, name):
    smlmsim.write(recorded(), tmp_path / name)
    movie = smlmsim.read(tmp_path / name).counts
    np.testing.assert_array_equal(movie.values, recorded().frames.values)
    assert np.diff(movie.x.values)[0] == pytest.approx(100)
    assert np.diff(movie.time.values)[0] == pytest.approx(0.03)


@pytest.mark.parametrize("name", ["frames.ome.tif", "frames.zarr"])
@pytest.mark.parametrize(
    ("frames", "said"), [(24, "more than 24 frames"), (26, "found 25 frames, expected 26")]
)
def test_a_movie_that_breaks_off_leaves_no_file(tmp_path, name, frames, said):
    with pytest.raises(ValueError, match=said):
        write_blocks(blocks(), frames, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_frames_are_not_written_in_other_formats(tmp_path):
    with pytest.raises(
        ValueError, match=r"frames\.csv is no name for camera frames; its end is \.ome\.tif or \.zarr"
    ):
        smlmsim.write(recorded(), tmp_path / "frames.csv")


def test_a_movie_of_time_points_can_still_be_called_ome_tif(tmp_path):
    movie = schema.dataset(
        counts=np.ones((2, 3, 4), np.uint8), time=[0.5, 1.5], y=[0, 1, 2.0], x=[0, 1, 2, 3.0]
    )
    smlmsim.write(movie, tmp_path / "movie.ome.tif")
    assert smlmsim.read(tmp_path / "movie.ome.tif").counts.shape == (2, 3, 4)


def test_pixels_that_differ_are_kept_where_there_is_a_place_for_them(tmp_path, caplog):
    frames = Imaging(pixel_spread=PixelSpread()).take(NOBODY, FIELD, ACQUISITION, stream(0, "frames"))
    smlmsim.write(frames, tmp_path / "frames.zarr")
    kept = zarr.open_group(tmp_path / "frames.zarr", mode="r")["camera_offset"][...]
    np.testing.assert_array_equal(kept, frames.camera_offset.values)
    with caplog.at_level("INFO"):
        smlmsim.write(frames, tmp_path / "frames.ome.tif")
    assert "an OME-TIFF has no place for camera_offset, camera_electrons_per_level" in caplog.text
