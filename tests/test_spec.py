"""A Spec is frozen, hashable, strict about its settings, and survives a trip through TOML."""

import re

import pydantic
import pytest

from smlmsim.field import FieldOfView
from smlmsim.pipeline import Hybrid, SimulatedDynamic
from smlmsim.selection import Selection
from smlmsim.spec import LARGEST_TOML, Spec, brief, explain, read_toml


class Outer(Spec):
    field: FieldOfView = FieldOfView()
    name: str | None = None


def refused(tree, model=Outer):
    with pytest.raises(pydantic.ValidationError) as caught:
        model.model_validate(tree)
    return explain(caught.value)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"nane": 1}, "nane: no such setting; did you mean name?"),
        ({"Name": "a"}, "Name: no such setting; did you mean name?"),
        ({"field": {"pixel-nm": 1}}, "field.pixel-nm: no such setting; did you mean pixel_nm?"),
        ({"field": {"pixel": 1}}, "field.pixel: no such setting; did you mean pixel_nm?"),
        ({"height_nm": 1}, "height_nm: no such setting; did you mean field.height_nm?"),
        ({"colour": 1}, "colour: no such setting; there are: field, name"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_one_that_may_be_meant(tree, said):
    assert refused(tree) == said


def test_kinds_are_no_part_of_the_path_and_are_named_where_they_are_wrong():
    assert refused({"motion": {"velocity": 3}}, SimulatedDynamic) == (
        "motion.velocity: no such setting; did you mean velocity_nm_per_s?"
    )
    assert refused({"photophysics": {"on_s": 3}}, SimulatedDynamic) == (
        "photophysics.on_s: no such setting; kind = 'blinking' has it"
    )
    assert refused({"motion": {"kind": "polymr"}}, SimulatedDynamic) == (
        "motion.kind: no 'polymr'; did you mean 'polymer'?"
    )
    assert refused({"motion": {"kind": 9}}, SimulatedDynamic).startswith(
        "motion.kind: no '9'; there are: polymer,"
    )


def test_whatever_is_wrong_is_said_in_one_short_line():
    long = {"field": {"pixel_nm": "7" * 10**6}, "name": ["x" * 10**6] * 1000}
    assert len(refused(long)) < 600
    many = refused({"structure": {f"s{i}": i for i in range(50)}, "field": 3, "motion": 4, "density": [1] * 99,
                    "localization": {"precision_nm": -1}}, SimulatedDynamic)  # fmt: skip
    assert many.endswith("; and 2 more")
    assert len(many) < 500
    assert "\n" not in refused({"name": "a\nb", "field": "c\nd"})


def test_what_is_wrong_in_an_entry_is_not_said_of_all_of_them_too():
    said = refused({"kind": "hybrid", "tables": [{"tabel": "a.csv"}]}, Hybrid)
    assert said == "tables.0.tabel: no such setting; did you mean table?"


def test_a_file_is_named_before_what_is_wrong_in_it(tmp_path):
    (tmp_path / "spec.toml").write_text("[field]\npixel = 3\n")
    with pytest.raises(
        ValueError, match=r"spec\.toml: field\.pixel: no such setting; did you mean pixel_nm\?$"
    ):
        Outer.from_toml(tmp_path / "spec.toml")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0, -1, "wide"])
def test_a_setting_out_of_range_is_refused_and_the_explanation_names_it_and_what_was_found(value):
    with pytest.raises(pydantic.ValidationError) as caught:
        Outer.model_validate({"field": {"pixel_nm": value}})
    assert re.match("field.pixel_nm: (Input )?should be", explain(caught.value))
    assert repr(value) in explain(caught.value)


def test_specs_are_frozen_and_equal_specs_hash_alike():
    assert hash(Outer()) == hash(Outer(name=None))
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        FieldOfView().pixel_nm = 10


def test_a_dotted_path_reads_and_replaces():
    changed = Outer().replace({"field.pixel_nm": 40.0, "name": "wide"})
    assert changed.get("field.pixel_nm") == 40.0
    assert changed.get("name") == "wide"
    assert Outer().get("field.pixel_nm") == 20.0


