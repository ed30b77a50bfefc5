"""Widefield movies to learn from: simulated ones, and stacks as microscopes write them."""

import numpy as np
import pytest

from baselines.dynamics.movies import Recorded, recorded, simulated, turned, windows
from smlmsim import io, schema
from smlmsim.acquisition import Acquisition
from smlmsim.corpus import Corpus, Range
from smlmsim.pipeline import SemiSimulated, SimulatedDynamic, simulate
from smlmsim.widefield import Widefield, as_movie

STUDY = SimulatedDynamic(acquisition=Acquisition(time_points=4), widefield=Widefield())
SPEEDS = (Range(setting="motion.velocity_nm_per_s", low=20, high=150),)


def test_simulated_movies_are_the_widefield_images_of_the_corpus():
    corpus = Corpus(study=STUDY, movies=2, seed=5, ranges=SPEEDS)
    first, second = simulated(corpus, progress=False)
    recipe = corpus.recipe(1)
    expected = simulate(corpus.study_of(recipe), recipe.seed).observation.widefield.values
    np.testing.assert_array_equal(second.images, expected)
    assert second.velocity_nm_per_s == recipe.settings["motion.velocity_nm_per_s"] != first.velocity_nm_per_s


def test_no_simulated_movie_has_a_seed_of_the_test_movies():
    from baselines.dynamics.settings import DynamicsTraining

    for size in ("shipped", "tiny"):
        corpus = DynamicsTraining.configured(size).corpus
        assert min(corpus.recipe(number).seed for number in range(corpus.movies)) > 10_000


@pytest.mark.parametrize("study", [SimulatedDynamic(), SemiSimulated(widefield=Widefield())])
def test_a_corpus_without_widefield_movies_of_moving_filaments_is_refused(study):
    with pytest.raises(ValueError, match=r"of kind simulated_dynamic with a \[study.widefield\]"):
        simulated(Corpus(study=study, movies=1), progress=False)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    path = tmp_path_factory.mktemp("stack") / "widefield.tif"
    images = as_movie(simulate(STUDY, 3).observation)
    io.write(
        schema.dataset(counts=images.values, time=images.time.values, y=images.y.values, x=images.x.values),
        path,
    )
    return path, images


def test_a_stack_is_read_as_it_was_recorded(stack):
    path, images = stack
    (found,) = recorded([path], Widefield(), 1.5, velocity_nm_per_s=60.0)
    np.testing.assert_array_equal(found.images, images.values)
    assert found.velocity_nm_per_s == 60


def test_the_velocity_of_a_stack_is_measured_where_it_is_not_given(tmp_path):
    """The velocity of a movie of 30 images scatters by a fifth."""
    study = STUDY.replace({"acquisition.time_points": 30, "motion.velocity_nm_per_s": 60.0})
    images = as_movie(simulate(study, 4).observation)
    path = tmp_path / "widefield.tif"
    io.write(
        schema.dataset(counts=images.values, time=images.time.values, y=images.y.values, x=images.x.values),
        path,
    )
    (found,) = recorded([path], Widefield(), 1.5)
    assert found.velocity_nm_per_s == pytest.approx(60, rel=0.5)


@pytest.mark.parametrize(
    ("microscope", "interval_s", "message"),
    [
        (Widefield(pixel_nm=160), 1.5, "has pixel_nm=100, but the configuration is for 160"),
        (Widefield(), 3.0, "has point_s=1.5, but the configuration is for 3"),
    ],
)
def test_a_stack_of_another_scale_is_refused_with_the_setting_that_helps(
    stack, microscope, interval_s, message
):
    with pytest.raises(ValueError, match=message):
        recorded([stack[0]], microscope, interval_s, velocity_nm_per_s=60.0)


def test_windows_are_normalised_parts_of_movies_with_their_velocities():
    rng = np.random.default_rng(0)
    movies = [Recorded(rng.normal(100 * k, 1 + k, (9, 14, 12)).astype(np.float32), 10.0 * k) for k in (1, 2)]
    found, velocities = windows(movies, 20, 4, 10, np.random.default_rng(1))
    assert found.shape == (20, 4, 10, 10)
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=(1, 2, 3)), 1, rtol=1e-4)
    assert set(velocities) == {10, 20}


def test_windows_larger_than_a_movie_are_refused():
    with pytest.raises(
        ValueError, match=r"fewer than the windows of \(4, 24, 24\); set budget.images and budget.edge"
    ):
        windows([Recorded(np.zeros((9, 14, 12), np.float32), 1.0)], 1, 4, 24, np.random.default_rng(0))


def test_turning_keeps_the_pixels_and_takes_all_eight_ways():
    image = np.arange(9.0, dtype=np.float32).reshape(1, 3, 3)
    rng = np.random.default_rng(0)
    found = {turned(image, rng).tobytes() for _ in range(200)}
    assert len(found) == 8
