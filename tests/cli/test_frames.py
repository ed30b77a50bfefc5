"""The command `frames` simulates camera frames with the molecules that are in them."""

import numpy as np
import pytest
import tifffile
import zarr
from typer.testing import CliRunner

import smlmsim
from smlmsim import Reading, SimulatedDynamic
from smlmsim.cli.app import app
from smlmsim.frames import Imaging
from smlmsim.rng import stream

STUDY = """
[field]
width_nm = 1500
[acquisition]
time_points = 3
[photophysics]
on_time_s = 0.05
photons = 800
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "study.toml"
    path.write_text(STUDY)
    return path


def frames(*arguments):
    return CliRunner().invoke(app, ["frames", *map(str, arguments)])


def test_frames_and_molecules_are_those_of_the_study(study, tmp_path, caplog):
    with caplog.at_level("INFO"):
        result = frames(study, "--out", tmp_path / "out", "--seed", 3)
    assert result.exit_code == 0, result.output
    assert "150 frames of 26 x 15 pixels" in result.output
    assert "they are of a sCMOS camera with pixels of 100 nm" in caplog.text
    chosen = smlmsim.read_study(study)
    events = chosen.events(chosen.moving(3), 3, Imaging())
    y_nm, x_nm = events.event_y.values, events.event_x.values
    seen = int(((y_nm >= -20) & (y_nm < 2580) & (x_nm >= 0) & (x_nm < 1500)).sum())  # 26 pixels for 2560 nm
    assert f"with {seen} spots in" in result.output
    assert 0 < seen < events.sizes["event"]
    wanted = Imaging().take(events, chosen.field, chosen.acquisition, stream(3, "localization"))
    levels = tifffile.imread(tmp_path / "out" / "frames.ome.tif")
    np.testing.assert_array_equal(levels, wanted.frames.values)
    table = smlmsim.read(tmp_path / "out" / "molecules.csv", Reading(exposure_s=0.03), others=True)
    np.testing.assert_array_equal(table.loc_frame.values, events.event_frame.values)
    np.testing.assert_allclose(table.loc_intensity.values, events.event_photons.values, rtol=1e-5)
    np.testing.assert_allclose(table.other_on_fraction.values, events.event_on_fraction.values, rtol=1e-5)
    assert smlmsim.read(tmp_path / "out" / "truth.tif").sizes["time"] == 3
    assert smlmsim.read_study(tmp_path / "out" / "study.toml") == chosen
    assert (tmp_path / "out" / "frames.png").exists()


def test_frames_are_written_as_ome_zarr_on_request(study, tmp_path):
    result = frames(study, "--out", tmp_path / "out", "--format", "zarr")
    assert result.exit_code == 0, result.output
    assert zarr.open_group(tmp_path / "out" / "frames.zarr", mode="r")["0"].shape == (150, 26, 15)


def test_a_field_of_a_single_pixel_has_frames_without_a_picture(tmp_path):
    (tmp_path / "study.toml").write_text(
        "[field]\nheight_nm = 60\nwidth_nm = 60\n[acquisition]\ntime_points = 1\n"
    )
    result = frames(tmp_path / "study.toml", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert tifffile.imread(tmp_path / "out" / "frames.ome.tif").shape == (50, 1, 1)
    assert not (tmp_path / "out" / "frames.png").exists()


def test_photons_without_frames_are_said_to_change_nothing(study, caplog):
    chosen = smlmsim.read_study(study)
    with caplog.at_level("INFO"):
        chosen.events(chosen.moving(0), 0)
    assert caplog.messages == ["no camera frames are made, so photons=800 changes nothing"]


def test_a_measured_table_has_no_frames(tmp_path):
    (tmp_path / "study.toml").write_text('kind = "experimental"\ntable = "table.csv"\n')
    result = frames(tmp_path / "study.toml", "--out", tmp_path / "out")
    assert "is of a measured table, of which no frames can be simulated" in str(result.exception)


def test_of_two_colours_the_frames_of_the_first_are_written(tmp_path, caplog):
    tree = 'kind = "two_colours"\n' + STUDY.replace("width_nm = 1500", "width_nm = 400\nheight_nm = 400")
    (tmp_path / "two.toml").write_text(tree)
    with caplog.at_level("INFO"):
        result = frames(tmp_path / "two.toml", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "the frames are of the first label" in caplog.text


def test_the_structure_out_of_focus_follows_the_structure():
    study = SimulatedDynamic(acquisition=smlmsim.Acquisition(time_points=3))
    imaging = Imaging(background_photons=0.0, out_of_focus_photons=5.0, out_of_focus_nm=300.0)
    moving = study.moving(0)
    events = study.events(moving, 0, imaging)
    nobody = events.isel(event=slice(0))
    light = imaging.expected(nobody, study.field, study.acquisition)
    assert light.mean() == pytest.approx(5, rel=0.02)
    view = imaging.view(study.field)
    truth = study.density.replace({"sigma_nm": 300.0}).render(
        moving.isel(time=study.acquisition.middle_steps), view
    )
    middle = light[study.acquisition.frames_per_point // 2 :: study.acquisition.frames_per_point]
    assert np.corrcoef(middle.ravel(), truth.density.values.ravel())[0, 1] > 0.999


def test_simulated_frames_become_a_movie_like_the_truth(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "[field]\nwidth_nm = 1600\nheight_nm = 1600\n[acquisition]\ntime_points = 4\n[photophysics]\nrate_hz = 100\n"
    (tmp_path / "study.toml").write_text(text)
    for words in (
        "frames study.toml --out frames --seed 3",
        "localize frames/frames.ome.tif --with phasor --out table.csv",
        "reconstruct table.csv --with gaussian_time --crop-nm 0,1600,0,1600 --out movie",
    ):
        code, said = run(*words.split())
        assert code == 0, said
    found, truth = (smlmsim.read(tmp_path / name) for name in ("movie/gaussian_time.tif", "frames/truth.tif"))
    (values,) = found.data_vars.values()
    (wanted,) = truth.data_vars.values()
    assert abs(np.subtract(values.shape, wanted.shape)).max() <= 2
    values, wanted = values.interp(y=wanted.y[5:-5], x=wanted.x[5:-5]), wanted[:, 5:-5, 5:-5]
    likeness = np.corrcoef(values.values.ravel(), wanted.values.ravel())[0, 1]
    turned = np.corrcoef(values.values[:, ::-1].ravel(), wanted.values.ravel())[0, 1]
    assert likeness > 0.4
    assert likeness > turned + 0.2