@pytest.mark.parametrize("path", ["field.nope", "nope", "field.pixel_nm.deeper"])
def test_a_path_to_nothing_is_refused_with_its_name(path):
    with pytest.raises(KeyError, match="has no setting"):
        Outer().replace({path: 1})


def test_a_replacement_is_validated_as_a_whole():
    with pytest.raises(pydantic.ValidationError, match="smaller than one pixel"):
        Outer().replace({"field.width_nm": 5.0})


def test_toml_gives_the_same_spec_back(tmp_path):
    spec = Outer(field=FieldOfView(pixel_nm=40), name="wide")
    (tmp_path / "spec.toml").write_text(spec.to_toml())
    assert Outer.from_toml(tmp_path / "spec.toml") == spec


def test_a_file_that_is_not_toml_is_named(tmp_path):
    (tmp_path / "spec.toml").write_bytes(b"\xff = [")
    with pytest.raises(ValueError, match=r"spec\.toml is not TOML"):
        Outer.from_toml(tmp_path / "spec.toml")


def test_the_digest_follows_the_settings_alone():
    assert Outer().digest == Outer(field=FieldOfView(pixel_nm=20)).digest
    assert Outer().digest != Outer(name="other").digest


class Many(Spec):
    values: tuple[float, ...] = ()
    text: int = 0


HUGE = {
    "list": ["x"] * 10**6,
    "mapping": {str(i): i for i in range(10**5)},
    "bytes": b"x" * 10**6,
    "text": "x" * 10**6,
    "whole number": 10**5000,
    "deep": [[[[["deep"] * 99]]]],
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_found_value_of_any_size_is_shown_in_one_short_line(kind):
    with pytest.raises(pydantic.ValidationError) as caught:
        FieldOfView.model_validate({"pixel_nm": HUGE[kind]})
    assert explain(caught.value).startswith("pixel_nm: should be a number")
    assert len(explain(caught.value)) < 400
    assert "\n" not in explain(caught.value)


def test_a_long_value_is_never_turned_into_text():
    class Loud(list):
        def __repr__(self):
            raise AssertionError("it is too long to be written")

    assert brief(Loud([1]), 50) == "a Loud"
    assert brief({"a": Loud([1])}) == "{'a': a Loud}"


def test_of_many_problems_the_first_are_explained_and_the_rest_counted():
    with pytest.raises(pydantic.ValidationError) as caught:
        Many(values=["x"] * 1000)
    said = explain(caught.value).split("; ")
    assert said[0].startswith("values.0: ")
    assert said[3:] == ["and 997 more"]


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5000, "#" * (LARGEST_TOML + 1)])
def test_toml_that_nobody_writes_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "spec.toml").write_text(text)
    with pytest.raises(ValueError, match=r"spec\.toml is (not TOML|longer than)") as caught:
        read_toml(tmp_path / "spec.toml")
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_what_another_kind_does_not_keep_is_listed():
    study = SimulatedDynamic().replace({"motion.velocity_nm_per_s": 150, "photophysics.frozen": True})
    assert study.lost({"motion.kind": "rigid"}) == study.lost({"motion.kind": "polymer"}) == []
    both = {"motion.kind": "static", "photophysics.kind": "blinking"}
    assert study.lost(both) == ["motion.velocity_nm_per_s=150.0", "photophysics.frozen=True"]


def test_a_list_that_is_too_short_or_no_list_is_described_in_plain_words():
    with pytest.raises(pydantic.ValidationError) as short:
        Selection(crop_nm=(0, 1, 2))
    assert explain(short.value) == "crop_nm: value 4 is missing"
    with pytest.raises(pydantic.ValidationError) as single:
        Selection(crop_nm=3)
    assert explain(single.value) == "crop_nm: should be a list (found 3)"
    with pytest.raises(pydantic.ValidationError) as text:
        Selection(from_frame="one")
    assert explain(text.value) == "from_frame: should be a whole number (found 'one')"
