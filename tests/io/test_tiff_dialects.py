"""TIFF of other programs: the scale that it says, and what it holds beside one grey movie, is understood or said."""

import logging
import re
import struct

import numpy as np
import pytest
import tifffile

from smlmsim.io import tiff

VALUES = np.arange(6 * 32 * 40, dtype=np.uint16).reshape(6, 32, 40)
GREY = {"photometric": "minisblack"}


@pytest.fixture
def wrote(tmp_path):
    """A function that writes a file as another program would."""

    def write(values=VALUES, name="a.tif", **settings):
        tifffile.imwrite(tmp_path / name, values, **settings)
        return tmp_path / name

    return write


def _step(found, dim):
    return float(found[dim][1] - found[dim][0])


# What a file says of its scale.


@pytest.mark.parametrize("axes", ["TYX", "TCYX", "TZCYX", "CTYX", "ZTYX"])
@pytest.mark.parametrize(
    ("pixel", "unit"),
    [(0.1, "\u00b5m"), (100, "nm"), (1e-4, "mm"), (1e3, "\u00c5"), (1e-5, "cm"), (1e-7, "m")],
)
def test_the_scale_of_ome_tiff_is_read_in_any_unit_and_order_of_dimensions(wrote, axes, pixel, unit):
    shape = [{"T": 6, "Y": 32, "X": 40}.get(axis, 1) for axis in axes]
    about = {"axes": axes, "PhysicalSizeX": pixel, "PhysicalSizeXUnit": unit, "PhysicalSizeY": 2 * pixel}
    about |= {"PhysicalSizeYUnit": unit, "TimeIncrement": 50, "TimeIncrementUnit": "ms"}
    found = tiff.read(wrote(VALUES.reshape(shape), "a.ome.tif", ome=True, metadata=about))
    np.testing.assert_array_equal(found.counts, VALUES)
    assert _step(found, "x") == pytest.approx(100)
    assert _step(found, "y") == pytest.approx(200)
    assert found.time.values == pytest.approx(0.025 + 0.05 * np.arange(6))


