"""Every warning has its number, and what is in order is not warned of."""

import math

import pytest
from changed_findings import (
    with_place,
    with_table,
    with_velocities,
    with_velocity,
    with_widefield,
)

from smlmsim.estimate.drift import Drift
from smlmsim.estimate.repeats import Repeats
from smlmsim.estimate.velocity import FilamentVelocity
from smlmsim.trust.cautions import warnings
from smlmsim.trust.findings import Velocities


def test_an_ordinary_table_is_not_warned_of(findings):
    assert warnings(findings) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f._replace(repeats=Repeats(0.253, 0.004, 39.2)), "blinking: at least 25 % of the localizations"),
        (lambda f: f._replace(repeats=Repeats(0.253, 0.004, 39.2)), "--link-nm 39 --link-dark-frames 1 joins them"),
        (lambda f: f._replace(drift=Drift(49.3, 16.1)), "shifted as a whole by 49 ± 16 nm"),
        (lambda f: f._replace(drift=None), "drift: it cannot be measured"),
        (lambda f: with_table(f, exposure_is_stated=False), "a camera frame is assumed, 0.03 s"),
        (lambda f: with_table(f, precision_nm=math.nan), "reports no precision"),
        (lambda f: f._replace(shown=f.shown._replace(localizations=321)), "321 localizations in all"),
        (lambda f: f._replace(domain=("found 40 nm, trained for 20",)), "outside the training of annapalm3d: found 40"),
        (lambda f: f._replace(doubts=("a camera frame of 30 s",)), "a camera frame of 30 s"),
        (lambda f: with_velocity(f, 61.0, at_least=True), "the velocity is a lower bound"),
        (lambda f: f._replace(occupied=0.083), "as if they filled 8 % of the field, 12 times as dense as the rate"),
        (lambda f: with_widefield(f, shift_nm=None), "could not be registered with the localizations"),
        (lambda f: with_widefield(f, shift_nm=180.0), "lay 180 nm beside the localizations, and were moved"),
        (lambda f: with_table(f, structure=""), "does not say what is labelled"),
        (lambda f: with_place(f, rate_hz=100.0), "--frames-per-point 2000 makes one image of all"),
    ],
)  # fmt: skip
def test_each_warning_has_its_number(findings, change, said):
    lines = warnings(change(findings))
    assert len(lines) == 1
    assert said in lines[0]


def test_too_few_localizations_are_counted(findings):
    lines = warnings(with_place(findings, rate_hz=20.0))
    assert "too few localizations: 30 per time point in 2.56 x 2.56 um; the map begins at 45" in lines
    assert not any(line.startswith("too few") for line in warnings(with_place(findings, rate_hz=30.0)))


@pytest.mark.parametrize("occupied", [0.2, math.nan])
def test_a_structure_throughout_the_field_is_not_compact(findings, occupied):
    assert warnings(findings._replace(occupied=occupied)) == []


def test_an_unknown_velocity_says_what_told_none_and_why(findings):
    (line,) = warnings(with_place(findings, velocities=Velocities(untold="too few")))
    assert line.startswith(
        "the velocity is unknown (localizations: too few): scores are those of all velocities"
    )
    assert "a widefield stack (--widefield) measures it" in line
    both = Velocities(unseen="a single widefield image shows no motion", untold="too few", has_images=True)
    (line,) = warnings(with_place(findings, velocities=both))
    assert "(widefield images: a single widefield image shows no motion; localizations: too few)" in line
    assert "--widefield" not in line


def test_different_velocities_are_told_beside_each_other(findings):
    told = FilamentVelocity(90.0, 6.0, 1.5)
    (line,) = warnings(with_velocities(findings, told=told))
    assert "tell different velocities, 61 ± 4 nm/s over 1.5 s and 90 ± 6 nm/s over 1.5 s" in line
    near = FilamentVelocity(80.0, 6.0, 1.5)
    assert warnings(with_velocities(findings, told=near)) == []


def test_a_stated_velocity_that_is_not_the_measured_one_is_warned_of(findings):
    (line,) = warnings(with_velocities(findings, stated=0.0))
    assert line == "the stated velocity, 0 nm/s, is not what is measured, 61 ± 4 nm/s over 1.5 s"
    assert warnings(with_velocities(findings, stated=60.0)) == []


@pytest.mark.parametrize("repeats", [Repeats(0.05, 0.001, 39.0), Repeats(0.2, 0.1, 39.0)])
def test_few_repeats_or_uncertain_ones_are_not_called_blinking(findings, repeats):
    assert warnings(findings._replace(repeats=repeats)) == []


def test_molecules_that_return_after_long_are_not_said_to_be_joined(findings):
    (line,) = warnings(findings._replace(repeats=Repeats(0.22, 0.006, 45.0, 38, True)))
    assert (
        "--link-nm 45 --link-dark-frames 38 joins them, but for those that return after more dark frames"
        in line
    )


def test_joined_molecules_do_not_blink(findings):
    found = with_table(findings._replace(repeats=Repeats(0.3, 0.01, 39.0)), joined_nm=40.0)
    assert warnings(found) == []
