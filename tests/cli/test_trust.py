"""The command that says how far a movie can be trusted."""

import json

import pytest

import smlmsim
from smlmsim import io


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    study = smlmsim.SimulatedDynamic(
        field=smlmsim.FieldOfView(height_nm=640, width_nm=800),
        acquisition=smlmsim.Acquisition(time_points=3),
        photophysics=smlmsim.Poisson(rate_hz=60),
    )
    path = tmp_path_factory.mktemp("trust") / "cell.csv"
    io.write(smlmsim.simulate(study, 0).observation, path)
    return path


def test_the_page_is_written_and_its_verdict_said(run, table, tmp_path):
    out = tmp_path / "out"
    code, said = run("trust", table, "--with", "gaussian_time", "--velocity-nm-per-s", 0, "--out", out)
    assert code == 0
    assert "at the stated velocity, 0 nm/s" in (out / "index.html").read_text()
    made = json.loads((out / "summary.json").read_text())
    assert made["verdict"] in said
    assert made["found"]["chosen"] == "gaussian_time"
    assert made["found"]["asked"] is True
    assert made["verdict"] in (out / "index.html").read_text()


def test_the_same_table_gives_the_same_bytes(run, table, tmp_path):
    for name in "ab":
        assert run("trust", table, "--with", "gaussian_time", "--out", tmp_path / name)[0] == 0
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--with", "nope"], "no reconstructor 'nope'"),
        (["--weights", "w.safetensors"], "say of which, as in --with annapalm2d"),
        (["--uncertainty", 1], "give --uncertainty 8, or 0 for none"),
        (["--map", "nowhere.nc"], "there is no map nowhere.nc"),
        (["--widefield", "nowhere.tif"], "nowhere.tif"),
        (["--pixel-nm", 5000], "which is no image"),
        (["--velocity-nm-per-s", -1], "--velocity-nm-per-s -1 is negative"),
    ],
)
def test_what_cannot_be_examined_is_refused_in_one_line_and_nothing_is_written(
    run, table, tmp_path, given, said
):
    code, found = run("trust", table, "--out", tmp_path / "out", *given)
    assert code == 1
    assert said in found
    assert sum(line.startswith("error: ") for line in found.splitlines()) == 1
    assert not (tmp_path / "out").exists()
