"""Velocities are told with their source, their error and their bias; the biases are those that were measured."""

import re

import pytest
from changed_findings import with_place, with_velocities

from smlmsim.estimate.localization_velocity import biases, localization_velocity
from smlmsim.estimate.spaced_images import BIAS, spaced_velocity
from smlmsim.estimate.velocity import FilamentVelocity
from smlmsim.trust.velocity import about_velocity, velocity_of

TOLD = FilamentVelocity(58.0, 5.0, 1.5)


def test_images_count_before_localizations_and_what_is_stated_before_both(findings):
    assert velocity_of(findings) == "the velocity measured in the widefield images, 61 ± 4 nm/s over 1.5 s"
    told = with_velocities(findings, seen=None, told=TOLD)
    assert velocity_of(told) == "the velocity that the localizations tell, 58 ± 5 nm/s over 1.5 s"
    assert told.place.velocity == TOLD
    stated = with_velocities(findings, stated=0.0, told=TOLD)
    assert velocity_of(stated) == "the stated velocity, 0 nm/s"
    assert stated.place.velocity.error_nm_per_s == 0
    assert velocity_of(with_velocities(findings, seen=None)) == "not measured"


def test_both_velocities_are_told_beside_each_other_with_error_and_bias(findings):
    said = about_velocity(with_velocities(findings, told=TOLD))
    assert (
        "The widefield images tell a velocity of 61 ± 4 nm/s over 1.5 s; on average, this was 95 to 110 %"
        in said
    )
    assert (
        "The localizations tell a velocity of 58 ± 5 nm/s over 1.5 s; on average, this was 87 to 105 %"
        in said
    )
    assert said.endswith("The two agree within their errors. What counts is that of the widefield images.")
    far = about_velocity(with_velocities(findings, told=FilamentVelocity(90.0, 5.0, 1.5)))
    assert "The two differ by more than their errors." in far


def test_what_tells_no_velocity_says_why(findings):
    said = about_velocity(findings)
    assert "The localizations tell no velocity: too few." in said
    alone = about_velocity(with_velocities(findings, seen=None, unseen="", has_images=False))
    assert "widefield" not in alone
    stated = about_velocity(with_velocities(findings, stated=0.0))
    assert stated.endswith("What counts is the stated velocity, 0 nm/s.")


def test_few_localizations_have_a_larger_bias(findings):
    few = with_place(with_velocities(findings, told=TOLD), rate_hz=40.0)
    assert "on average, this was 84 to 116 % of the truth" in about_velocity(few)


def _biases(text, rate_hz=None):
    """The biases in the table of a docstring, in percent."""
    rows = re.findall(
        r"^ +(?:polymer|deformation) +\d+ +([\d.]+) +[\d.]+ +[\d.]+ +([+-]\d+) %", text, re.MULTILINE
    )
    return [int(bias) for third, bias in rows if rate_hz is None or float(third) >= rate_hz]


@pytest.mark.parametrize("rate_hz", [30.0, 110.0])
def test_the_biases_are_those_of_the_published_tables(rate_hz):
    found = _biases(localization_velocity.__doc__, rate_hz)
    assert len(found) in (16, 24)
    low, high = biases(rate_hz)
    assert 100 * low - 1e-9 <= min(found) <= 100 * low + 4
    assert 100 * high - 4 <= max(found) <= 100 * high + 1e-9
    seen = _biases(spaced_velocity.__doc__)
    assert len(seen) == 16
    assert 100 * BIAS[0] <= min(seen)
    assert max(seen) <= 100 * BIAS[1] + 1e-9
