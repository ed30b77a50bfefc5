"""Everything that ``.smlm`` files of other programs do is understood."""

import base64
import hashlib
import io as streams
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from smlmsim import io
from smlmsim.io import Reading, smlm


def test_records_are_packed_little_endian_of_any_known_types(handmade):
    types = {
        "uint8": "u1",
        "uint16": "<u2",
        "uint32": "<u4",
        "float64": "<f8",
        "int": "<i4",
        "float32": "<f4",
    }
    headers = ["flag", "frame", "photons", "x", "y", "z"]
    record = np.dtype([(name, kind) for name, kind in zip(headers, types.values(), strict=True)])
    rows = np.array([(1, 300, 70_000, 1.5, -2, 0.25), (2, 301, 80_000, 2.5, -3, 0.5)], record)
    assert record.itemsize == 1 + 2 + 4 + 8 + 4 + 4
    form = {"headers": headers, "dtype": list(types), "shape": [1] * 6, "columns": 6, "units": []}
    found = io.read(handmade(form=form, content=rows.tobytes()))
    assert found.loc_frame.values.tolist() == [299, 300]  # counted from 1
    assert found.loc_intensity.values.tolist() == [70_000, 80_000]
    assert found.loc_x.values.tolist() == [1.5, 2.5]
    assert found.loc_y.values.tolist() == [-2, -3]
    assert found.loc_z.values.tolist() == [0.25, 0.5]


def test_a_column_starts_after_the_shapes_of_those_before_it(handmade):
    record = np.dtype([("m", "<u2", (2, 3)), ("x", "<f4"), ("v", "u1", (5,)), ("y", "<f4"), ("frame", "<u4")])
    rows = np.zeros(2, record)
    rows["x"], rows["y"], rows["frame"], rows["v"] = [1, 2], [3, 4], [5, 6], 255
    form = {
        "headers": ["moments", "x", "codes", "y", "frame"], "columns": 5, "units": {},
        "dtype": ["uint16", "float32", "uint8", "float32", "uint32"], "shape": [[2, 3], 1, 5, [1], 1],
    }  # fmt: skip
    found = io.read(handmade(form=form, content=rows.tobytes()))
    assert found.loc_x.values.tolist() == [1, 2]
    assert found.loc_y.values.tolist() == [3, 4]
    assert found.loc_frame.values.tolist() == [4, 5]


@pytest.mark.parametrize("units", [["1", "nm", "nm"], [], {}, None, ["", None, "nm"], {"x": "nm"}])
def test_units_may_be_a_list_or_a_mapping_or_missing(handmade, units):
    assert io.read(handmade(form={"units": units})).loc_y.values.tolist() == [2, 5]


@pytest.mark.parametrize("units", [["1", "um", "um"], {"x": "um", "y": "um"}, ["1", "pixel", "px"]])
def test_lengths_are_converted_to_nm(handmade, units):
    found = io.read(handmade(form={"units": units}), Reading(camera_pixel_nm=1000))
    assert found.loc_y.values.tolist() == [2000, 5000]


@pytest.mark.parametrize("version", ["0.2", 1, "1", 0.2])
def test_older_versions_are_read(handmade, version):
    assert io.read(handmade(format_version=version)).sizes["localization"] == 2


def test_rows_that_are_not_announced_are_counted(handmade):
    assert io.read(handmade(entry={"rows": None})).sizes["localization"] == 2


def test_localizations_come_sorted_by_frame(handmade):
    records = np.array([[7, 1, 0], [3, 2, 0], [7, 3, 0], [3, 4, 0]], "<f4").tobytes()
    assert io.read(handmade(entry={"rows": 4}, content=records)).loc_x.values.tolist() == [2, 4, 1, 3]


def test_a_table_without_frames_is_read(handmade):
    form = {"headers": ["x", "y"], "dtype": ["float32"] * 2, "shape": [1, 1], "columns": 2, "units": []}
    found = io.read(handmade(form=form, entry={"rows": 3}))
    assert set(found) == {"loc_y", "loc_x"}
    assert found.loc_x.values.tolist() == [0, 2, 4]


def _two(**second):
    """Two tables of the same format."""
    names = ("a.bin", "b.bin")
    entries = [
        {"name": name, "type": "table", "format": "f", "channel": "default", "rows": 2, "offset": {}}
        for name in names
    ]
    one, two = np.array([[0, 1, 2], [3, 4, 5]], "<f4"), np.array([[0, 10, 20], [1, 40, 50]], "<f4")
    files = dict(zip(names, (one.tobytes(), two.tobytes()), strict=True))
    return {"files": files, "entries": [entries[0], entries[1] | second]}


