"""The other generator draws lines as they are, at the velocity and rate that are set, with code of its own."""

import ast
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import foreign_scenes
import numpy as np
import pytest
from foreign_scenes import SCENES, SIGMA_NM, Rods, Waves, draw, length_inside, moving, simulate, velocity
from scipy import special
from scipy.spatial import cKDTree

from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.metrics.scale import crest, three_crests
from smlmsim.rng import stream

OTHERS = ("motion", "structures", "photophysics", "density", "superpose", "contour", "pipeline")
FIELD, MOVIE = FieldOfView(), Acquisition(time_points=8)


class Straight:
    """A line at rest along x, whose left end is in the middle of a pixel."""

    lengths_nm, most_stretch, fastest = np.array([1000.0]), 1.0, 1.0

    def at(self, times_s, line, along_nm):
        return np.full(np.shape(along_nm), 1290.0), 1290.0 + along_nm


@pytest.fixture(scope="module")
def movies():
    """A movie of each scene, at a velocity and a rate in the middle."""
    return {scene: simulate(scene, 75.0, 500.0, 0, acquisition=MOVIE) for scene in SCENES}


def test_no_module_of_the_generator_it_is_compared_with_is_imported():
    names = set()
    for node in ast.walk(ast.parse(Path(foreign_scenes.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{found.name}" for found in node.names)}
        elif isinstance(node, ast.Import):
            names |= {found.name for found in node.names}
    assert "smlmsim.sparse" in names
    assert not [name for name in names for other in OTHERS if name.startswith(f"smlmsim.{other}")]


def test_nor_does_what_it_imports():
    code = "import sys, foreign_scenes; print([name for name in sys.modules if name.startswith('smlmsim.')])"
    folder = Path(foreign_scenes.__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    loaded = ast.literal_eval(done.stdout)
    assert "smlmsim.sparse" in loaded
    assert not [name for name in loaded if name.removeprefix("smlmsim.").partition(".")[0] in OTHERS]


def test_a_line_is_a_gaussian_with_the_ends_of_its_integral():
    (image,) = draw(Straight(), np.zeros(1), FIELD)
    assert image.sum() * FIELD.pixel_nm**2 == pytest.approx(1000.0, rel=1e-4)
    row = 64
    across = image[:, row]
    distance = FIELD.y_nm - 1290.0
    assert across.max() == pytest.approx(crest(SIGMA_NM), rel=1e-4)
    assert math.sqrt((across * distance**2).sum() / across.sum()) == pytest.approx(SIGMA_NM, rel=1e-3)
    ends = special.ndtr((FIELD.x_nm - 790.0) / SIGMA_NM) - special.ndtr((FIELD.x_nm - 1790.0) / SIGMA_NM)
    np.testing.assert_allclose(image[row], crest(SIGMA_NM) * ends, atol=2e-3 * crest(SIGMA_NM))


@pytest.mark.parametrize("scene", SCENES)
def test_the_truth_integrates_to_the_length_inside(movies, scene):
    lines = moving(scene, 75.0, 0, FIELD, MOVIE)
    y, x = lines.at(MOVIE.times_s[:, None, None], np.arange(lines.lengths_nm.size)[:, None],
                    lines.lengths_nm[:, None] * np.linspace(-0.5, 0.5, 2000))  # fmt: skip
    middle = FIELD.contains((y[..., 1:] + y[..., :-1]) / 2, (x[..., 1:] + x[..., :-1]) / 2)
    expected = (np.hypot(np.diff(y), np.diff(x)) * middle).sum(axis=(1, 2))
    np.testing.assert_allclose(length_inside(lines, MOVIE.times_s, FIELD), expected, rtol=5e-3)
    drawn = movies[scene].truth.density.sum(("y", "x")).values * FIELD.pixel_nm**2
    np.testing.assert_allclose(drawn, expected, rtol=0.03)
    assert drawn.mean() == pytest.approx(expected.mean(), rel=0.01)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("wanted", [0.0, 30.0, 300.0])
def test_the_velocity_is_the_one_that_is_set(scene, wanted):
    lines = moving(scene, wanted, 1, FIELD, MOVIE)
    assert velocity(lines, FIELD, MOVIE.times_s) == pytest.approx(wanted, rel=2e-3)


def test_what_lines_cannot_do_is_said():
    with pytest.raises(
        ValueError, match=r"of 'waves' shift by up to \d+ nm/s .* found velocity_nm_per_s=2000"
    ):
        moving("waves", 2000.0, 0, FIELD, MOVIE)


def test_one_wave_shifts_as_in_closed_form():
    """The mean of |u(t + T) - u(t)| of a wave A sin(k s - w t) is (2 / pi) 2 A |sin(w T / 2)|."""

    class Wave(Waves):
        LINES, LENGTH_NM, AMPLITUDES_NM = 1, 80_000.0, np.array([20.0, 0.0])
        RADIUS_NM, BEYOND_NM = (1e7, 1e7), -30_000.0

    wide = FieldOfView(height_nm=100_000, width_nm=100_000)
    wave = Wave(0.5, wide, stream(0, "wave"))
    expected = 80 / math.pi * abs(math.sin(wave._frequency[0, 0] * 0.75)) / 1.5
    assert velocity(wave, wide, np.arange(40.0)) == pytest.approx(expected, rel=0.02)


def test_the_shift_of_slow_waves_is_the_distance_to_the_later_line():
    lines = moving("waves", 30.0, 2, FIELD, MOVIE)
    along = np.arange(-4500.0, 4500.0, 4.0)
    distances = []
    for time_s in MOVIE.times_s[::4]:
        for line in range(lines.lengths_nm.size):
            now, later = (np.stack(lines.at(t, np.array(line), along), -1) for t in (time_s, time_s + 1.5))
            inside = FIELD.contains(*now.T)
            distances.append(cKDTree(later).query(now[inside])[0])
    assert np.concatenate(distances).mean() / 1.5 == pytest.approx(30.0, rel=0.1)


def test_rods_that_do_not_turn_shift_along_themselves_only():
    class Plain(Rods):
        SWING = 0.0

    rods = Plain(200.0, FIELD, stream(0, "rods"))
    (y, x), (later_y, later_x) = (rods.at(np.array(t), np.arange(5), np.zeros(5)) for t in (0.0, 0.01))
    np.testing.assert_allclose(np.hypot(later_y - y, later_x - x), 2.0, rtol=1e-9)
    assert velocity(rods, FIELD, np.zeros(1)) == pytest.approx(0.0, abs=1e-6)


def test_rods_glide_along_their_axis_and_come_back_unseen():
    rods = moving("rods", 220.0, 0, FIELD, MOVIE)
    numbers, times = np.arange(rods.lengths_nm.size), np.arange(0.0, 30.0, 0.05)[:, None]
    ends = [rods.at(times, numbers, sign * rods.lengths_nm / 2) for sign in (-0.5, 0.0, 0.5, -1, 1)]
    y, x = ends[1]
    step_y, step_x = np.diff(y, axis=0), np.diff(x, axis=0)
    jumped = np.hypot(step_y, step_x) > 1000.0
    axis = np.stack([ends[4][0] - ends[3][0], ends[4][1] - ends[3][1]]) / rods.lengths_nm
    along = step_y * axis[0, :-1] + step_x * axis[1, :-1]
    np.testing.assert_allclose(along[~jumped], 0.05 * rods._pace, rtol=0.01)
    assert jumped.any()
    wide = FIELD.grown(0.05)
    for y, x in ends:
        seen = wide.contains(y, x)
        assert not (jumped & (seen[1:] | seen[:-1])).any()
    inside = FIELD.contains(*ends[1])
    assert (inside[0] & ~inside[-1]).any()
    assert (~inside[0] & inside[-1]).any()


@pytest.mark.parametrize("scene", SCENES)
def test_the_rate_is_the_one_that_is_set(movies, scene):
    """Of Poisson numbers, five standard deviations are 2 sqrt(5 N) / N here; false positives come on top."""
    expected = 500.0 * MOVIE.recorded_s * 1.04
    found = movies[scene].observation.sizes["localization"]
    assert found == pytest.approx(expected, abs=5 * math.sqrt(expected))
    assert int(movies[scene].observation.counts.sum()) == found


def test_localizations_lie_on_the_line_of_their_own_frame(monkeypatch):
    monkeypatch.setattr(foreign_scenes, "FALSE_POSITIVES", 0.0)
    found = simulate("waves", 220.0, 100.0, 3, acquisition=MOVIE).observation
    lines = moving("waves", 220.0, 3, FIELD, MOVIE)
    along, numbers = np.arange(-4500.0, 4500.0, 3.0), np.arange(lines.lengths_nm.size)[:, None]
    at = SimpleNamespace(own=found.loc_time.values, middle=(found.loc_frame.values // 50 + 0.5) * 1.5)
    chosen = slice(0, 300)
    distances = {}
    for name, times in vars(at).items():
        trees = {t: cKDTree(np.stack([values.ravel() for values in lines.at(np.array(t), numbers, along)], -1))
                 for t in np.unique(times[chosen])}  # fmt: skip
        places = np.stack([found.loc_y.values, found.loc_x.values], -1)[chosen]
        distances[name] = np.array([trees[t].query(p)[0] for t, p in zip(times[chosen], places, strict=True)])
    relative = distances["own"] / found.loc_uncertainty.values[chosen]
    assert np.median(relative) == pytest.approx(0.674, abs=5 * 1.2 / math.sqrt(300) * 0.6745)
    assert np.median(distances["middle"]) > 2 * np.median(distances["own"])


@pytest.mark.parametrize("scene", SCENES)
def test_a_seed_is_the_same_lines_at_every_velocity_and_the_same_movie_again(movies, scene):
    slow, fast = (moving(scene, v, 4, FIELD, MOVIE) for v in (30.0, 220.0))
    numbers = np.arange(5)
    np.testing.assert_array_equal(*(lines.at(np.zeros(1), numbers, np.zeros(5)) for lines in (slow, fast)))
    again, other = (simulate(scene, 75.0, 500.0, seed, acquisition=MOVIE) for seed in (0, 1))
    assert again.observation.identical(movies[scene].observation)
    assert again.truth.identical(movies[scene].truth)
    assert not np.array_equal(other.truth.density, again.truth.density)


def test_metrics_know_the_scale_of_the_truth(movies):
    assert three_crests(movies["waves"].truth.attrs["study"]) == pytest.approx(3 * crest(SIGMA_NM))
