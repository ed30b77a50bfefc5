"""A Spec is frozen, hashable, strict about its settings, and survives a trip through TOML."""

import pydantic
import pytest

from smlmsim.field import FieldOfView
from smlmsim.spec import LARGEST_TOML, Spec, brief, explain, read_toml


class Outer(Spec):
    field: FieldOfView = FieldOfView()
    name: str | None = None


def test_an_unknown_setting_is_refused():
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        FieldOfView(pixel_mm=1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0, -1, "wide"])
def test_a_setting_out_of_range_is_refused_and_the_explanation_names_it_and_what_was_found(value):
    with pytest.raises(pydantic.ValidationError) as caught:
        Outer.model_validate({"field": {"pixel_nm": value}})
    assert explain(caught.value).startswith("field.pixel_nm: Input should be")
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
    assert explain(caught.value).startswith("pixel_nm: Input should be a ")
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
    lines = explain(caught.value).splitlines()
    assert lines[0].startswith("values.0: ")
    assert lines[5:] == ["and 995 more problems"]


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5000, "#" * (LARGEST_TOML + 1)])
def test_toml_that_nobody_writes_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "spec.toml").write_text(text)
    with pytest.raises(ValueError, match=r"spec\.toml is (not TOML|longer than)") as caught:
        read_toml(tmp_path / "spec.toml")
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)
