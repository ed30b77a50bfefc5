"""Stacks of camera frames are read piece by piece, with their calibration; what is no stack is told in one line."""

import logging
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import zarr
from zarr.codecs import BloscCodec

import smlmsim
from smlmsim import schema
from smlmsim.camera import PixelSpread
from smlmsim.frames import Imaging
from smlmsim.io import ome_zarr, stack, thunderstorm
from smlmsim.io.raw_stack import Said
from smlmsim.io.stack import Recording
from smlmsim.shot_noise import MAPS
from smlmsim.testing import make_frames

KNOWN = Recording(camera_pixel_nm=100, exposure_s=0.02)


@pytest.fixture
def levels():
    """Grey levels of 9 frames, each of which differs."""
    return (np.arange(9)[:, None, None] * 100 + np.arange(30).reshape(5, 6)).astype(np.uint16)


def gathered(path, recording=KNOWN, frames_per_block=None):
    """All blocks of a stack."""
    with stack.opened(path, recording) as frames:
        return list(frames.blocks(frames_per_block))


def joined(blocks):
    return np.concatenate([block.frames.values for block in blocks])


def written(path, values, **options):
    tifffile.imwrite(path, values, photometric="minisblack", **options)
    return path


KINDS = {
    "plain": {},
    "BigTIFF": {"bigtiff": True},
    "ImageJ": {"imagej": True, "metadata": {"axes": "TYX"}},
    "OME-TIFF": {"ome": True, "metadata": {"axes": "TYX"}},
    "compressed": {"compression": "zlib", "rowsperstrip": 2},
    "tiled": {"tile": (16, 16)},
    "contiguous": {"metadata": None, "contiguous": True},
    "big-endian": {"byteorder": ">"},
}


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_all_frames_come_in_blocks_of_any_size(tmp_path, levels, kind, size):
    blocks = gathered(written(tmp_path / "a.tif", levels, **KINDS[kind]), frames_per_block=size)
    np.testing.assert_array_equal(joined(blocks), levels)
    assert [block.attrs["first_frame"] for block in blocks] == list(range(0, 9, size))
    for block in blocks:
        schema.check_frames(block)


def test_a_block_is_read_alone(tmp_path, levels, monkeypatch):
    path = written(tmp_path / "a.tif", levels)
    asked = []
    read = tifffile.TiffFile.asarray

    def watched(self, key=None, **options):
        asked.append(key)
        return read(self, key=key, **options)

    monkeypatch.setattr(tifffile.TiffFile, "asarray", watched)
    with stack.opened(path, KNOWN) as frames:
        assert asked == []
        blocks = frames.blocks(2)
        next(blocks)
        next(blocks)
    assert asked == [[0, 1], [2, 3]]


def test_frames_behind_a_single_page_are_read_as_imagej_writes_large_stacks(tmp_path, levels):
    about = "ImageJ=1.53\nimages=9\nframes=9\nslices=1\n"
    path = written(tmp_path / "a.tif", levels[0], description=about, metadata=None)
    with open(path, "rb+") as file, tifffile.TiffFile(path) as known:
        page = known.pages.first
        file.truncate(page.dataoffsets[0])
        file.seek(page.dataoffsets[0])
        file.write(levels.astype(page.dtype.newbyteorder(known.byteorder)).tobytes())
    np.testing.assert_array_equal(joined(gathered(path, frames_per_block=4)), levels)


def test_an_ome_tiff_tells_its_pixel_and_its_interval(tmp_path, levels):
    about = {
        "axes": "TYX",
        "PhysicalSizeX": 0.16,
        "PhysicalSizeY": 0.16,
        "TimeIncrement": 10,
        "TimeIncrementUnit": "ms",
    }
    path = written(tmp_path / "a.ome.tif", levels, ome=True, metadata=about)
    with stack.opened(path) as frames:
        assert (frames.pixel_nm, frames.exposure_s, len(frames)) == (
            pytest.approx(160),
            pytest.approx(0.01),
            9,
        )