def test_colours_that_are_all_called_default_are_told_apart_by_their_files(handmade):
    found = io.read(handmade(**_two()))
    assert found.attrs["channels"] == ["a", "b"]
    assert found.loc_x.values.tolist() == [1, 10, 40, 4]
    assert found.loc_channel.values.tolist() == [0, 1, 1, 0]


def test_tiles_are_put_beside_each_other_by_their_offsets(handmade):
    tiles = _two(offset={"x": 1000, "frame": 2, "unknown": 3}, channel="DAPI")
    tiles["entries"][0]["channel"] = "DAPI"
    found = io.read(handmade(**tiles))
    assert found.loc_x.values.tolist() == [1, 1010, 4, 1040]
    assert found.loc_frame.values.tolist() == [0, 2, 3, 3]
    assert found.attrs["channels"] == ["DAPI"]
    assert "loc_channel" not in found


def test_an_offset_may_be_a_list_in_the_order_of_the_columns(handmade):
    assert io.read(handmade(entry={"offset": [0, 5, 0.5]})).loc_x.values.tolist() == [6, 9]
    assert io.read(handmade(entry={"offset": []})).loc_x.values.tolist() == [1, 4]
    assert io.read(handmade(entry={"offset": None})).loc_x.values.tolist() == [1, 4]


def test_only_what_all_tables_have_is_joined(handmade):
    tables = _two(format="g")
    tables["files"]["b.bin"] = np.array([[0, 1, 2, 9], [3, 4, 5, 9]], "<f4").tobytes()
    forms = {
        key: {"type": "table", "mode": "binary", "headers": headers, "columns": len(headers)}
        | {"dtype": ["float32"] * len(headers), "shape": [1] * len(headers)}
        for key, headers in {"f": ["frame", "x", "y"], "g": ["frame", "x", "y", "z"]}.items()
    }
    found = io.read(handmade(**tables, formats=forms))
    assert set(found) == {"loc_frame", "loc_y", "loc_x", "loc_channel"}


def test_a_text_table_is_read_with_its_comments_and_its_own_header(handmade):
    text = b'# made by hand\n"frame";"x [px]";"y";"uncertainty_xy"\n1;10;20;5\n# half way\n2;30;40;6\n'
    form = {
        "mode": "text", "extension": ".txt", "headers": [], "columns": None, "dtype": "float32", "shape": 1,
        "delimiter": ";", "comments": "#", "header_row": 1, "header_transform": {"x [px]": "x"}, "units": {"x": "px"},
    }  # fmt: skip
    found = io.read(handmade(form=form, content=text), Reading(camera_pixel_nm=100))
    assert found.loc_x.values.tolist() == [1000, 3000]
    assert found.loc_uncertainty.values.tolist() == [5, 6]


def test_a_text_table_without_a_header_takes_its_columns_from_the_manifest(handmade):
    form = {"mode": "text", "header_row": -1, "delimiter": "\t", "comments": "", "header_transform": ""}
    found = io.read(handmade(form=form, content=b"1\t10\t20\n2\t30\t40\n"))
    assert found.loc_y.values.tolist() == [20, 40]


def test_images_are_read_raw_and_as_pictures(handmade):
    pixels = np.arange(12, dtype="<u2").reshape(3, 4)
    picture = streams.BytesIO()
    Image.fromarray(np.full((5, 6, 3), 200, np.uint8)).save(picture, "png")
    forms = {
        "raw": {"type": "image", "mode": "binary", "extension": ".raw", "dtype": "uint16", "shape": [3, 4]}
    }
    entries = [
        {"name": "wf/cell.raw", "type": "image", "format": "raw", "channel": "wf"},
        {"name": "view.png", "type": "image", "format": "png"},
        {"name": "notes.pdf", "type": "document", "format": "pdf"},
    ]
    manifest = {"format_version": "0.2", "formats": forms, "files": entries}
    files = {"wf/cell.raw": pixels.tobytes(), "view.png": picture.getvalue()}
    found = smlm.read_images(handmade(files=files | {"manifest.json": json.dumps(manifest)}))
    np.testing.assert_array_equal(found["cell"], pixels)
    assert found["view"].shape == (5, 6, 3)
    assert (found["view"] == 200).all()


