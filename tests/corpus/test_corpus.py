"""A corpus says what each of its movies is made from, and refuses what its study cannot do."""

import re

import numpy as np
import pydantic
import pytest

from smlmsim.cli.presets import preset_path
from smlmsim.corpus import Choice, Corpus, Range
from smlmsim.motion import Deformation, Static, Wandering
from smlmsim.pipeline import Experimental, SemiSimulated
from smlmsim.spec import explain

MOTIONS = Choice(setting="motion.kind", values=("deformation", "wandering"))
PERSISTENCE = Range(setting="motion.persistence_time_s", low=1.5, high=15, scale="log")
VELOCITY = Range(setting="motion.velocity_nm_per_s", low=0, high=220)


def within(found, expected, n):
    """Whether a share of n draws is within 5 standard errors of what is expected."""
    return abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / n)


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
        ("motion.kind", "is no number, so it cannot have a range, but a choice of values"),
        ("motion", "is no number"),
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


def test_values_are_chosen_equally_often_and_those_given_twice_twice_as_often():
    n, choice = 600, Choice(setting="structure.vertices", values=(20, 40, 40))
    many = Corpus(choices=(MOTIONS, choice))
    recipes = [many.recipe(movie).settings for movie in range(n)]
    wandering = np.array([found["motion.kind"] == "wandering" for found in recipes])
    forty = np.array([found["structure.vertices"] == 40 for found in recipes])
    assert within(wandering.mean(), 1 / 2, n)
    assert within(forty.mean(), 2 / 3, n)
    assert within((wandering & forty).mean(), 1 / 3, n)


def test_a_choice_of_kind_keeps_common_settings_and_ranges_apply_where_their_setting_is():
    study = SemiSimulated(motion=Deformation(alpha=1, velocity_lag_s=3))
    mixed = Corpus(study=study, choices=(MOTIONS,), ranges=(VELOCITY, PERSISTENCE))
    kinds = set()
    for movie in range(20):
        recipe = mixed.recipe(movie)
        motion, kind = mixed.study_of(recipe).motion, recipe.settings["motion.kind"]
        kinds.add(kind)
        assert (motion.kind, motion.velocity_lag_s) == (kind, 3)
        assert motion.velocity_nm_per_s == recipe.settings["motion.velocity_nm_per_s"]
        assert ("motion.persistence_time_s" in recipe.settings) == (kind == "wandering")
        if kind == "wandering":
            assert 1.5 <= motion.persistence_time_s == recipe.settings["motion.persistence_time_s"] <= 15
        else:
            assert motion.alpha == 1
    assert kinds == {"deformation", "wandering"}
    assert mixed.varies_everywhere(VELOCITY)
    assert not mixed.varies_everywhere(PERSISTENCE)


def test_a_choice_changes_nothing_that_is_drawn_from_ranges():
    with_it, without = (Corpus(choices=found, ranges=(VELOCITY,)) for found in ((MOTIONS,), ()))
    for movie in range(5):
        chosen, drawn = with_it.recipe(movie), without.recipe(movie)
        assert chosen.seed == drawn.seed
        assert drawn.settings.items() <= chosen.settings.items()


def test_whole_tables_are_chosen_with_what_ranges_vary_in_them():
    tables = (Deformation(alpha=1), {"kind": "wandering", "turn_share": 0.5})
    mixed = Corpus(choices=(Choice(setting="motion", values=tables),), ranges=(VELOCITY, PERSISTENCE))
    motions = [mixed.study_of(mixed.recipe(movie)).motion for movie in range(20)]
    assert {motion.alpha for motion in motions if isinstance(motion, Deformation)} == {1}
    assert {motion.turn_share for motion in motions if isinstance(motion, Wandering)} == {0.5}
    assert len({motion.velocity_nm_per_s for motion in motions}) == 20
    assert mixed.choices[0].values == ({"kind": "deformation", "alpha": 1.0}, tables[1])


def test_choices_in_toml_give_the_same_corpus_back(tmp_path):
    values = (
        Choice(setting="motion", values=(Deformation(), {"kind": "wandering", "turn_share": 0.5})),
        Choice(setting="photophysics.frozen", values=(True, False)),
        Choice(setting="structure.vertices", values=(20, 40)),
    )
    mixed = Corpus(choices=values, ranges=(VELOCITY.replace({"share_at_zero": 0.2}),))
    (tmp_path / "corpus.toml").write_text(mixed.to_toml())
    again = Corpus.from_toml(tmp_path / "corpus.toml")
    assert again == mixed
    assert again.digest == mixed.digest
    assert [again.recipe(movie) for movie in range(5)] == [mixed.recipe(movie) for movie in range(5)]


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_share_of_the_movies_is_exactly_at_zero_and_the_others_are_as_without_it(scale):
    n, found = 800, Range(setting="motion.velocity_nm_per_s", low=1, high=220, scale=scale)
    some = found.replace({"share_at_zero": 0.15})
    drawn, without = (
        np.array([many.recipe(movie).settings[found.setting] for movie in range(n)])
        for many in (Corpus(ranges=(some,)), Corpus(ranges=(found,)))
    )
    assert within((drawn == 0).mean(), 0.15, n)
    assert (drawn == without)[drawn > 0].all()
    assert some.ends == (0, 220)