def test_units_that_ome_leaves_out_are_micrometres_and_seconds(wrote):
    about = {"axes": "TYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "TimeIncrement": 0.05}
    found = tiff.read(wrote(name="a.ome.tif", ome=True, metadata=about))
    assert (_step(found, "x"), _step(found, "time")) == pytest.approx((100, 0.05))


def test_ome_without_a_time_increment_takes_the_mean_of_the_times_of_its_planes(wrote, caplog):
    times = [0.0, 0.051, 0.099, 0.15, 0.201, 0.25]
    about = {"axes": "TYX", "PhysicalSizeX": 100, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 100}
    about |= {
        "PhysicalSizeYUnit": "nm",
        "Plane": {"DeltaT": [1e3 * t for t in times], "DeltaTUnit": ["ms"] * 6},
    }
    with caplog.at_level(logging.INFO):
        found = tiff.read(wrote(name="a.ome.tif", ome=True, metadata=about))
    assert _step(found, "time") == pytest.approx(0.05)
    assert "a time point of 0.05 s is the mean of the planes' DeltaT" in caplog.text


def test_ome_without_a_scale_leaves_it_open(wrote):
    path = wrote(name="a.ome.tif", ome=True, metadata={"axes": "TYX"})
    with pytest.raises(ValueError, match="does not say how large a pixel is; give pixel_nm=100, say"):
        tiff.read(path)
    assert "time" not in tiff.read(path, pixel_nm=100).coords


def test_a_unit_of_ome_that_is_no_length_is_said(wrote, caplog):
    about = {"axes": "TYX", "PhysicalSizeX": 1, "PhysicalSizeXUnit": "pixel", "PhysicalSizeY": 1}
    path = wrote(name="a.ome.tif", ome=True, metadata=about | {"PhysicalSizeYUnit": "pixel"})
    with caplog.at_level(logging.INFO), pytest.raises(ValueError, match="give pixel_nm"):
        tiff.read(path)
    assert "PhysicalSizeX = 1 pixel, which is no length" in caplog.text


def test_pages_of_ome_tiff_come_in_the_order_of_their_time_points(tmp_path, caplog):
    text = tifffile.OmeXml()
    text.addimage(
        "uint16", (6, 32, 40), (6, 1, 1, 32, 40, 1), axes="TYX", PhysicalSizeX=0.1, PhysicalSizeY=0.1
    )
    order = [3, 0, 1, 5, 4, 2]
    entries = "".join(
        f'<TiffData IFD="{page}" FirstT="{time}" PlaneCount="1"/>' for page, time in enumerate(order)
    )
    said = text.tostring(declaration=True).replace('<TiffData IFD="0" PlaneCount="6"/>', entries)
    assert entries in said
    tifffile.imwrite(tmp_path / "a.tif", VALUES[order], description=said.encode(), metadata=None, **GREY)
    with caplog.at_level(logging.INFO):
        np.testing.assert_array_equal(tiff.read(tmp_path / "a.tif").counts, VALUES)
    assert "put in the order of time" in caplog.text


@pytest.mark.parametrize(
    ("unit", "per_unit"),
    [
        ("cm", 1e5), ("inch", 254e3), ("micron", 10), ("microns", 10), ("um", 10), ("nm", 0.01), ("mm", 1e4),
        ("\\u00B5m", 10), ("Micron", 10),
    ],
)  # fmt: skip
def test_the_units_of_imagej_are_understood(wrote, unit, per_unit):
    about = {"axes": "TYX", "unit": unit, "finterval": 0.05}
    found = tiff.read(wrote(imagej=True, resolution=(per_unit, per_unit), metadata=about))
    assert _step(found, "x") == pytest.approx(100, rel=1e-5)
    assert _step(found, "time") == pytest.approx(0.05)


@pytest.mark.parametrize("about", [{"unit": "pixel"}, {"unit": "pixels"}, {"unit": ""}, {}])
def test_pixels_and_no_unit_of_imagej_leave_the_pixel_open(wrote, about):
    path = wrote(imagej=True, resolution=(1, 1), metadata={"axes": "TYX", "finterval": 1, **about})
    with pytest.raises(ValueError, match="does not say how large a pixel is; give pixel_nm=100, say"):
        tiff.read(path)
    assert _step(tiff.read(path, pixel_nm=100), "x") == 100


@pytest.mark.parametrize(
    ("about", "step_s"),
    [
        ({"finterval": 50, "tunit": "ms"}, 0.05), ({"finterval": 0.05, "tunit": "sec"}, 0.05),
        ({"finterval": 0.5, "tunit": "min"}, 30), ({"finterval": 0.05, "fps": 7}, 0.05), ({"fps": 20}, 0.05),
        ({"finterval": 0, "fps": 20}, 0.05), ({"finterval": 50, "tunit": "\\u00B5s"}, 5e-5),
        ({}, None), ({"finterval": 0}, None), ({"finterval": 1, "tunit": "frame"}, None), ({"finterval": -1}, None),
        ({"finterval": "nan"}, None), ({"finterval": "1e999"}, None), ({"fps": 0}, None), ({"fps": "x"}, None),
    ],
)  # fmt: skip
def test_the_time_between_images_of_imagej_is_its_frame_interval_or_rate(wrote, about, step_s, caplog):
    about = {"axes": "TYX", "unit": "um", **about}
    found = tiff.read(wrote(imagej=True, resolution=(10, 10), metadata=about))
    if step_s is None:
        assert "time" not in found.coords
    else:
        assert _step(found, "time") == pytest.approx(step_s)
    assert ("from fps = 20, which may be only the speed of playing" in caplog.text) == (
        about.get("fps") == 20
    )


@pytest.mark.parametrize(("unit", "per_unit"), [("CENTIMETER", 1e5), ("INCH", 254e3)])
def test_the_resolution_of_plain_tiff_is_its_pixel(wrote, unit, per_unit):
    found = tiff.read(wrote(resolution=(per_unit, per_unit / 2), resolutionunit=unit, **GREY), point_s=0.05)
    assert (_step(found, "x"), _step(found, "y")) == pytest.approx((100, 200))


@pytest.mark.parametrize("dpi", [72, 96, 300, 1200])
def test_the_resolution_of_a_screen_or_a_printer_is_not_a_pixel(wrote, dpi, caplog):
    path = wrote(resolution=(dpi, dpi), resolutionunit="INCH", **GREY)
    with caplog.at_level(logging.INFO), pytest.raises(ValueError, match="does not say how large a pixel is"):
        tiff.read(path)
    assert f"{dpi} pixels per inch are those of a screen or a printer" in caplog.text


def test_a_resolution_without_a_unit_is_not_a_pixel(wrote):
    with pytest.raises(ValueError, match="does not say how large a pixel is"):
        tiff.read(wrote(resolution=(10, 10), resolutionunit="NONE", **GREY))


def test_what_is_given_goes_before_what_the_file_says_and_that_is_said(wrote, caplog):
    path = wrote(imagej=True, resolution=(10, 10), metadata={"axes": "TYX", "unit": "um", "finterval": 0.05})
    with caplog.at_level(logging.INFO):
        found = tiff.read(path, pixel_nm=80, point_s=0.05)
    assert (_step(found, "x"), _step(found, "time")) == pytest.approx((80, 0.05))
    assert "pixel_nm = 80 as given; the file says 100" in caplog.text
    assert "point_s" not in caplog.text
    for name in ("pixel_nm", "point_s"):
        with pytest.raises(ValueError, match=rf"{name} is positive, found {name}=0"):
            tiff.read(path, **{name: 0.0})


# What a file holds.


@pytest.mark.parametrize(
    "settings",
    [
        {"byteorder": ">"}, {"bigtiff": True}, {"bigtiff": True, "byteorder": ">"}, {"tile": (16, 16)},
        {"rowsperstrip": 5}, {"compression": "zlib"}, {"compression": "zlib", "tile": (16, 16)},
        {"compression": "lzma"}, {"compression": "zlib", "predictor": True},
        {"truncate": True}, {"metadata": None}, {"metadata": {"axes": "TYX"}}, {"metadata": {"axes": "ZYX"}},
    ],
    ids=str,
)  # fmt: skip
def test_every_way_to_store_pixels_reads_the_same(wrote, settings):
    found = tiff.read(wrote(**GREY | settings), pixel_nm=100)
    np.testing.assert_array_equal(found.counts, VALUES)
    assert found.counts.dtype.isnative
    assert "time" not in found.coords


def test_a_stack_of_imagej_above_4_gb_has_one_page_for_all_images(wrote):
    about = {"axes": "TYX", "unit": "um", "finterval": 0.05}
    path = wrote(VALUES.astype(">u2"), byteorder=">", imagej=True, resolution=(10, 10), metadata=about)
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from(">I", content, 4)
    (entries,) = struct.unpack_from(">H", content, first)
    struct.pack_into(">I", content, first + 2 + 12 * entries, 0)
    path.write_bytes(content)
    np.testing.assert_array_equal(tiff.read(path).counts, VALUES)
    path.write_bytes(content.replace(b"frames=6", b"frames=9").replace(b"images=6", b"images=9"))
    with pytest.raises(
        ValueError, match="says that there are 9 images and does not hold them; was it cut short"
    ):
        tiff.read(path)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u4", "i4", "u8", "f2", "f4", "f8", "?"])
def test_numbers_of_every_type_are_read_exactly(wrote, dtype):
    values = (VALUES % 2).astype(dtype) if dtype == "?" else (VALUES % 100).astype(dtype)
    found = next(iter(tiff.read(wrote(values, **GREY), pixel_nm=100).data_vars.values()))
    np.testing.assert_array_equal(found, values)
    assert found.name == ("density" if "f" in dtype else "counts")


def test_slices_of_imagej_are_taken_for_time_points_and_that_is_said(wrote, caplog):
    path = wrote(imagej=True, resolution=(10, 10), metadata={"axes": "ZYX", "unit": "um", "spacing": 0.2})
    with caplog.at_level(logging.INFO):
        found = tiff.read(path)
    assert found.sizes["time"] == 6
    assert "the 6 slices (z) are taken for time points" in caplog.text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ome": True, "metadata": {"axes": "ZYX"}}, r"found 6 slices \(z\)"),
        (
            {"ome": True, "shape": (3, 2, 32, 40), "metadata": {"axes": "CZYX"}},
            r"found 3 channels x 2 slices \(z\)",
        ),
        (
            {"imagej": True, "shape": (3, 2, 32, 40), "metadata": {"axes": "TZYX"}},
            r"3 time points x 2 slices \(z\)",
        ),
        ({"shape": (3, 2, 32, 40), **GREY}, "found 3 along A x 2 along B"),
    ],
    ids=str,
)
def test_slices_are_neither_summed_nor_dropped(wrote, settings, words):
    settings = dict(settings)
    path = wrote(VALUES.reshape(settings.pop("shape", VALUES.shape)), **settings)
    with pytest.raises(ValueError, match=rf"a\.tif: a movie of one slice is read, .*{words}"):
        tiff.read(path, pixel_nm=100)


