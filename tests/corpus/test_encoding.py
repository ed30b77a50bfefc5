"""What a corpus keeps of a movie is the movie, up to a rounding far below what can be seen."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.corpus.encoding import DENSITY_STEP, Encoding
from smlmsim.field import FieldOfView
from smlmsim.pipeline import Movie, simulate
from smlmsim.sparse import bin_localizations


@pytest.fixture(scope="module")
def movie(corpus):
    return simulate(corpus.study, 1)


@pytest.fixture(scope="module")
def encoding(corpus):
    return Encoding.of(corpus.study.field)


@pytest.fixture(scope="module")
def values(encoding, movie):
    return encoding.encode(movie)


def decoded(values, scale):
    return values * scale.step_nm + scale.offset_nm


def test_the_density_errs_by_half_a_step_of_its_peak(movie, values):
    density = values["density"] * DENSITY_STEP * values["peak"]
    np.testing.assert_allclose(
        density, movie.truth.density, rtol=0, atol=0.501 * DENSITY_STEP * movie.truth.density.max()
    )


def test_localizations_err_by_half_a_step_and_keep_their_pixels(corpus, movie, encoding, values):
    y, x = (
        decoded(values["loc_y"], encoding.localization_y),
        decoded(values["loc_x"], encoding.localization_x),
    )
    np.testing.assert_allclose(y, movie.observation.loc_y, rtol=0, atol=0.51 * 20 / 64)
    np.testing.assert_allclose(x, movie.observation.loc_x, rtol=0, atol=0.51 * 20 / 64)
    table = schema.dataset(loc_frame=values["loc_frame"], loc_y=y, loc_x=x)
    again = bin_localizations(table, corpus.study.field, corpus.study.acquisition)
    np.testing.assert_array_equal(again.counts, movie.observation.counts)


def test_vertices_near_the_field_err_by_half_a_step(corpus, encoding):
    static = corpus.study.replace({"motion.velocity_nm_per_s": 0.0})
    movie = simulate(static, 1)
    values = encoding.encode(movie)
    y, x = (
        decoded(values["vertex_y"][0], encoding.vertex_y),
        decoded(values["vertex_x"][0], encoding.vertex_x),
    )
    true_y, true_x = (movie.truth[name].values[0] for name in ("vertex_y", "vertex_x"))
    near = np.flatnonzero(np.hypot(true_y - 400, true_x - 320) < np.hypot(400, 320) + 290)
    assert near.size > 10
    for vertex in near:
        assert np.hypot(y - true_y[vertex], x - true_x[vertex]).min() < 20 / 64


def test_filaments_that_never_come_near_are_left_out(movie, values):
    assert 0 < values["vertices"] < movie.truth.sizes["vertex"]
    assert values["filament"][0] == 0
    assert set(np.diff(values["filament"])) <= {0, 1}


def test_a_structure_of_specks_is_kept_as_images_only(corpus, encoding):
    y = np.array([[400.0, 400.5, 300.0, 300.3]], np.float32)
    truth = schema.dataset(
        time=[0.0], vertex_y=y, vertex_x=y, filament=np.array([0, 0, 1, 1], np.int32),
        density=np.ones((1, 40, 32), np.float32),
    )  # fmt: skip
    values = encoding.encode(Movie(simulate(corpus.study, 0).observation, truth))
    assert values["vertices"] == 0
    assert values["vertex_y"].shape == (1, 0)


def test_a_large_field_has_larger_integers():
    assert Encoding.of(FieldOfView(height_nm=40_000, width_nm=40_000)).localization_y.dtype == np.uint32
    assert Encoding.of(FieldOfView()).vertex_y.dtype == np.int16
