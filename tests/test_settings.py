"""Every setting is listed with what it is unless it is set, its unit and its range."""

import pytest

from smlmsim._settings import UNITS, closest, nearest, settings, unit_of
from smlmsim.corpus import Corpus
from smlmsim.grid import Grid
from smlmsim.pipeline import Experimental, FixedPair, Hybrid, SemiSimulated, SimulatedDynamic, TwoColours
from smlmsim.train import load_trainable, trainable

CLASSES = [
    SimulatedDynamic,
    SemiSimulated,
    Hybrid,
    Experimental,
    FixedPair,
    TwoColours,
    Grid,
    Corpus,
    *map(load_trainable, trainable()),
]


def one(model, path, kind=""):
    (found,) = [each for each in settings(model) if (each.path, each.kind) == (path, kind)]
    return found


def test_a_setting_has_its_default_unit_range_and_meaning():
    assert one(SimulatedDynamic, "field.pixel_nm")[1:] == ("20", "nm", "> 0", "", "Edge length of a pixel")
    found = one(SimulatedDynamic, "motion.velocity_nm_per_s", "polymer")
    assert (found.default, found.unit, found.range) == ("60", "nm/s", ">= 0")
    assert one(SimulatedDynamic, "motion.persistence_length_nm", "polymer")[1:4] == ("none", "nm", "> 0")
    assert one(SimulatedDynamic, "photophysics.blinks", "blinking").range == ">= 1"
    assert one(Hybrid, "tables[].table").default == "required"
    assert one(TwoColours, "second_label.photophysics.kind").default == "none"  # as those of the first
    assert one(SimulatedDynamic, "photophysics.frozen", "poisson")[1:4] == ("false", "", "true or false")


def test_what_all_kinds_have_is_listed_once_and_kinds_below_kinds_are_both_named():
    assert one(Corpus, "study.field.pixel_nm").default == "20"
    assert one(Corpus, "study.photophysics.blinks", "blinking").default == "14"
    assert one(Corpus, "study.motion.velocity_nm_per_s", "simulated_dynamic, rigid").unit == "nm/s"


def test_a_kind_lists_those_there_are():
    found = one(SimulatedDynamic, "motion.kind")
    kinds = "polymer, deformation, rigid, static, brownian, wandering, learned"
    assert (found.default, found.range) == ("polymer", f"one of {kinds}")
    found = one(SemiSimulated, "motion.kind")
    assert (found.default, found.range) == ("deformation", "one of deformation, wandering, learned")


def test_defaults_are_those_of_the_study_and_not_of_its_parts_alone():
    assert one(SimulatedDynamic, "structure.density_per_um", "microtubules").default == "3"
    assert one(SemiSimulated, "structure.density_per_um", "microtubules").default == "1.5"


@pytest.mark.parametrize("model", CLASSES, ids=lambda model: model.__name__)
def test_every_setting_of_every_class_is_listed_once_for_its_kind(model):
    listed = [(found.path, found.kind) for found in settings(model)]
    assert len(listed) == len(set(listed))
    assert {path.partition(".")[0].removesuffix("[]") for path, _ in listed} == set(model.model_fields)
    assert all(found.default for found in settings(model))


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("velocity_nm_per_s", "nm/s"),
        ("per_um2", "um-2"),
        ("density_per_um", "um-1"),
        ("vertices", ""),
        ("rate_hz", "Hz"),
    ],
)
def test_the_unit_is_that_which_the_name_ends_in(name, unit):
    assert unit_of(name) == unit
    endings = list(UNITS)
    assert not any(later.endswith(ending) for i, ending in enumerate(endings) for later in endings[i + 1 :])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("rate_hz", "photophysics.rate_hz"),
        ("motoin", "motion"),
        ("pixel_size_nm", "field.pixel_nm"),
        ("time_points", "acquisition.time_points"),
        ("velocity", "motion.velocity_nm_per_s"),
        ("zebra", ""),
    ],
)
def test_a_name_is_taken_for_the_nearest_setting_wherever_it_is(name, meant):
    assert nearest(name, SimulatedDynamic) == meant


def test_the_same_letters_come_before_a_beginning_and_that_before_likeness():
    assert closest("Rate Hz", ["rate", "rate_hz"]) == "rate_hz"
    assert closest("rate", ["grate", "rate_hz"]) == "rate_hz"
    assert closest("rats", ["grass", "rate"]) == "rate"
    assert closest("", ["rate"]) == ""