@pytest.mark.parametrize(
    ("settings", "axes"),
    [
        ({"imagej": True}, "TCYX"),
        ({"imagej": True}, "CYX"),
        ({"ome": True}, "TCYX"),
        ({"ome": True}, "CTYX"),
        ({"ome": True}, "CYX"),
        (GREY, "CTYX"),
        (GREY, "TCYX"),
    ],
)
def test_channels_lead_whatever_the_order_of_the_pages(wrote, settings, axes):
    channels, times = (6, 1) if axes == "CYX" else (2, 3)
    wanted = VALUES.reshape(channels, times, 32, 40)
    stored = wanted.swapaxes(0, 1) if axes == "TCYX" else wanted[:, 0] if axes == "CYX" else wanted
    found = tiff.read(wrote(stored, metadata={"axes": axes}, **settings), pixel_nm=100, point_s=1)
    assert found.counts.dims == ("channel", "time", "y", "x")
    np.testing.assert_array_equal(found.counts, wanted)
    assert found.channel.values.tolist() == [str(number) for number in range(channels)]


def test_names_of_channels_in_ome_xml_are_read(wrote):
    about = {"axes": "TCYX", "Channel": {"Name": ["Alexa 647", "Cy3B"]}}
    found = tiff.read(wrote(VALUES.reshape(3, 2, 32, 40), ome=True, metadata=about), pixel_nm=100, point_s=1)
    assert found.channel.values.tolist() == ["Alexa 647", "Cy3B"]


