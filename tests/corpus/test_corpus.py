"""A corpus says what each of its movies is made from, and refuses what its study cannot do."""

import numpy as np
import pytest

from smlmsim.corpus import Corpus, Range
from smlmsim.motion import Static
from smlmsim.pipeline import Experimental


def test_a_movie_does_not_depend_on_the_others(corpus):
    longer, fewer = corpus.replace({"movies": 100}), corpus.replace({"ranges": corpus.ranges[:1]})
    for movie in range(6):
        recipe = corpus.recipe(movie)
        assert longer.recipe(movie) == recipe
        assert fewer.recipe(movie).seed == recipe.seed
        assert fewer.recipe(movie).settings.items() <= recipe.settings.items()


def test_movies_and_seeds_differ(corpus):
    recipes = [corpus.recipe(movie) for movie in range(50)] + [corpus.replace({"seed": 4}).recipe(0)]
    assert len({recipe.seed for recipe in recipes}) == 51
    assert len({tuple(recipe.settings.values()) for recipe in recipes}) == 51


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_range_is_uniform_on_its_scale(corpus, scale):
    n, found = 2000, Range(setting="photophysics.rate_hz", low=30, high=1600, scale=scale)
    many = corpus.replace({"ranges": (found,)})
    drawn = np.array([many.recipe(movie).settings[found.setting] for movie in range(n)])
    assert drawn.min() >= 30
    assert drawn.max() <= 1600
    ends, drawn = (np.log([30, 1600]), np.log(drawn)) if scale == "log" else (np.array([30, 1600]), drawn)
    share = (drawn - ends[0]) / (ends[1] - ends[0])
    assert abs(share.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / n)
    assert abs(share.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / n)


def test_a_whole_number_stays_one(corpus):
    many = corpus.replace({"ranges": (Range(setting="structure.vertices", low=20, high=60),)})
    drawn = [many.recipe(movie).settings["structure.vertices"] for movie in range(20)]
    assert all(isinstance(vertices, int) and 20 <= vertices <= 60 for vertices in drawn)
    assert many.study_of(many.recipe(0)).structure.vertices == drawn[0]


def test_toml_gives_the_same_corpus_back(corpus, tmp_path):
    (tmp_path / "corpus.toml").write_text(corpus.to_toml())
    assert Corpus.from_toml(tmp_path / "corpus.toml") == corpus


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"setting": "photophysics.rate_hz", "low": 9, "high": 3}, "goes from 9 to 3; low is below high"),
        ({"setting": "photophysics.rate_hz", "low": 3, "high": 3}, "goes from 3 to 3; low is below high"),
        (
            {"setting": "x", "low": 0, "high": 3, "scale": "log"},
            "starts above 0, found 0; choose scale = 'linear'",
        ),
        ({"setting": "photophysics.rate_hz", "low": 1, "high": float("inf")}, "finite"),
    ],
)
def test_a_range_that_is_none_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Range(**settings)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("motion.speed", "Polymer has no setting 'speed'"),
        ("photophysics.rate_hz", "greater than 0"),
        ("photophysics.frozen", "true or false"),
        ("acquisition.exposure_s", "share field and acquisition"),
        ("field.pixel_nm", "share field and acquisition"),
    ],
)
def test_a_range_that_the_study_cannot_take_is_refused(corpus, setting, message):
    with pytest.raises(ValueError, match=message):
        corpus.replace({"ranges": (Range(setting=setting, low=-1, high=1),)})


def test_a_setting_has_one_range(corpus):
    with pytest.raises(ValueError, match=r"the range of 'photophysics\.rate_hz' appears twice"):
        corpus.replace({"ranges": (corpus.ranges[0], corpus.ranges[0])})


def test_a_velocity_range_on_a_static_motion_is_refused(corpus):
    with pytest.raises(ValueError, match="static"):
        corpus.replace({"study": corpus.study.replace({"motion": Static()})})


def test_an_experimental_study_is_refused():
    with pytest.raises(ValueError, match="experimental"):
        Corpus(study=Experimental(table="table.csv"))