def test_tags_and_keys_become_metadata_and_unknown_ones_are_kept(handmade):
    path = handmade(
        name="Tubulin", author="A. Nonymous", citeAs="doi:10.1/2", email="a@b.c", license="CC-BY-4.0",
        thumbnail="data:image/png;base64," + base64.b64encode(b"picture").decode(), labeling="antibodies",
        tags=["Modality: dSTORM", "cell line:U2OS", "dye:Alexa 647", "fluorophore:Cy3", "drift corrected", "colour:"],
        entry={"exposure": -1, "metadata": {"exposure_s": 0.02, "gain": 3}, "pixel_size": 108, "tags": ["left"]},
    )  # fmt: skip
    attrs = io.read(path).attrs
    assert (attrs["name"], attrs["author"], attrs["license"]) == ("Tubulin", "A. Nonymous", "CC-BY-4.0")
    assert (attrs["modality"], attrs["cell_line"], attrs["fluorophore"]) == ("dSTORM", "U2OS", "Alexa 647")
    assert (attrs["labelling"], attrs["exposure_s"]) == ("antibodies", 0.02)
    assert attrs["tags"] == ["fluorophore:Cy3", "drift corrected", "colour:"]
    smlm.write(io.read(path), path.with_name("again.smlm"))
    assert io.read(path.with_name("again.smlm")).attrs == attrs
    with zipfile.ZipFile(path.with_name("again.smlm")) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["citeAs"] == "doi:10.1/2"
    assert manifest["thumbnail"].startswith("data:image/png")
    assert manifest["files"][0]["metadata"] == {
        "gain": 3, "exposure_s": 0.02, "camera_pixel_nm": 108, "first_frame": 0,
    }  # fmt: skip
    assert (manifest["files"][0]["pixel_size"], manifest["files"][0]["tags"]) == (108, ["left"])


@pytest.mark.parametrize("odd", [{"tags": "one, two"}, {"name": {"en": "a"}}, {"tags": [1]}, {"tags": None}])
def test_odd_keys_stay_as_they_are(handmade, odd):
    smlm.write(io.read(handmade(**odd)), path := handmade(**odd).with_name("again.smlm"))
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert odd.items() <= manifest.items() or manifest["tags"] == []


def test_a_hash_is_that_of_the_frames_and_positions(handmade):
    frame, x, y = np.array([[0, 3], [1, 4], [2, 5]], "<f4")
    right = hashlib.md5(frame.tobytes() + x.tobytes() + y.tobytes()).hexdigest()
    for said, same in ((right, True), (right.upper(), True), ("0" * 32, False)):
        assert smlm.hashes(handmade(entry={"hash": said})) == {"table.bin": same}
    assert smlm.hashes(handmade()) == {}


@pytest.mark.parametrize(
    "headers",
    [["frame", "position_x", "position_y"], ["Frame Number", "X", "Y"], ["image_number", "x_nm", "y_nm"]],
)
def test_the_columns_of_other_programs_are_understood(handmade, headers):
    found = io.read(handmade(form={"headers": headers, "units": []}))
    assert found.loc_y.values.tolist() == [2, 5]
    assert found.loc_frame.values.tolist() == [0, 3]


@pytest.mark.parametrize(("first", "given", "wanted"), [(0, None, 0), (1, None, 1), (1, 0, 0), (5, 5, 5)])
def test_frames_are_counted_from_1_unless_there_is_a_frame_0_or_something_else_is_given(
    handmade, first, given, wanted
):
    content = np.array([[first, 1, 2], [first + 3, 4, 5]], "<f4").tobytes()
    found = io.read(handmade(content=content), Reading(first_frame=given))
    assert found.loc_frame.values.tolist() == [first - wanted, first - wanted + 3]
    assert found.attrs["first_frame"] == wanted
    smlm.write(found, path := handmade().with_name("again.smlm"))
    assert io.read(path).identical(found)


def test_a_missing_value_that_is_not_needed_is_nan_and_a_row_without_a_position_can_be_left_out(
    handmade, caplog
):
    caplog.set_level("INFO", "smlmsim")
    records = np.array([[1, 1, 2, np.nan], [2, 3, 4, -5], [3, np.inf, 6, 7], [4, 7, 8, 9]], "<f4")
    form = {
        "headers": ["frame", "x", "y", "uncertainty"], "columns": 4, "dtype": ["float32"] * 4, "shape": [1] * 4,
        "units": [],
    }  # fmt: skip
    path = handmade(form=form, entry={"rows": 4}, content=records.tobytes())
    with pytest.raises(
        ValueError, match=r"1 row without .* in row 2 of 'table.bin': found inf .*drop_bad_rows=True"
    ):
        io.read(path)
    found = io.read(path, Reading(drop_bad_rows=True))
    np.testing.assert_array_equal(found.loc_uncertainty, np.array([np.nan, np.nan, 9], "f4"))
    assert "1 row left out, the first in row 2" in caplog.messages[-1]
    assert "2 values of 'uncertainty' kept as NaN, the first in row 0" in caplog.messages[-1]
    smlm.write(found, again := path.with_name("again.smlm"))
    assert io.read(again).identical(found)
    with zipfile.ZipFile(again) as archive:
        json.loads(archive.read("manifest.json"), parse_constant=pytest.fail)