def ome_tiff(path, values, detector="", settings="", plane=""):
    """An OME-TIFF file with a detector."""
    height, width = values.shape[1:]
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Instrument ID="Instrument:0"><Detector ID="Detector:0" {detector}/></Instrument><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{width}" SizeY="{height}" SizeZ="1" '
        f'SizeC="1" '
        f'SizeT="{len(values)}" PhysicalSizeX="0.1" PhysicalSizeY="0.1"><Channel ID="Channel:0">'
        f'<DetectorSettings ID="Detector:0" {settings}/></Channel>'
        f'<TiffData IFD="0" PlaneCount="{len(values)}"/>{plane}</Pixels></Image></OME>'
    )
    return written(path, values, description=text, metadata=None)


def test_an_ome_tiff_tells_the_calibration_of_its_camera(tmp_path, levels, caplog):
    path = ome_tiff(
        tmp_path / "a.ome.tif", levels, 'Type="EMCCD" Offset="12"', 'Gain="250" Offset="98.5"',
        '<Plane TheZ="0" TheC="0" TheT="0" ExposureTime="25" ExposureTimeUnit="ms"/>',
    )  # fmt: skip
    with caplog.at_level(logging.INFO, "smlmsim"), stack.opened(path) as frames:
        assert (frames.camera.offset, frames.camera.em_gain) == (98.5, 250)
        assert frames.exposure_s == pytest.approx(0.025)
    assert "from the file: offset=98.5, em_gain=250" in caplog.text
    with stack.opened(path, Recording(offset=90.0, em_gain=1.0)) as frames:
        assert (frames.camera.offset, frames.camera.em_gain) == (90, 1)


NOBODY = schema.dataset(event_frame=np.zeros(0, np.int32), event_y=np.zeros(0), event_x=np.zeros(0))


@pytest.mark.parametrize("name", ["frames.ome.tif", "frames.zarr"])
def test_frames_that_this_project_wrote_come_back_with_all_that_is_known_of_them(tmp_path, name, caplog):
    imaging = Imaging(camera="emccd", camera_pixel_nm=130.0)
    frames = make_frames(NOBODY, (7, 5, 6), imaging=imaging, origin_nm=-400.0).assign_attrs(first_frame=30)
    smlmsim.write(frames, tmp_path / name)
    with caplog.at_level(logging.INFO, "smlmsim"):
        blocks = gathered(tmp_path / name, Recording(), 3)
    assert "assumed" not in caplog.text
    np.testing.assert_array_equal(joined(blocks), frames.frames)
    for axis in ("camera_y", "camera_x"):
        np.testing.assert_allclose(blocks[1][axis], frames[axis])
    assert blocks[0].attrs == pytest.approx(frames.attrs)
    assert [block.attrs["first_frame"] for block in blocks] == [30, 33, 36]


def test_the_calibration_of_single_pixels_comes_back_unless_another_is_given(tmp_path):
    frames = make_frames(NOBODY, (3, 5, 6), imaging=Imaging(pixel_spread=PixelSpread()))
    smlmsim.write(frames, tmp_path / "a.zarr")
    found = gathered(tmp_path / "a.zarr", Recording())[0]
    for name in MAPS.values():
        np.testing.assert_array_equal(found[name], frames[name])
    given = gathered(tmp_path / "a.zarr", Recording(offset=100.0))[0]
    assert "camera_offset" not in given
    assert "camera_read_noise_e" in given


@pytest.mark.parametrize("said", [[], {}, {"offset": "much"}, {"offset": float("inf")}, {"first_frame": -1}])
def test_a_damaged_calibration_is_told(said):
    with pytest.raises(ValueError, match="calibration, smlmsim_frames, is damaged"):
        Said.of(said)


def test_a_gain_in_no_unit_is_not_used_and_said(tmp_path, levels, caplog):
    path = ome_tiff(tmp_path / "a.ome.tif", levels, 'Type="CMOS"', 'Gain="2.2"')
    with caplog.at_level(logging.INFO, "smlmsim"), stack.opened(path) as frames:
        assert frames.camera.em_gain == 1
    assert "a gain of 2.2 in no unit" in caplog.text