def _places(path, places):
    """The OME-XML of a file, with another channel and time point said of every page."""
    with tifffile.TiffFile(path) as file:
        text = file.pages.first.description
    said = "".join(
        f'<TiffData IFD="{page}" FirstC="{c}" FirstT="{t}" PlaneCount="1"/>'
        for page, (c, t) in enumerate(places)
    )
    made, number = re.subn(r"<TiffData[^>]*/>", said, text)
    assert number == 1
    return made


def test_pages_of_several_channels_are_where_the_ome_xml_says(wrote):
    values = VALUES.reshape(3, 2, 32, 40)
    places = [(1 - page % 2, 2 - page // 2) for page in range(6)]  # backwards
    text = _places(wrote(values, ome=True, metadata={"axes": "TCYX"}), places)
    found = tiff.read(wrote(values, description=text, metadata=None), pixel_nm=100, point_s=1)
    np.testing.assert_array_equal(found.counts, values[::-1, ::-1].swapaxes(0, 1))
    text = _places(wrote(values, ome=True, metadata={"axes": "TCYX"}), [places[1], *places[1:]])
    with pytest.raises(ValueError, match="puts several images in one place"):
        tiff.read(wrote(values, description=text, metadata=None), pixel_nm=100, point_s=1)


def test_channels_of_a_file_that_was_cut_short_are_refused(wrote):
    path = wrote(VALUES[:5], description="ImageJ=1.54\nimages=6\nchannels=2\nframes=3\n", metadata=None)
    with pytest.raises(ValueError, match="6 images in 2 channels, the file holds 5, and nothing tells which"):
        tiff.read(path, pixel_nm=100)


@pytest.mark.parametrize(
    "settings",
    [{"photometric": "rgb"}, {"photometric": "rgb", "planarconfig": "separate"}, {"ome": True}],
    ids=str,
)
def test_colours_are_refused(wrote, settings):
    shape = (3, 32, 40) if "planarconfig" in settings else (32, 40, 3)
    about = {"metadata": {"axes": "YXS"}} if "ome" in settings else {}
    path = wrote(np.zeros(shape, np.uint8), **({"photometric": "rgb"} | settings | about))
    with pytest.raises(ValueError, match="found colours: 3 samples in a pixel"):
        tiff.read(path, pixel_nm=100)


def test_several_images_in_one_file_are_named(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        for name in ("left", "right"):
            file.write(VALUES, metadata={"axes": "TYX", "Name": name}, **GREY)
    with pytest.raises(ValueError, match=r"it holds 2 images \('left', 'right'\); one is read"):
        tiff.read(tmp_path / "a.ome.tif", pixel_nm=100)


def test_pages_of_different_sizes_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for values in (VALUES[0], VALUES[0], VALUES[0, :16]):
            file.write(values, metadata=None, **GREY)
    with pytest.raises(ValueError, match="page 3 is of another size or kind of pixels than the first"):
        tiff.read(tmp_path / "a.tif", pixel_nm=100)


def test_part_of_a_set_of_files_is_read_with_a_warning_and_no_other_file_is_opened(wrote, caplog):
    path = wrote(
        name="a.ome.tif", ome=True, metadata={"axes": "TYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}
    )
    about = tifffile.tiffcomment(path)
    other = '<TiffData IFD="0" FirstT="6" PlaneCount="6"><UUID FileName="../secret.tif">urn:uuid:1</UUID></TiffData>'
    about = about.replace('SizeT="6"', 'SizeT="12"').replace("</Pixels>", f"{other}</Pixels>")
    wrote(name="a.ome.tif", description=about.encode(), metadata=None, **GREY)
    wrote(VALUES + 1, "../secret.tif", **GREY)
    np.testing.assert_array_equal(tiff.read(path).counts, VALUES)
    assert "the metadata speak of 12 images, the file holds 6, which are read" in caplog.text


def test_values_where_white_is_zero_are_read_as_they_are_with_a_warning(wrote, caplog):
    np.testing.assert_array_equal(tiff.read(wrote(photometric="miniswhite"), pixel_nm=100).counts, VALUES)
    assert "0 stands for white" in caplog.text


def _changed_tag(path, code, value):
    """Overwrite a 2-byte value in the first directory of a little-endian file."""
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.tags[code].offset + 8
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, place, value)
    path.write_bytes(content)
    return path


def test_a_compression_that_needs_another_package_says_so(wrote):
    path = _changed_tag(wrote(VALUES[0], metadata=None, **GREY), 259, 5)
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        with pytest.raises(
            ValueError, match="needs the package imagecodecs; install it, or save the file without"
        ):
            tiff.read(path, pixel_nm=100)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<OME><Image></OME>", "OME-XML is damaged"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><OME>&b;</OME>', "has a DOCTYPE"),
        ("<OME></OME>", r"holds 0 images \(no Pixels\)"),
        ('<OME><BinaryOnly MetadataFile="x.companion.ome"/></OME>', r"its OME-XML is in x\.companion\.ome"),
        ('<OME><Image><Pixels SizeT="x"/></Image></OME>', "has SizeT='x'"),
        ('<OME><Image><Pixels SizeT="-6"/></Image></OME>', "has SizeT='-6'"),
        ('<OME><Image><Pixels SizeC="99999999999999999999"/></Image></OME>', "has SizeC='9+'"),
    ],
)
def test_what_is_wrong_with_the_ome_xml_is_said(wrote, text, words):
    path = wrote(description=text, metadata=None, **GREY)
    with pytest.raises(ValueError, match=rf"a\.tif: .*{words}"):
        tiff.read(path, pixel_nm=100)


# Damage.


@pytest.mark.parametrize("shape", ["5", '"x"', "[2.5, 32, 40]", "[-6, 32, 40]", "[null, 32, 40]", "{}"])
def test_a_damaged_shape_in_the_description_is_refused(wrote, shape):
    path = wrote(VALUES[0], description=f'{{"shape": {shape}}}', metadata=None, **GREY)
    try:
        assert tiff.read(path, pixel_nm=100).sizes["time"] == 1
    except ValueError as error:
        assert "a.tif: the metadata speak of an impossible number of images" in str(error)  # noqa: PT017


def test_a_frame_of_absurd_size_is_refused_before_it_is_tried(wrote):
    path = wrote(VALUES[0], metadata=None, **GREY)
    with tifffile.TiffFile(path) as file:
        places = [file.pages.first.tags[code] for code in (256, 257, 278)]
    content = bytearray(path.read_bytes())
    for tag in places:
        struct.pack_into("<HHII", content, tag.offset, tag.code, 4, 1, 10**9)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"the file claims to hold 2e\+18 bytes in the .* that are stored"):
        tiff.read(path, pixel_nm=100)


