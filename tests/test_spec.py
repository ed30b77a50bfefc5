"""A Spec is frozen, hashable, strict about its settings, and survives a trip through TOML."""

import pydantic
import pytest

from smlmsim.field import FieldOfView
from smlmsim.spec import Spec, explain


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