def test_the_extremes_hold_every_chosen_value_at_both_ends():
    mixed = Corpus(
        choices=(MOTIONS, Choice(setting="structure.vertices", values=(20, 60))), ranges=(PERSISTENCE,)
    )
    found = [recipe.settings for recipe in mixed.extremes()]
    assert [settings.get("motion.persistence_time_s") for settings in found] == [
        None,
        None,
        1.5,
        15,
        None,
        None,
    ]
    assert [settings["structure.vertices"] for settings in found] == [20, 20, 20, 20, 60, 60]


def test_the_extremes_hold_the_value_0_of_a_share_of_the_movies():
    resting = Range(setting="motion.velocity_nm_per_s", low=20, high=90, share_at_zero=0.1)
    others = Range(setting="photophysics.rate_hz", low=100, high=900)
    found = [tuple(recipe.settings.values()) for recipe in Corpus(ranges=(resting, others)).extremes()]
    assert found == [(20, 100), (90, 900), (0, 100)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"choices": [{"setting": "motion.kind", "values": ["deformation", "polymer"]}]},
            "motion.kind: no 'polymer'; there are: deformation, wandering, learned",
        ),
        ({"choices": [{"setting": "motion.kin", "values": [1, 2]}]}, "Deformation has no setting 'kin'"),
        ({"choices": [{"setting": "motion.kind", "values": ["wandering"]}]}, "at least 2 items"),
        ({"choices": [{"setting": "motion.kind", "values": [None, 1]}]}, "a value is a number, a text"),
        ({"choices": [{"setting": "motion.alpha", "values": [1, float("nan")]}]}, "a value is a finite number"),
        ({"choices": [{"setting": "field.pixel_nm", "values": [20, 30]}]}, "share field and acquisition"),
        ({"choices": [{"setting": "motion.alpha", "values": [1, -1]}]}, "motion.alpha: .* greater than 0"),
        ({"choices": [MOTIONS, MOTIONS]}, "two choices of 'motion.kind'"),
        (
            {"choices": [MOTIONS, {"setting": "motion", "values": [Deformation(), Wandering()]}]},
            "two choices of 'motion' or of what is in it",
        ),
        (
            {"choices": [{"setting": VELOCITY.setting, "values": [1, 2]}], "ranges": [VELOCITY]},
            "sets motion.velocity_nm_per_s, which has a range",
        ),
        (
            {
                "choices": [{"setting": "motion", "values": [{"kind": "deformation", "velocity_nm_per_s": 1}, {}]}],
                "ranges": [VELOCITY],
            },
            "sets motion.velocity_nm_per_s, which has a range",
        ),
        ({"choices": [MOTIONS], "ranges": [PERSISTENCE.replace({"setting": "motion.p"})]}, "no setting 'p'"),
        ({"ranges": [PERSISTENCE]}, "Deformation has no setting 'persistence_time_s'"),
        (
            {"choices": [MOTIONS], "ranges": [{"setting": PERSISTENCE.setting, "low": -1, "high": 1}]},
            "motion.persistence_time_s: .* greater than 0",
        ),
        (
            {"ranges": [{"setting": "photophysics.rate_hz", "low": 1, "high": 2, "share_at_zero": 0.1}]},
            "photophysics.rate_hz: .* greater than 0",
        ),
        (
            {"choices": [{"setting": f"structure.{name}", "values": [3000] * 20} for name in
                         ("shortest_nm", "longest_nm")]},
            "the choices have 400 combinations, at most 256 are possible",
        ),
    ],
)  # fmt: skip
def test_choices_that_cannot_be_made_are_refused_in_one_line(settings, message):
    with pytest.raises(pydantic.ValidationError) as caught:
        Corpus.model_validate(settings)
    assert re.search(message, explain(caught.value))
    assert "\n" not in explain(caught.value)


def test_mixed_train_is_half_collective_and_three_in_twenty_at_rest_in_short_time_points():
    mixed = Corpus.from_toml(preset_path("corpus", "mixed-train"))
    recipes = [mixed.recipe(movie) for movie in range(mixed.movies)]
    motions = [mixed.study_of(recipe).motion for recipe in recipes]
    assert within(np.mean([motion.kind == "wandering" for motion in motions]), 0.5, mixed.movies)
    velocities = np.array([motion.velocity_nm_per_s for motion in motions])
    assert within((velocities == 0).mean(), 0.15, mixed.movies)
    assert velocities.max() > 270
    acquisition = mixed.study.acquisition
    assert (acquisition.point_s, acquisition.recorded_s) == pytest.approx((0.3, 150))
    thesis = Corpus.from_toml(preset_path("corpus", "thesis-train"))
    shared = {(found.setting, found.low, found.high, found.scale) for found in mixed.ranges}
    for found in thesis.ranges:
        high = 280 if found.setting == "motion.velocity_nm_per_s" else found.high
        assert (found.setting, found.low, high, found.scale) in shared