def test_an_odd_unit_and_a_second_column_are_no_reason_to_refuse(handmade):
    headers = ["frame", "x", "y", "intensity", "Position X", "moments"]
    record = np.dtype([(name, "<f4", (3,) if name == "moments" else ()) for name in headers])
    rows = np.zeros(2, record)
    rows["x"], rows["y"], rows["intensity"], rows["frame"] = [1, 2], [3, 4], [5, 6], [1, 2]
    form = {
        "headers": headers, "columns": 6, "dtype": ["float32"] * 6, "shape": [1, 1, 1, 1, 1, 3],
        "units": ["", "nm", "nm", "ADU", "px", ""],
    }  # fmt: skip
    found = io.read(handmade(form=form, content=rows.tobytes()), others=True)
    assert found.loc_x.values.tolist() == [1, 2]
    assert found.other_intensity.values.tolist() == [5, 6]
    assert found.other_intensity.attrs["units"] == "ADU"
    assert "loc_intensity" not in found


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"exposure": 0.02, "pixel_size": 108}, {"exposure_s": 0.02, "camera_pixel_nm": 108.0}),
        ({"exposure": -1, "pixel_size": -1}, {}),
        ({"exposure": 30, "pixel_size": 0.1}, {}),  # ms and um, perhaps
        ({"exposure": "20 ms", "pixel_size": None}, {}),
        ({"exposure": 0.02, "metadata": {"exposure_s": 0.05}}, {"exposure_s": 0.05}),
    ],
)
def test_what_an_entry_says_of_the_camera_is_taken_where_its_unit_is_beyond_doubt(handmade, entry, wanted):
    attrs = io.read(handmade(entry=entry)).attrs
    assert {name: attrs[name] for name in ("exposure_s", "camera_pixel_nm") if name in attrs} == wanted


def test_coordinates_without_a_unit_are_in_the_pixels_that_are_given(handmade):
    found = io.read(handmade(form={"units": []}), Reading(camera_pixel_nm=100))
    assert found.loc_y.values.tolist() == [200, 500]
    assert io.read(handmade(), Reading(camera_pixel_nm=100)).loc_y.values.tolist() == [2, 5]


def test_an_excel_workbook_is_refused_in_words(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(ValueError, match="this is an Excel workbook; save it as CSV"):
        io.read(tmp_path / "a.xlsx")


def _columns(*headers, shape=None, mode="binary"):
    return {
        "headers": list(headers), "columns": len(headers), "dtype": ["float32"] * len(headers), "mode": mode,
        "shape": shape or [1] * len(headers), "units": ["" if name == "frame" else "nm" for name in headers],
        "type": "table", "extension": ".bin", "delimiter": ",", "header_row": -1,
    }  # fmt: skip


def _left_out(path, tmp_path, caplog):
    with caplog.at_level("INFO", "smlmsim"):
        found = io.convert(path, tmp_path / "a.csv")
    assert all(f"{name!r}" in caplog.text for name in found.lost)
    assert "left_out" not in found.data.attrs
    return found.lost


def test_columns_that_some_of_the_tables_lack_are_said_to_be_left_out(tmp_path, caplog):
    formats = {"f": _columns("frame", "x", "y", "z", "chi"), "g": _columns("frame", "x", "y", "chi", "psi")}
    manifest = {
        "format_version": "0.2", "formats": formats,
        "files": [{"name": f"{name}.bin", "type": "table", "format": name, "channel": name} for name in formats],
    }  # fmt: skip
    path = tmp_path / "two.smlm"
    with zipfile.ZipFile(path, "w") as archive:
        for name in formats:
            archive.writestr(f"{name}.bin", np.arange(1, 11, dtype="<f4").tobytes())
        archive.writestr("manifest.json", json.dumps(manifest))
    assert _left_out(path, tmp_path, caplog) == ("z", "psi")
    assert "chi" in (tmp_path / "a.csv").read_text()
    caplog.clear()
    with caplog.at_level("INFO", "smlmsim"):
        assert "loc_z" not in io.read(path)
    assert "columns that not all of the tables have are left out: 'z'" in caplog.text
    assert "psi" not in caplog.text


def test_unknown_columns_of_a_text_table_are_said_to_be_left_out(handmade, tmp_path, caplog):
    path = handmade(
        form=_columns("id", "frame", "x", "y", "chi2", mode="text"), content=b"1,1,2,3,4\n2,2,3,4,5\n"
    )
    assert _left_out(path, tmp_path, caplog) == ("chi2",)


def test_columns_of_several_values_a_row_are_said_to_be_left_out(handmade, tmp_path, caplog):
    path = handmade(
        form=_columns("frame", "x", "y", "fit", shape=[1, 1, 1, [2]]),
        content=np.arange(1, 11, dtype="<f4").tobytes(),
    )
    assert _left_out(path, tmp_path, caplog) == ("fit",)