def test_what_is_assumed_is_said(tmp_path, levels, caplog):
    with caplog.at_level(logging.INFO, "smlmsim"):
        gathered(written(tmp_path / "a.tif", levels), Recording(camera_pixel_nm=100, read_noise_e=1.6))
    assert (
        "assumed of the camera, as neither the file nor an option says it: offset=0, electrons_per_level=1, "
        in (caplog.text)
    )
    assert "read_noise_e" not in caplog.text.partition("assumed of the camera")[2]
    assert "taken to be 0.03 s" in caplog.text


def test_a_typical_camera_is_calibrated_by_its_name_and_parts_of_it_are_replaced(tmp_path, levels):
    path = written(tmp_path / "a.tif", levels)
    with stack.opened(path, Recording(camera="emccd", camera_pixel_nm=100, em_gain=150.0)) as frames:
        assert (frames.camera.offset, frames.camera.em_gain, frames.camera.read_noise_e) == (100, 150, 74)
    with pytest.raises(ValueError, match="no typical camera 'ccd'; there are: ideal, emccd, scmos"):
        gathered(path, Recording(camera="ccd", camera_pixel_nm=100))


def test_an_impossible_calibration_is_refused_by_its_name(tmp_path, levels):
    with pytest.raises(ValueError, match="quantum_efficiency"):
        gathered(written(tmp_path / "a.tif", levels), KNOWN.replace({"quantum_efficiency": 2.0}))


@pytest.mark.parametrize("first", [2**31 - 5, 3 * 10**9])
def test_frames_whose_numbers_no_table_holds_are_refused(tmp_path, levels, first):
    with pytest.raises(ValueError, match=f"found 9 from first_frame={first} on"):
        gathered(written(tmp_path / "a.tif", levels), KNOWN.replace({"first_frame": first}))


def test_a_folder_of_single_images_says_how_to_make_a_stack(tmp_path, levels):
    for number, image in enumerate(levels):
        written(tmp_path / f"{number}.tif", image)
    with pytest.raises(ValueError, match="a folder of 9 TIFF files; save them as one stack"):
        gathered(tmp_path)


def test_an_offset_that_nobody_gave_is_suspected(tmp_path, levels, caplog):
    path = written(tmp_path / "a.tif", levels + np.uint16(98))
    with caplog.at_level(logging.WARNING, "smlmsim"):
        gathered(path)
        assert "as in offset=98" in caplog.text
        caplog.clear()
        gathered(path, KNOWN.replace({"offset": 98.0}))
    assert not caplog.records


def test_saturated_pixels_are_counted(tmp_path, levels, caplog):
    levels[3, 2, 2:4] = 65535
    levels[7, 0, 0] = 65535
    with caplog.at_level(logging.WARNING, "smlmsim"):
        gathered(written(tmp_path / "a.tif", levels), frames_per_block=2)
    assert "3 pixels in 2 frames" in caplog.text


def test_a_single_frame_is_read_and_suspected(tmp_path, levels, caplog):
    with caplog.at_level(logging.WARNING, "smlmsim"):
        assert joined(gathered(written(tmp_path / "a.tif", levels[0]))).shape == (1, 5, 6)
    assert "holds a single frame" in caplog.text


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.float32])
def test_whole_grey_levels_of_any_type_are_read(tmp_path, levels, dtype):
    values = (levels % 200).astype(dtype)
    found = joined(gathered(written(tmp_path / "a.tif", values)))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(
    ("value", "dtype", "reason"),
    [
        (np.nan, np.float32, r"frame 4 \(counted from 0\) holds 1 values that are NaN or infinite"),
        (np.inf, np.float32, "NaN or infinite"),
        (0.5, np.float32, r"the value 0\.5 in frame 4 .* is no grey level"),
        (-1, np.int16, r"the value -1 in frame 4 .* is no grey level"),
        (70000, np.uint32, "the value 70000 in frame 4"),
    ],
)
def test_values_that_are_no_grey_levels_are_told_with_their_frame(tmp_path, levels, value, dtype, reason):
    values = levels.astype(dtype)
    values[4, 2, 2] = value
    with pytest.raises(ValueError, match=reason) as caught:
        gathered(written(tmp_path / "a.tif", values), frames_per_block=3)
    assert "\n" not in str(caught.value)
    assert "a.tif" in str(caught.value)


