"""A study says what is trained where, and what it says wrongly is refused with what would do."""

import itertools

import pytest
from pydantic import ValidationError

from smlmsim.pipeline import Hybrid, SemiSimulated, simulate
from smlmsim.rng import stream
from smlmsim.robustness import Robustness
from smlmsim.robustness.study import CONDITIONS, PERTURBED, Training, between


def changed(original, **changes):
    return Robustness.model_validate(original.model_dump() | changes)


def with_laboratory(study, **settings):
    return changed(study, laboratories={"plain": {}, "odd": settings}, course=None)


def test_m0_sees_few_fields_of_one_laboratory_and_every_other_misses_one(small):
    assert small.models == {
        "M0": Training(("plain",), fields=2),
        "M1": Training(("wide", "large")),
        "M2": Training(("plain", "large")),
        "M3": Training(("plain", "wide")),
        "all": Training(("plain", "wide", "large")),
    }
    assert small.unseen_by("wide") == "M2"
    other = changed(small, one_laboratory={"laboratory": "large", "fields": 4})
    assert other.models["M0"] == Training(("large",), fields=4)


def test_few_fields_are_among_the_many_of_a_draw_and_each_draw_has_others(small):
    small = changed(small, quantity={"fields": [1, 3], "draws": 2})
    assert list(small.quantities) == [
        "fields-1-draw-0", "fields-1-draw-1", "fields-3-draw-0", "fields-3-draw-1",
    ]  # fmt: skip
    fields = {name: small.mixture(training).fields[0] for name, training in small.quantities.items()}
    assert [len(found) for found in fields.values()] == [1, 1, 3, 3]
    assert fields["fields-3-draw-1"][:1] == fields["fields-1-draw-1"]
    assert not set(fields["fields-3-draw-0"]) & set(fields["fields-3-draw-1"])
    assert not small.mixture(small.quantities["fields-1-draw-0"], "validation").fields
    assert not changed(small, quantity=None).quantities


def test_the_perturbation_grows_to_half_in_its_half_time_and_every_cell_is_another(small):
    assert small.test_study("wide", "after-0-min") == small.test_study("wide")
    half = changed(small, course={"laboratory": "wide", "minutes": [0, 8], "half_minutes": 8, "cells": 2})
    later = half.test_study("wide", "after-8-min").structure
    assert (later.density_per_um, later.longest_nm) == (4.5, (2600 + half.study.structure.longest_nm) / 2)
    cells = [test.seed for test in half.tests if test.condition.startswith("after")]
    assert sorted(set(cells)) == cells == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("control", "perturbed", "share", "wanted"),
    [
        (4.0, 2.0, 0.25, 3.5),
        (10, 5, 0.5, 8),
        ("a", "b", 0.0, "a"),
        ("a", "b", 0.1, "b"),
        (True, False, 0.5, False),
    ],
)
def test_between_two_values(control, perturbed, share, wanted):
    assert between(control, perturbed, share) == wanted


@pytest.fixture
def with_tables(small, tmp_path):
    """A study with a laboratory of patches of a table, and one whose perturbed cells are measured, too."""
    rng = stream(0, "table")
    for name in ("fixed", "other", "treated"):
        place = rng.uniform(0, 1500, size=(2, 4000))
        rows = ["x [nm],y [nm],frame", *(f"{x:.1f},{y:.1f},1" for y, x in place.T)]
        (tmp_path / f"{name}.csv").write_text("\n".join(rows))
    tables = {name: [{"table": str(tmp_path / f"{name}.csv")}] for name in ("fixed", "other", "treated")}
    return changed(
        small,
        laboratories={
            "plain": {},
            "measured": {"tables": tables["fixed"], "localization.precision_nm": 25},
            "treated": {
                "tables": tables["fixed"],
                "test_tables": tables["other"],
                "perturbed_tables": tables["treated"],
            },
        },
        course=None,
    )


def test_a_laboratory_may_be_measured_tables(with_tables):
    training, test = with_tables.corpus("measured").study, with_tables.test_study("measured")
    assert isinstance(test, Hybrid)
    assert training == test
    assert test.localization.precision_nm == 25
    assert test.field == with_tables.study.field
    assert test.motion.velocity_nm_per_s == with_tables.study.motion.velocity_nm_per_s
    assert with_tables.conditions("measured") == ("control",)
    assert ("measured", "perturbed") not in {(t.laboratory, t.condition) for t in with_tables.tests}
    observation, truth = simulate(test, 0)
    assert observation.sizes["localization"] > 100
    assert float(truth.density.max()) > 0


def test_tables_of_tests_and_of_perturbed_cells_are_others_than_those_of_training(with_tables):
    names = [
        study.tables[0].table.stem
        for study in (
            with_tables.corpus("treated").study, with_tables.test_study("treated"),
            with_tables.test_study("treated", PERTURBED),
        )
    ]  # fmt: skip
    assert names == ["fixed", "other", "treated"]
    assert with_tables.conditions("treated") == CONDITIONS
    assert with_tables.tested_where_trained == ("measured",)


def test_what_cannot_be_followed_or_quantified_is_refused(small, with_tables):
    with pytest.raises(ValidationError, match=r"the course is simulated, but measured is measured"):
        changed(with_tables, course={"laboratory": "measured"})
    with pytest.raises(ValidationError, match=r"no laboratory 'nope'; there are: plain, wide, large"):
        changed(small, quantity={"laboratory": "nope"})
    with pytest.raises(ValidationError, match=r"minutes increase from 0, found 5, 10"):
        changed(small, course={"minutes": [5, 10]})
    with pytest.raises(ValidationError, match=r"fields increase, found 60, 1"):
        changed(small, quantity={"fields": [60, 1]})


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
    tests = [test for test in small.tests if test.condition in CONDITIONS]
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
        changed(small, laboratories={"plain": {}}, course=None)