@pytest.mark.parametrize("images", [10**9, 10**30, -1, 0])
def test_an_absurd_number_of_images_is_refused(wrote, images):
    text = f"ImageJ=1.11a\nimages={images}\nframes={images}\nunit=um"
    path = wrote(VALUES[0], description=text, metadata=None, **GREY)
    with pytest.raises(ValueError, match=r"claims to hold|impossible number of images|does not hold them"):
        tiff.read(path, pixel_nm=100)


def _chain(*offsets, size=400):
    """A file whose directories of one entry lie at some places, each followed by the next place."""
    content = bytearray(size)
    struct.pack_into("<2sHI", content, 0, b"II", 42, offsets[0])
    for place, following in zip(offsets, (*offsets[1:], None), strict=True):
        if following is not None:
            struct.pack_into("<HHHIII", content, place, 1, 256, 4, 1, 9, following)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_chain(8, 30, 8), "page 3 is an earlier one again"),
        (_chain(8, 8), "page 2 is an earlier one again"),
        (_chain(8, 100, 4000), "page 3 lies behind the end of the file; was it cut short"),
        (_chain(8, 100), "page 2 has a directory of 0 entries"),
        (_chain(8, 119, size=120), "the directory of page 2 is cut short"),
        (_chain(0), "it has no pages; was writing it interrupted"),
        (b"IIII", "it begins with b'IIII'"),
        (b"", "it begins with"),
    ],
)
def test_a_broken_chain_of_pages_is_left_at_once(tmp_path, content, words):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.tif: not a TIFF file, or a damaged one \(.*{words}"):
        tiff.read(tmp_path / "a.tif")


def test_directories_that_overlap_use_up_the_file_and_are_left(tmp_path):
    content = bytearray(400)
    struct.pack_into("<2sHIH", content, 0, b"II", 42, 8, 30)  # 30 entries, 360 bytes, and so has the next
    struct.pack_into("<H", content, 12, 30)
    struct.pack_into("<I", content, 8 + 2 + 360, 12)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(ValueError, match="page 2 has a directory of 30 entries, or an impossible one"):
        tiff.read(tmp_path / "a.tif")


def test_a_tag_that_holds_a_value_of_another_kind_is_damage(wrote):
    path = wrote(VALUES[0], tile=(16, 16), metadata=None, **GREY)
    with tifffile.TiffFile(path) as file:
        tag = file.pages.first.tags["TileWidth"]
    content = bytearray(path.read_bytes())
    struct.pack_into("<HHI", content, tag.offset, 322, 3, 2)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.tif: "):
        tiff.read(path, pixel_nm=100)


def test_pixels_that_were_never_written_are_not_zero(wrote):
    path = wrote(VALUES, metadata=None, compression="zlib", rowsperstrip=32, **GREY)
    with tifffile.TiffFile(path) as file:
        place = file.pages[3].tags[279].offset + 8
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, place, 0)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="there are no pixels where some should be"):
        tiff.read(path, pixel_nm=100)


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_are_read_or_refused_in_one_line_and_tifffile_says_nothing(wrote, seed, caplog, capfd):
    settings = (
        {"ome": True, "metadata": {"axes": "TYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}},
        {"imagej": True, "resolution": (10, 10), "metadata": {"axes": "TYX", "unit": "um"}},
        {"compression": "zlib", "tile": (16, 16), **GREY},
        {"bigtiff": True, "byteorder": ">", **GREY},
    )[seed]
    path = wrote(VALUES[:, :16, :16], **settings)
    whole, rng = path.read_bytes(), np.random.default_rng(seed)
    places = np.flatnonzero(np.frombuffer(whole, np.uint8))  # half of the damage where there is something
    for trial in range(75):
        content = np.frombuffer(whole, np.uint8).copy()
        at = rng.choice(places, 4) if trial % 2 else rng.integers(0, min(len(whole), 600), 4)
        content[at] = rng.integers(0, 256, 4)
        path.write_bytes(content.tobytes()[: len(whole) - (trial % 5 == 0) * rng.integers(1, len(whole))])
        try:
            found = tiff.read(path, pixel_nm=100)
        except ValueError as error:
            assert "\n" not in str(error)  # noqa: PT017
            assert len(str(error)) < 500 + len(str(path))  # noqa: PT017
        else:
            assert found.sizes["time"] > 0
    assert not [record for record in caplog.records if record.name == "tifffile"]
    assert capfd.readouterr().err == ""
