"""A study says what is trained where, and what it says wrongly is refused with what would do."""

import itertools

import pytest
from pydantic import ValidationError

from smlmsim.pipeline import SemiSimulated
from smlmsim.robustness import Robustness
from smlmsim.robustness.study import PERTURBED


def changed(original, **changes):
    return Robustness.model_validate(original.model_dump() | changes)


def with_laboratory(study, **settings):
    return changed(study, laboratories={"plain": {}, "odd": settings})


def test_every_model_but_the_first_misses_one_laboratory(small):
    assert small.models == {
        "M0": ("plain", "wide", "large"),
        "M1": ("wide", "large"),
        "M2": ("plain", "large"),
        "M3": ("plain", "wide"),
    }


def test_training_movies_look_as_test_movies_do_in_everything_but_how_they_move(small):
    training, test = small.corpus("wide").study, small.test_study("wide")
    assert isinstance(training, SemiSimulated)
    for name in ("field", "acquisition", "density", "photophysics", "localization"):
        assert getattr(training, name) == getattr(test, name)
    assert test.density.sigma_nm == 45
    assert 2 * training.structure.density_per_um == test.structure.density_per_um == 6
    assert small.corpus("large").study.photophysics.kind == "blinking"


def test_other_structures_are_halved_too(small):
    pores = changed(
        small,
        study={"structure": {"kind": "nuclear_pores", "per_um2": 4}},
        perturbation={"structure.per_um2": 2},
    )
    assert pores.corpus("plain").study.structure.per_um2 == 2


def test_no_training_validation_and_test_movies_share_a_seed(small):
    seeds = [
        {small.corpus(name, purpose).recipe(movie).seed for movie in range(50)}
        for name in small.laboratories for purpose in ("training", "validation")
    ] + [{test.seed for test in small.tests}]  # fmt: skip
    assert all(not one & other for one, other in itertools.combinations(seeds, 2))


def test_the_perturbation_changes_what_it_names_in_every_laboratory(small):
    for name in small.laboratories:
        control, perturbed = small.test_study(name), small.test_study(name, PERTURBED)
        assert perturbed == control.replace(small.perturbation)
        assert perturbed.structure.density_per_um == 3
        assert perturbed.density == control.density


def test_every_laboratory_has_as_many_movies_of_both_conditions(small):
    tests = list(small.tests)
    assert len(tests) == len(set(tests)) == 3 * 2 * 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"localization.precision": 3},
            "odd: Statistical has no setting 'precision'.* it has: kind, precision_nm",
        ),
        (
            {"motion.persistence_s": 3},
            "odd sets motion.persistence_s, in which training and test movies differ",
        ),
        (
            {"localization": {"linkage_nm": 3}},
            'without a kind; for a single setting write "localization.NAME"',
        ),
        ({"field.pixel_nm": 30}, "pixels of 30 nm"),
    ],
)
def test_a_laboratory_that_cannot_be_is_refused(small, settings, message):
    with pytest.raises(ValidationError, match=message):
        with_laboratory(small, **settings)


def test_a_laboratory_does_not_set_what_the_ranges_vary(small):
    varied = [{"setting": "localization.precision_nm", "low": 10, "high": 30}]
    with pytest.raises(ValidationError, match=r"odd sets localization.precision_nm, which the ranges vary"):
        with_laboratory(changed(small, ranges=varied), **{"localization.precision_nm": 20})


def test_a_perturbation_that_cannot_be_is_refused(small):
    with pytest.raises(ValidationError, match="has no setting 'nope'"):
        changed(small, perturbation={"structure.nope": 1})


def test_an_unknown_metric_or_laboratory_is_refused_with_those_there_are(small):
    with pytest.raises(ValidationError, match="no metric 'nope'; there are: ms_ssim"):
        changed(small, metrics=["nope"])
    with pytest.raises(ValueError, match="no laboratory 'nope'; there are: plain, wide, large"):
        small.test_study("nope")


def test_one_laboratory_is_too_few_to_leave_one_out(small):
    with pytest.raises(ValidationError, match="at least 2 items"):
        changed(small, laboratories={"plain": {}})
