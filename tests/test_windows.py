"""Movies of one seed in several time windows are one movie, gathered otherwise; the best window is found and said."""

import numpy as np
import pytest
import xarray as xr

from smlmsim import compare, figures
from smlmsim.acquisition import Acquisition
from smlmsim.cli.drawing import draw_grid
from smlmsim.contour import Box
from smlmsim.field import FieldOfView
from smlmsim.grid import Axis, Grid, run_grid
from smlmsim.motion import Polymer
from smlmsim.photophysics import Blinking, Poisson
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.regions import RATE, VELOCITY
from smlmsim.rng import stream
from smlmsim.windows import WINDOW, at_best_windows, best_windows, in_words

WINDOWS = [10, 30, 100]
STUDY = SimulatedDynamic(
    field=FieldOfView(height_nm=1280, width_nm=1280),
    acquisition=Acquisition(duration_s=9.3),
    motion=Polymer(velocity_nm_per_s=220),
    photophysics=Poisson(rate_hz=2000),
)


def windowed(study, frames, seed=0):
    return simulate(study.replace({"acquisition.frames_per_point": frames}), seed)


@pytest.fixture(scope="module")
def movies():
    return {frames: windowed(STUDY, frames) for frames in (*WINDOWS, 70)}


def apart_nm(ours, theirs):
    """Distances of vertices along y and x, the shortest way in the periodic box."""
    steps = np.stack([ours[f"vertex_{axis}"].values - theirs[f"vertex_{axis}"].values for axis in "yx"])
    return np.abs(Box.of(STUDY.moving(0)).nearest_nm(steps))


def test_windows_of_one_seed_show_one_moving_structure(movies):
    """The middles of 30 and 70 frames are middles of 10 frames; those of 100 lie halfway between two of them."""
    short = movies[10].truth
    for frames in (30, 70):
        same = movies[frames].truth
        there = short.isel(time=[int(np.argmin(abs(short.time.values - time))) for time in same.time.values])
        np.testing.assert_allclose(there.time, same.time, rtol=1e-12)
        assert apart_nm(there, same).max() < 0.01
    long = movies[100].truth
    after = np.searchsorted(short.time.values, long.time.values)
    half = short.isel(time=after - 1).copy()
    for axis, step in zip("yx", steps_nm(short)[:, after - 1], strict=True):
        half[f"vertex_{axis}"] = half[f"vertex_{axis}"] + step / 2
    assert apart_nm(half, long).max() < 0.01


def steps_nm(truth):
    """Steps (axis, time, vertex) of vertices between time points, the shortest way."""
    vertices = np.stack([truth.vertex_y.values, truth.vertex_x.values])
    return Box.of(STUDY.moving(0)).nearest_nm(np.diff(vertices, axis=1))


def test_courses_between_two_steps_are_straight_to_half_a_pixel(movies):
    """Halfway between two steps, a curved course is off its chord by an eighth of the second difference."""
    bent_nm = np.abs(np.diff(steps_nm(movies[10].truth), axis=1)) / 8
    assert np.sqrt((bent_nm**2).mean()) < 4.0
    assert np.quantile(bent_nm, 0.99) < 10.0


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"photophysics": Poisson(rate_hz=2000, on_time_s=0.05)},
        {"photophysics": Blinking.of("meos3_2").replace({"rate_hz": 500})},
        {"motion.velocity_nm_per_s": 0},
    ],
)
def test_windows_of_one_seed_gather_the_same_localizations(settings):
    study = STUDY.replace(settings)
    short, long = (windowed(study, frames).observation for frames in (10, 70))
    number = int((short.loc_frame < long.sizes["time"] * 70).sum())
    assert 0 < number == long.sizes["localization"] < short.sizes["localization"]
    for name in ("loc_frame", "loc_y", "loc_x"):
        np.testing.assert_array_equal(long[name].values, short[name].values[:number])
    assert int(long.counts.sum()) <= number


def test_the_default_time_points_are_those_of_their_duration(movies):
    """Time points of 50 frames in 5 steps are what 9 s in steps of 10 frames are, up to the end of the movie."""
    lasting = simulate(STUDY.replace({"acquisition.duration_s": 9}), 0)
    counted = simulate(STUDY.replace({"acquisition": Acquisition(time_points=6)}), 0)
    np.testing.assert_array_equal(lasting.observation.loc_x.values, counted.observation.loc_x.values)
    np.testing.assert_allclose(lasting.truth.density, counted.truth.density, atol=1e-6)


def test_a_frozen_structure_rests_at_the_middle_of_each_window():
    study = STUDY.replace({
        "photophysics.frozen": True, "localization.precision_nm": 1e-3,
        "localization.false_positive_uniform": 0, "localization.false_positive_structured": 0,
    })  # fmt: skip
    dark = [share_in_the_dark(study.replace({"photophysics.frozen": frozen})) for frozen in (True, False)]
    assert dark[0] == 0
    assert dark[1] > 0.1