def test_a_stack_of_unknown_pixel_is_refused(tmp_path, levels):
    with pytest.raises(ValueError, match="give camera_pixel_nm=100"):
        gathered(written(tmp_path / "a.tif", levels), Recording())


def test_pixels_that_are_not_square_are_refused_unless_one_is_given(tmp_path, levels):
    about = {"axes": "TYX", "PhysicalSizeX": 0.16, "PhysicalSizeY": 0.1}
    path = written(tmp_path / "a.ome.tif", levels, ome=True, metadata=about)
    with pytest.raises(ValueError, match="the file says 100 x 160 nm"):
        gathered(path, Recording())
    assert gathered(path)[0].attrs["camera_pixel_nm"] == 100


def cut(path):
    path.write_bytes(path.read_bytes()[:-900])
    return path


BAD = {
    "truncated": (lambda path, values: cut(written(path, values)), "cut short|damaged"),
    "truncated BigTIFF": (lambda path, values: cut(written(path, values, bigtiff=True)), "cut short|damaged"),
    "colours": (
        lambda path, values: tifffile.imwrite(path, np.zeros((9, 8, 3), np.uint8)) or path,
        "colours",
    ),
    "pages of colours": (
        lambda path, values: (
            tifffile.imwrite(path, np.zeros((9, 8, 7, 3), np.uint8), photometric="rgb") or path
        ),
        "found colours: 3 samples",
    ),
    "pages of colours in BigTIFF": (
        lambda path, values: (
            tifffile.imwrite(path, np.zeros((9, 8, 7, 6), np.uint16), bigtiff=True, photometric="rgb") or path
        ),
        "found colours: 6 samples",
    ),
    "complex": (lambda path, values: written(path, values.astype(np.complex64)), "grey images"),
    "two channels": (
        lambda path, values: written(
            path, values[:8].reshape(4, 2, 5, 6), imagej=True, metadata={"axes": "TCYX"}
        ),
        "2 channels",
    ),
    "slices over time": (
        lambda path, values: written(
            path, values[:8].reshape(4, 2, 5, 6), imagej=True, metadata={"axes": "TZYX"}
        ),
        "slices",
    ),
    "text": (
        lambda path, values: path.write_text("frame,x [nm],y [nm]\n1,2,3\n") and path,
        "camera frames are wanted",
    ),
    "empty": (lambda path, values: path.write_bytes(b"") or path, "camera frames are wanted|empty"),
    "noise": (lambda path, values: path.write_bytes(b"II*\0" + bytes(range(200))) and path, "TIFF"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_stack_of_grey_frames_is_told_in_one_line(tmp_path, levels, kind):
    make, reason = BAD[kind]
    with pytest.raises(ValueError, match=reason) as caught:
        gathered(make(tmp_path / "a.tif", levels), frames_per_block=4)
    assert "\n" not in str(caught.value)


def test_a_localization_table_is_no_stack(tmp_path):
    table = schema.dataset(loc_frame=[0], loc_y=[1.0], loc_x=[2.0])
    thunderstorm.write(table, tmp_path / "table.csv")
    with pytest.raises(ValueError, match=r"taken for a table \(ThunderSTORM.*\); camera frames are wanted"):
        gathered(tmp_path / "table.csv")


ND2 = b"\xda\xce\xbe\x0a" + bytes(5000)


class ND2File:
    """What the package nd2 tells of a file, as its documentation says."""

    sizes = {"T": 9, "Y": 5, "X": 6}  # noqa: RUF012
    is_rgb = False
    dtype = np.dtype(np.uint16)
    values = (np.arange(9 * 30) % 500).astype(np.uint16).reshape(9, 5, 6)

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def voxel_size(self):
        return SimpleNamespace(x=0.11, y=0.11, z=1.0)

    @property
    def experiment(self):
        period = SimpleNamespace(avg=20.4, max=21.0, min=20.0)
        return [SimpleNamespace(parameters=SimpleNamespace(periodMs=20.0, periodDiff=period))]

    def read_frame(self, place):
        return self.values[place]


def nd2(tmp_path, monkeypatch, **differing):
    """A file of Nikon, and a package that reads it."""
    monkeypatch.setitem(sys.modules, "nd2", SimpleNamespace(ND2File=type("Other", (ND2File,), differing)))
    (tmp_path / "a.nd2").write_bytes(ND2)
    return tmp_path / "a.nd2"


def test_a_file_of_nikon_is_read_in_blocks_with_its_scale(tmp_path, monkeypatch):
    blocks = gathered(nd2(tmp_path, monkeypatch), Recording(), 4)
    np.testing.assert_array_equal(joined(blocks), ND2File.values)
    assert blocks[0].attrs["camera_pixel_nm"] == pytest.approx(110)
    assert blocks[0].attrs["exposure_s"] == pytest.approx(0.0204)


@pytest.mark.parametrize(
    ("differing", "reason"),
    [
        ({"is_rgb": True}, "colours"),
        ({"sizes": {"T": 9, "C": 2, "Y": 5, "X": 6}}, "2 channels"),
        ({"sizes": {"T": 9, "P": 3, "Y": 5, "X": 6}}, "'P': 3"),
        ({"sizes": {"T": 10**9, "Y": 5, "X": 6}}, "claims to hold"),
        ({"read_frame": lambda self, place: {}[place]}, "damaged ND2 file"),
    ],
)
def test_a_file_of_nikon_that_is_no_grey_stack_is_told_in_one_line(tmp_path, monkeypatch, differing, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        gathered(nd2(tmp_path, monkeypatch, **differing), KNOWN)
    assert "\n" not in str(caught.value)


def test_without_its_package_a_file_of_nikon_says_what_it_needs(tmp_path, monkeypatch):
    path = nd2(tmp_path, monkeypatch)
    monkeypatch.setitem(sys.modules, "nd2", None)
    with pytest.raises(ValueError, match=r"needs the package nd2: pip install 'smlmsim\[nd2\]'"):
        gathered(path)


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        gathered(tmp_path / "a.tif")


@pytest.fixture
def image(tmp_path, levels):
    """An OME-Zarr image."""
    y, x = ((np.arange(size) + 0.5) * 130 for size in (5, 6))
    movie = schema.dataset(counts=levels, time=(np.arange(9) + 0.5) * 0.02, y=y, x=x)
    ome_zarr.write(movie, tmp_path / "a.zarr")
    return tmp_path / "a.zarr"


@pytest.mark.parametrize("size", [2, 100])
def test_an_ome_zarr_image_is_read_in_blocks_with_its_scale(image, levels, size):
    blocks = gathered(image, Recording(), size)
    np.testing.assert_array_equal(joined(blocks), levels)
    assert blocks[0].attrs["camera_pixel_nm"] == pytest.approx(130)
    assert blocks[0].attrs["exposure_s"] == pytest.approx(0.02)


def test_an_ome_zarr_image_whose_chunks_are_damaged_is_told_in_one_line(image):
    chunk = next(file for file in (image / "0").rglob("*") if file.is_file() and file.name != "zarr.json")
    chunk.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="damaged") as caught:
        gathered(image, Recording())
    assert "\n" not in str(caught.value)


def test_an_ome_zarr_image_of_two_channels_is_refused(tmp_path, levels):
    group = zarr.open_group(tmp_path / "two.zarr", mode="w", zarr_format=3)
    axes = [
        {"name": name, "type": kind}
        for name, kind in (("t", "time"), ("c", "channel"), ("y", "space"), ("x", "space"))
    ]
    scale = [{"type": "scale", "scale": [1.0] * 4}]
    image = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    values = levels[:8].reshape(4, 2, 5, 6)
    array = group.create_array("0", shape=values.shape, dtype=values.dtype, compressors=BloscCodec())
    array[...] = values
    with pytest.raises(ValueError, match="2 channels"):
        gathered(tmp_path / "two.zarr")
