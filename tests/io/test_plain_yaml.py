"""YAML becomes plain values: objects are not constructed, repetition is refused, numbers of NumPy are told."""

import itertools

import numpy as np
import pytest
import yaml

from smlmsim.io import plain_yaml

LAUGHS = "a: &a [l, l, l]\n" + "\n".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]" for a, b in itertools.pairwise("abcdefghi")
)


def test_values_of_unknown_tags_are_read_as_what_they_consist_of():
    text = b"a: !!python/tuple [1, !!python/unicode 'b']\nc: !mine {d: !!python/float '1.5'}\ne: !other 3"
    assert plain_yaml.documents(text) == [{"a": [1, "b"], "c": {"d": 1.5}, "e": 3}]


@pytest.mark.parametrize("tag", ["object/apply:os.system", "object/new:os.system", "object:os.system"])
def test_objects_are_passed_over(tag, tmp_path):
    text = f"a: !!python/{tag} ['touch {tmp_path}/made']\nPixelsize: 130\nf: !!python/name:os.system ''"
    assert plain_yaml.documents(text.encode()) == [{"a": None, "Pixelsize": 130, "f": None}]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [np.float64(130.5), np.float32(0.1), np.int64(-7), np.uint16(9)])
def test_numbers_of_numpy_are_read(value):
    text = yaml.dump({"a": value, "b": value + value, "c": 1})
    assert "*id001" in text, "the second shares the type of the first"
    found = plain_yaml.documents(text.encode())[0]
    assert found == {"a": value.item(), "b": (value + value).item(), "c": 1}


def test_other_objects_of_numpy_are_nothing():
    text = yaml.dump({"a": np.complex128(1j), "b": np.arange(3), "c": 1})
    assert plain_yaml.documents(text.encode()) == [{"a": None, "b": None, "c": 1}]


def test_dates_stay_text():
    assert plain_yaml.documents(b"a: 2001-99-99\nb: 2024-02-03") == [{"a": "2001-99-99", "b": "2024-02-03"}]


@pytest.mark.parametrize("text", [LAUGHS, "a: &a [*a]", "a: &a 1\nb: *a", "a: !!python/tuple [&a 1, *a]"])
def test_aliases_are_refused(text):
    with pytest.raises(ValueError, match=r"^not YAML: aliases \(\*name\), which repeat a part of the file"):
        plain_yaml.documents(text.encode())


@pytest.mark.parametrize(
    "tag",
    [
        "python/name:x",
        "python/tuple",
        "python/object/apply:x.multiarray.scalar",
        "set",
        "float",
        "bool",
        "seq",
    ],
)
@pytest.mark.parametrize("nothing", ["", "''"])
def test_nothing_at_all_is_nothing_whatever_its_tag(tag, nothing):
    text = f"a: !!{tag} {nothing}\nb: ''\nPixelsize: 130"
    assert plain_yaml.documents(text.encode()) == [{"a": None, "b": "", "Pixelsize": 130}]


@pytest.mark.parametrize("parts", ["[1, 2]", "['', '']", "[]", "[{args: []}, '']", "[{args: [i8]}, '']"])
def test_a_number_of_numpy_that_lacks_its_parts_is_nothing(parts):
    text = f"a: !!python/object/apply:x.multiarray.scalar {parts}"
    assert plain_yaml.documents(text.encode()) == [{"a": None}]


@pytest.mark.parametrize("text", [b"a: [", b"\xff\xfe\xff"])
def test_what_is_no_yaml_is_refused_in_one_line(text):
    with pytest.raises(ValueError, match=r"^not YAML: .+") as raised:
        plain_yaml.documents(text)
    assert "\n" not in str(raised.value)
