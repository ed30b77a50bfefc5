"""The command line finds an experiment on a map."""

import re

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from smlmsim import io
from smlmsim.acquisition import Acquisition
from smlmsim.cli.app import app
from smlmsim.estimate.location import RATE, VELOCITY
from smlmsim.field import FieldOfView
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.widefield import Widefield, as_movie
from smlmsim.windows import WINDOW


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A folder with a table, a widefield movie of the same, and a map on which all is 0.9 up to 300 nm/s."""
    folder = tmp_path_factory.mktemp("experiment")
    study = SimulatedDynamic(
        field=FieldOfView(height_nm=3000, width_nm=3000),
        acquisition=Acquisition(time_points=20),
        widefield=Widefield(frames_between=10),
    )
    movie = simulate(study, 0)
    io.write(movie.observation, folder / "table.csv")
    io.write(as_movie(movie.observation), folder / "widefield.tif")
    coords = {VELOCITY: [0.0, 300.0], RATE: [10.0, 5000.0], "reconstructor": ["one"]}
    scores = xr.DataArray(np.full((2, 2, 1, 1), 0.9), coords, (VELOCITY, RATE, "seed", "reconstructor"))
    scores.to_dataset(name="ms_ssim").to_netcdf(folder / "scores.nc", engine="h5netcdf")
    return folder


def _run(*arguments):
    return CliRunner().invoke(app, ["--quiet", "locate-on-map", *map(str, arguments)])


def test_rate_and_velocity_place_an_experiment_and_a_picture_shows_where(experiment, tmp_path):
    picture = tmp_path / "located.png"
    movie = ("--widefield", experiment / "widefield.tif")
    found = _run(experiment / "table.csv", "--map", experiment / "scores.nc", *movie, "--out", picture)
    assert found.exit_code == 0, found.output
    for word in (
        "rate: ",
        "velocity: ",
        "nm/s over 1.5 s",
        "good enough: one (0.90 to 0.90)",
        "one 300 nm/s (the end of the map)",
    ):
        assert word in found.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_without_a_widefield_movie_the_velocity_is_that_of_the_localizations(experiment, tmp_path):
    found = _run(
        experiment / "table.csv", "--map", experiment / "scores.nc", "--out", tmp_path / "located.png"
    )
    assert found.exit_code == 0, found.output
    assert "velocity from the localizations: " in found.output
    assert "no velocity was measured" not in found.output


def test_one_widefield_image_every_fifty_frames_tells_the_velocity(experiment, tmp_path):
    movie = io.read(experiment / "widefield.tif").counts
    io.write(movie.isel(time=slice(4, None, 5)), tmp_path / "rare.tif")
    arguments = ("--map", experiment / "scores.nc", "--out", tmp_path / "located.png", "--widefield")
    velocities = {}
    for path in (experiment / "widefield.tif", tmp_path / "rare.tif"):
        found = _run(experiment / "table.csv", *arguments, path)
        assert found.exit_code == 0, found.output
        velocities[path.name] = float(re.search(r"velocity: ([\d.]+) .* nm/s over 1\.5 s", found.output)[1])
    assert velocities["rare.tif"] == pytest.approx(velocities["widefield.tif"], rel=0.3)


def test_localizations_that_tell_no_velocity_leave_all_velocities_of_the_map(experiment, tmp_path, caplog):
    table, picture = tmp_path / "few.csv", tmp_path / "located.pdf"
    rows = (experiment / "table.csv").read_text().splitlines()
    table.write_text("\n".join([rows[0], *rows[1::40]]) + "\n")
    with caplog.at_level("INFO", "smlmsim"):
        arguments = (
            "locate-on-map",
            table,
            "--map",
            experiment / "scores.nc",
            "--threshold",
            0.95,
            "--out",
            picture,
        )
        found = CliRunner().invoke(app, list(map(str, arguments)))
    assert found.exit_code == 0, found.output
    assert "no velocity from the localizations: the " in caplog.text
    assert "as no velocity was measured" in found.output
    assert "not good enough: one" in found.output
    assert picture.exists()


def test_a_picture_on_which_the_experiment_is_not_is_not_said_to_show_it(experiment, tmp_path):
    scores = xr.load_dataset(experiment / "scores.nc", engine="h5netcdf")
    scores.assign_coords({RATE: [1e4, 1e5]}).to_netcdf(tmp_path / "far.nc", engine="h5netcdf")
    found = _run(
        experiment / "table.csv", "--map", tmp_path / "far.nc", "--out", tmp_path / "located.png"
    ).output
    assert "the rate is beyond the map, 10000 to 100000 Hz: its nearest edge is used" in found
    assert "located.png shows which way beyond the map the experiment lies" in found


def test_a_widefield_movie_of_a_part_of_the_field_or_the_time_is_said_to_be_one(experiment, tmp_path, caplog):
    whole = io.read(experiment / "widefield.tif").counts
    half = whole.isel(x=slice(0, whole.sizes["x"] // 2), time=slice(0, 8 * whole.sizes["time"] // 10))
    io.write(half, tmp_path / "half.tif")
    arguments = ("--map", experiment / "scores.nc", "--out", tmp_path / "located.png", "--widefield")
    with caplog.at_level("INFO", "smlmsim"):
        for path, said in ((experiment / "widefield.tif", False), (tmp_path / "half.tif", True)):
            found = CliRunner().invoke(
                app, list(map(str, ("locate-on-map", experiment / "table.csv", *arguments, path)))
            )
            assert found.exit_code == 0, found.output
            assert ("the velocity is that of a part of the field" in caplog.text) == said
            assert ("the velocity is that of a part of the time" in caplog.text) == said
            caplog.clear()


@pytest.mark.parametrize("suffix", [".smlm", ".hdf5"])
def test_a_table_of_any_format_is_located_alike(experiment, tmp_path, suffix):
    io.write(io.read(experiment / "table.csv"), tmp_path / f"table{suffix}")
    outputs = [
        _run(path, "--map", experiment / "scores.nc", "--out", tmp_path / "located.png").output
        for path in (experiment / "table.csv", tmp_path / f"table{suffix}")
    ]
    assert outputs[0] == outputs[1]


def test_the_folder_of_a_grid_is_its_map(experiment, tmp_path):
    outputs = [
        _run(experiment / "table.csv", "--map", scores, "--out", tmp_path / "located.png").output
        for scores in (experiment, experiment / "scores.nc")
    ]
    assert outputs[0] == outputs[1]
    assert "good enough: one (0.90 to 0.90)" in outputs[0]


def test_a_map_that_is_missing_or_none_is_refused(experiment, tmp_path):
    absent = _run(experiment / "table.csv", "--map", tmp_path / "no.nc")
    assert isinstance(absent.exception, FileNotFoundError)
    assert "`smlmsim grid --out DIR` makes one" in str(absent.exception)
    folder = _run(experiment / "table.csv", "--map", tmp_path)
    assert isinstance(folder.exception, ValueError)
    assert "is a folder without a map" in str(folder.exception)
    other = _run(experiment / "table.csv", "--map", experiment / "table.csv")
    assert isinstance(other.exception, ValueError)
    assert "is not the scores of a grid" in str(other.exception)


def test_a_map_tells_of_one_channel_at_a_time(tmp_path):
    rows = "".join(f"{n + 1},{40 * n % 900},{70 * n % 900},{n % 2}\n" for n in range(90))
    (tmp_path / "two.csv").write_text("frame,x [nm],y [nm],channel\n" + rows)
    said = [
        _run(tmp_path / "two.csv", "--channel", channel, "--exposure-s", 0.02, "--out", tmp_path / "a.png")
        for channel in ("1", "all")
    ]
    assert [found.exit_code for found in said] == [0, 1]
    assert "a map tells of one channel, found 0, 1" in str(said[1].exception)


def test_a_map_with_time_windows_recommends_one(experiment, tmp_path):
    scores = xr.load_dataset(experiment / "scores.nc", engine="h5netcdf")
    windows = xr.concat([scores, scores - 0.1], xr.Variable(WINDOW, [10.0, 100.0]))
    windows.to_netcdf(tmp_path / "windows.nc", engine="h5netcdf")
    found = _run(
        experiment / "table.csv", "--map", tmp_path / "windows.nc", "--out", tmp_path / "located.png"
    )
    assert found.exit_code == 0, found.output
    for word in (
        "one: 10 frames or shorter (0.90) at the measured ",
        "10 frames or shorter (0.90) at 0 nm/s, 10 frames or shorter (0.90) at 300 nm/s",
        "--frames-per-point",
        "with the best time window",
    ):
        assert word in found.output
    assert (
        "time window"
        not in _run(
            experiment / "table.csv", "--map", experiment / "scores.nc", "--out", tmp_path / "located.png"
        ).output
    )
