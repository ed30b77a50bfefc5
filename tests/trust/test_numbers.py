"""Numbers are written with as many digits as they have meaning."""

import math

import pytest

from smlmsim.trust.findings import Expected
from smlmsim.trust.numbers import listed, resolution, resolutions, score_of, short, span


@pytest.mark.parametrize(
    ("value", "said"), [(205.75, "206"), (2599.95, "2600"), (0.01234, "0.0123"), (45.0, "45")]
)
def test_three_digits_are_written(value, said):
    assert short(value) == said


def test_a_range_of_one_number_is_that_number():
    assert span((205.7, 205.8)) == "206"
    assert span((150.0, 260.0)) == "150 to 260"
    assert resolutions((61.0, 61.2), 10_000.0) == "61 nm"
    assert resolutions((61.0, 143.0), 10_000.0) == "61 nm to 143 nm"
    assert resolutions((61.0, 10_000.0), 10_000.0) == "61 nm to none"
    assert resolutions((math.nan, math.nan), 10_000.0) == "not measurable"


def test_images_that_do_not_correlate_have_no_resolution():
    assert resolution(88.4, 10_000.0) == "88 nm"
    assert resolution(10_000.0, 10_000.0) == "none, as they do not correlate"


def test_a_score_of_one_movie_has_no_spread():
    assert score_of(Expected("mine", 0.8123, 0.0312, 0.7, 0.9)) == "0.81 ± 0.03"
    assert score_of(Expected("mine", 0.8123, math.nan, 0.7, 0.9)) == "0.81"


def test_names_are_joined_in_words():
    assert listed(["one"]) == "one"
    assert listed(["one", "two", "three"]) == "one, two and three"
