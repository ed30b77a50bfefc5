"""Files go from format to format on the command line, and ``info`` says what they hold."""

import sys

import numpy as np
import pytest

from smlmsim import cli, io, schema
from smlmsim.io import smlm


@pytest.fixture
def smlmsim(monkeypatch, capsys):
    """A function that runs the command line and gives what it prints."""

    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["smlmsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        found = capsys.readouterr()
        assert (ended.value.code or 0) == code, found.err
        return found.err if code else found.out

    return run


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    found = schema.dataset(
        {"modality": "PALM", "tags": ["a", "b"]},
        loc_frame=np.repeat(np.arange(100, dtype=np.int32), 8)[:500],
        loc_y=np.linspace(0, 2560, 500, dtype="f4"),
        loc_x=np.linspace(0, 5120, 500, dtype="f4"),
        loc_uncertainty=np.exp(rng.normal(np.log(15), 0.2, 500)).astype("f4"),
    )
    io.write(found, tmp_path / "table.smlm")
    return tmp_path / "table.smlm"


def test_a_table_goes_through_every_format_and_back(smlmsim, table, tmp_path):
    wanted, last = io.read(table), table
    for suffix in (".csv", ".smlm"):
        said = smlmsim("convert", last, last := tmp_path / f"next{suffix}")
        assert said == f"500 localizations in {last}\n"
    assert io.read(last).identical(wanted)


def test_a_movie_is_converted_and_described(smlmsim, tmp_path):
    axes = {"time": [0.5, 1.5, 2.5], "y": [10.0, 30.0], "x": [10.0, 30.0]}
    movie = schema.dataset(
        {"camera": "sCMOS"}, counts=np.arange(12, dtype=np.uint16).reshape(3, 2, 2), **axes
    )
    io.write(movie, tmp_path / "a.tif")
    assert smlmsim("convert", tmp_path / "a.tif", tmp_path / "a.ome.zarr").startswith(
        "3 images of 2 x 2 pixels"
    )
    assert io.read(tmp_path / "a.ome.zarr").identical(movie)
    found = smlmsim("info", tmp_path / "a.ome.zarr")
    for words in (
        "OME-Zarr",
        "counts, uint16, from 0 to 11",
        "3 images of 2 x 2",
        "1 s, the first at 0.5",
        "sCMOS",
    ):
        assert words in found


def test_info_tells_count_frames_field_rate_precision_and_tags(smlmsim, table):
    lines = dict(line.split("  ", 1) for line in smlmsim("info", table, "--exposure-s", 0.02).splitlines())
    found = {name: text.strip() for name, text in lines.items()}
    assert found["format"] == ".smlm"
    assert found["localizations"] == "500"
    assert found["frames"] == "63 frames, 1 to 63, counted from 1"
    assert found["field y"] == "0.0 to 2560.0 nm"
    assert found["field x"] == "0.0 to 5120.0 nm"
    assert found["rate"] == "396.8 ± 18 Hz"  # 500 in 63 frames of 20 ms
    assert found["rate in a field"] == "198.4 ± 8.9 Hz per 2.56 x 2.56 um"
    assert found["rate over time"].startswith("400 400 400")
    assert found["rate over time"].endswith("each over 0.126 s")
    assert 14.5 < float(found["precision"].split()[1]) < 15.5  # 15 nm, to 5 sigma of 0.25 * 15 / sqrt(500)
    assert found["modality"] == "PALM"
    assert found["tags"] == "a, b"


def test_info_without_an_exposure_counts_per_frame(smlmsim, table):
    found = smlmsim("info", table)
    assert "7.937 ± 0.35 per frame" in found
    assert "unknown; --exposure-s gives rates per second" in found


def test_what_is_wrong_is_said_in_one_line(smlmsim, table, tmp_path):
    (tmp_path / "px.csv").write_text("frame,x [px],y [px]\n1,2,3\n")
    assert "--camera-pixel-nm 100" in smlmsim("convert", tmp_path / "px.csv", tmp_path / "b.smlm", code=1)
    smlmsim("convert", tmp_path / "px.csv", tmp_path / "b.smlm", "--camera-pixel-nm", 100)
    assert io.read(tmp_path / "b.smlm").loc_x.item() == 200
    assert "known are .csv" in smlmsim("convert", table, tmp_path / "b.xyz", code=1)
    assert "No such file" in smlmsim("info", tmp_path / "nope", code=1)
    assert "`smlmsim reconstruct TABLE --out DIR` makes images of it" in smlmsim(
        "convert", table, tmp_path / "b.tif", code=1
    )


def test_columns_that_nobody_knows_go_through_every_format_and_back(smlmsim, tmp_path):
    (tmp_path / "0.csv").write_text(
        '"id","frame","x [nm]","y [nm]","chi2","drift [um]","note"\n1,1,2,3,0.5,1.25,a\n2,2,4,5,,2.5,b\n'
    )
    last = tmp_path / "0.csv"
    for step, suffix in enumerate((".smlm", ".csv", ".hdf5", ".smlm")):
        found = smlmsim("convert", last, last := tmp_path / f"{step + 1}{suffix}")
        assert found.splitlines()[0] == f"2 localizations in {last}"
        assert ("left out" in found) == (step == 0)
        assert "left out, because the format cannot store it: note" in found or step > 0
    kept = io.read(last, others=True)
    np.testing.assert_array_equal(kept.other_chi2, [0.5, np.nan])
    np.testing.assert_array_equal(kept.other_drift, [1.25, 2.5])
    assert '"drift [um]"' in (tmp_path / "2.csv").read_text()
    assert "other_chi2" not in io.read(last)


def test_images_stay_in_smlm_and_are_named_where_they_have_no_place(smlmsim, table, tmp_path):
    image = np.arange(12, dtype=np.uint16).reshape(3, 4)
    smlm.write(io.read(table), tmp_path / "a.smlm", images={"widefield": image})
    assert smlmsim("convert", tmp_path / "a.smlm", tmp_path / "b.smlm").count("\n") == 1
    np.testing.assert_array_equal(smlm.read_images(tmp_path / "b.smlm")["widefield"], image)
    assert smlm.read_attachments(tmp_path / "b.smlm") == smlm.read_attachments(tmp_path / "a.smlm")
    found = smlmsim("convert", tmp_path / "b.smlm", tmp_path / "c.csv").splitlines()
    assert found[1:] == ["left out, because the format cannot store it: widefield.raw"]