def share_in_the_dark(study):
    """The share of the pixels with localizations in which the truth has less than a line at two sigmas has."""
    movie = windowed(study, 100)
    line = 1 / (np.sqrt(2 * np.pi) * 30)
    return (movie.truth.density.values[movie.observation.counts.values > 0] < line * np.exp(-2)).mean()


def scores_of(means, seeds=3, **attrs):
    """Scores of two reconstructors: ``means`` (velocity, rate, window, reconstructor) and a little noise."""
    means = np.asarray(means, float)
    coords = {
        VELOCITY: [0.0, 75.0], RATE: [60.0, 245.0], WINDOW: [10.0, 30.0, 100.0], "seed": np.arange(seeds),
        "reconstructor": ["one", "two"],
    }  # fmt: skip
    noise = 1e-4 * stream(3, "noise").standard_normal((*means.shape[:3], seeds, 2))
    grid = Grid(
        study=SimulatedDynamic(acquisition=Acquisition(duration_s=45)),
        axes=(Axis(setting=WINDOW, values=(10, 30, 100)),), reconstructors=("one", "two"),
    )  # fmt: skip
    about = {"long_name": "MS-SSIM", "units": "1", "better": "higher"} | attrs
    values = means[:, :, :, None] + noise
    return xr.Dataset({"ms_ssim": (list(coords), values, about)}, coords, {"grid": grid.to_toml()})


def example(**attrs):
    """At rest 3 s is best for "one", and 0.9 s equal at the higher rate; at 75 nm/s 0.3 s; "two" is always 0.9 s."""
    one = [[[0.5, 0.6, 0.7], [0.7, 0.895, 0.9]], [[0.6, 0.5, 0.4], [0.8, 0.5, 0.795]]]
    two = np.broadcast_to([0.2, 0.3, 0.25], (2, 2, 3))
    return scores_of(np.stack([one, two], axis=-1), **attrs)


def test_the_best_window_and_the_range_that_is_practically_equal_are_found():
    best = best_windows(example()).sel(reconstructor="one")
    np.testing.assert_array_equal(best.window, [[3.0, 3.0], [0.3, 0.3]])
    np.testing.assert_array_equal(best.shortest, [[3.0, 0.9], [0.3, 0.3]])
    # A window of 3 s is as good as 0.3 s at 75 nm/s and 245 Hz, but 0.9 s between the two is not.
    np.testing.assert_array_equal(best.longest, [[3.0, 3.0], [0.3, 0.3]])
    np.testing.assert_allclose(best["mean"], [[0.7, 0.9], [0.6, 0.8]], atol=1e-3)
    assert best.window.attrs["units"] == "s"


def test_a_score_that_should_be_low_has_its_best_window_where_it_is_low():
    best = best_windows(example(better="lower", units="nm")).sel(reconstructor="two")
    assert (best.window == 0.3).all()
    assert (best.shortest == best.longest).all()


def test_the_order_of_the_windows_does_not_matter():
    scores = example()
    assert best_windows(scores.isel({WINDOW: [2, 0, 1]})).equals(best_windows(scores))


def test_a_window_in_which_a_movie_has_no_score_is_left_out():
    scores = example()
    scores.ms_ssim[0, 0, 2, 1, 0] = np.nan
    scores.ms_ssim[1, 1, :, 0, 1] = np.nan
    best = best_windows(scores)
    assert float(best.window.sel(reconstructor="one")[0, 0]) == 0.9
    assert np.isnan(float(best.window.sel(reconstructor="two")[1, 1]))
    assert "no score (245 Hz)" in in_words(best)[1]
    assert np.isnan(at_best_windows(scores).ms_ssim.sel(reconstructor="two")[1, 1]).any()


def test_windows_are_in_frames_where_the_exposure_is_not_known():
    scores = example().assign_attrs(grid="")
    assert best_windows(scores.drop_attrs(deep=False)).window.attrs["units"] == "frames"
    assert best_windows(scores).attrs["last"] == 100


def test_words_give_every_velocity_and_say_what_lies_at_the_end_of_what_was_tried():
    assert in_words(best_windows(example())) == [
        "one: 0 nm/s: 3 s or longer; 75 nm/s: 0.3 s or shorter",
        "two: 0 nm/s: 0.9 s; 75 nm/s: 0.9 s",
    ]
    assert in_words(best_windows(example().isel({VELOCITY: 1}))) == ["one: 0.3 s or shorter", "two: 0.9 s"]
    assert in_words(best_windows(example().isel({VELOCITY: 1, RATE: 0})))[1] == "two: 0.9 s"


def test_scores_without_windows_are_refused_with_what_makes_them():
    with pytest.raises(ValueError, match="smlmsim grid --preset window"):
        best_windows(example().isel({WINDOW: 0}))
    with pytest.raises(ValueError, match="no metric 'ms_sim'"):
        best_windows(example(), "ms_sim")


def test_a_grid_with_windows_has_a_win_map_and_a_heatmap_of_the_best_windows():
    scores = example()
    assert compare.win_map(scores).best.dims == (VELOCITY, RATE, WINDOW)
    assert set(compare.compare(scores).region) == {
        "everywhere",
        "at rest",
        "fewer localizations than live cells",
    } | {"live cells"}
    chosen = at_best_windows(scores)
    mean = chosen.ms_ssim.mean("seed").sel(reconstructor="one")
    np.testing.assert_allclose(mean, [[0.7, 0.9], [0.6, 0.8]], atol=1e-3)
    wins = compare.win_map(chosen)
    assert (wins.best == "one").all()
    assert len(figures.win_map(wins).axes[0].texts) == 4
    assert "at the best time window" in figures.heatmap(chosen).axes[-1].get_ylabel()


def test_the_map_of_windows_has_a_panel_for_each_reconstructor_and_its_texts():
    panels = figures.window_map(best_windows(example())).axes
    assert [panel.get_title() for panel in panels[:2]] == ["one", "two"]
    texts = [text.get_text() for text in panels[0].texts]
    assert texts == ["\u22653", "\u22653\n.9\u20133", "\u2264.3", "\u2264.3"]
    np.testing.assert_allclose(panels[0].collections[0].get_array().ravel(), [0.7, 0.9, 0.6, 0.8], atol=1e-3)
    one_axis = figures.window_map(best_windows(example().isel({RATE: 0}))).axes[0]
    assert [tick.get_text() for tick in one_axis.get_yticklabels()] == ["two", "one"]
    with pytest.raises(ValueError, match="one axis or two besides the window, found none"):
        figures.window_map(best_windows(example().isel({RATE: 0, VELOCITY: 0})))


@pytest.mark.parametrize(
    ("chosen", "files"),
    [
        ({}, {"heatmap", "windows"}),
        ({RATE: 0}, {"heatmap", "windows"}),
        ({RATE: 0, VELOCITY: 0}, {"heatmap"}),
    ],
)
def test_a_grid_is_drawn_whatever_axes_it_has_besides_the_window(chosen, files, tmp_path, capsys):
    names = draw_grid(example().isel(chosen), "ms_ssim", tmp_path)
    wanted = {f"{file}.{suffix}" for file in files for suffix in ("png", "pdf")} | {"windows.csv"}
    assert {path.name for path in tmp_path.iterdir()} == set(names) == wanted
    assert "one: " in capsys.readouterr().out


def test_more_axes_than_a_picture_has_are_said_and_not_an_error(tmp_path, caplog):
    names = draw_grid(example().expand_dims({"motion.persistence_time_s": [1.0]}), "ms_ssim", tmp_path)
    assert names == ["windows.csv"]
    assert "select values of the others" in caplog.text


def test_a_network_in_windows_it_was_not_trained_for_warns_once(tmp_path, in_this_process, caplog):
    grid = Grid(
        study=STUDY.replace({"acquisition.duration_s": 3}),
        axes=(Axis(setting=WINDOW, values=(10, 20, 100)), Axis(setting=RATE, values=(200, 400))),
        seeds=(0,), reconstructors=("sparse", "annapalm2d"), metrics=("nrmse",),
    )  # fmt: skip
    run_grid(grid, tmp_path / "s.zarr", movies_of=(), progress=False)
    (said,) = [record.message for record in caplog.records if "trained for" in record.message]
    assert said.startswith(
        "annapalm2d: 6 movies lie outside of what it was trained for: found time points of 0.3 s "
    )
    assert "and 2 other values, trained for time points of 1.5 s" in said


def test_windows_that_change_the_duration_of_movies_are_warned_of(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("smlmsim.workers.spread", lambda *_, **__: iter(()))
    grid = Grid(
        study=SimulatedDynamic(acquisition=Acquisition(time_points=6)),
        axes=(Axis(setting=WINDOW, values=(10, 100)),), reconstructors=("sparse",),
    )  # fmt: skip
    run_grid(grid, tmp_path / "one.zarr", progress=False)
    assert "differ in duration and in the courses of the structure" in caplog.text
    caplog.clear()
    run_grid(grid.replace({"study.acquisition.duration_s": 45}), tmp_path / "two.zarr", progress=False)
    assert "differ" not in caplog.text
