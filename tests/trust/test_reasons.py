"""Every reason follows from its numbers: they are repeated, and states change where they should."""

import math

import pytest
from changed_findings import (
    reason,
    with_expected,
    with_halves,
    with_place,
    with_repeats,
    with_table,
    with_velocities,
    with_velocity,
    with_widefield,
)

from smlmsim.trust.findings import Velocities
from smlmsim.trust.reasons import HALVES, MAP, NUMBER, WIDEFIELD, broken, reasons
from smlmsim.trust.words import verdict


def test_the_expected_score_is_that_of_the_reconstructor_with_its_spread_and_range(findings):
    said = reason(findings, MAP)
    assert "annapalm3d is expected to score MS-SSIM 0.81 ± 0.03" in said.sentence
    assert "mean and standard deviation of 5 movies" in said.sentence
    assert "the mean is 0.75 to 0.85" in said.sentence
    assert "206 Hz per 2.56 x 2.56 um (150 to 260 Hz over the recording)" in said.sentence
    assert "61 ± 4 nm/s" in said.sentence
    assert "good enough, 0.7 or more, up to 97 nm/s." in said.sentence
    assert "hold for filaments like those of the map" in said.sentence


@pytest.mark.parametrize(
    ("low", "mean", "state"), [(0.7, 0.8, "good"), (0.69, 0.7, "fair"), (0.6, 0.69, "poor")]
)
def test_an_expected_score_speaks_for_a_movie_from_0_7_on(findings, low, mean, state):
    found = with_expected(findings, low=low, mean=mean)
    assert reason(found, MAP).state == state
    if state == "poor":
        assert verdict(found).endswith("simulated movies at this rate and velocity score 0.69 only")


def test_good_enough_up_to_the_end_of_the_map_is_said_so(findings):
    found = with_expected(findings, up_to=220.0)
    assert "0.7 or more, up to 220 nm/s, the end of the map." in reason(found, MAP).sentence


def test_a_stated_velocity_is_said_to_be_stated(findings):
    found = with_velocities(findings, stated=0.0)
    assert "at the stated velocity, 0 nm/s, annapalm3d" in reason(found, MAP).sentence


def test_the_place_on_the_map_says_what_its_velocity_comes_from(findings):
    assert "at the velocity measured in the widefield images, 61 ± 4 nm/s over 1.5 s, annapalm3d" in (
        reason(findings, MAP).sentence
    )
    told = with_velocities(findings, seen=None, told=findings.place.velocities.seen)
    assert "at the velocity that the localizations tell, 61 ± 4 nm/s" in reason(told, MAP).sentence


def test_without_a_velocity_all_of_the_map_counts_and_slow_structures_may_still_be_good(findings):
    found = with_place(
        with_expected(findings, low=0.42, mean=0.6, high=0.86), velocities=Velocities(untold="too few")
    )
    said = reason(found, MAP)
    assert "at all velocities of the map, 0 to 220 nm/s, since none was measured" in said.sentence
    assert said.state == "fair"
    never = with_expected(found, high=0.69, up_to=math.nan)
    assert reason(never, MAP).state == "poor"
    assert "does not reach 0.7, which counts as good enough, at any velocity" in reason(never, MAP).sentence


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: with_place(f, rate_hz=8.73), "the rate, 8.73 Hz per 2.56 x 2.56 um, is beyond the map, 30 to 1600"),
        (
            lambda f: with_velocity(f, 300.0),
            "the velocity, 300 nm/s, is beyond the map, up to 220 nm/s",
        ),
        (lambda f: f._replace(shown=f.shown._replace(point_s=3.0)), "time points are 3 s, those of the map 1.5 s"),
        (lambda f: f._replace(shown=f.shown._replace(pixel_nm=40.0)), "pixels are 40 nm, those of the map 20 nm"),
        (lambda f: with_table(f, structure="TOM22"), "the map is of filaments, the table of TOM22"),
        (lambda f: f._replace(domain=("found 40 nm, trained for 20",)), "annapalm3d: found 40 nm, trained for 20"),
        (lambda f: f._replace(chosen="mine"), "the map does not hold mine"),
    ],
)  # fmt: skip
def test_an_expected_score_is_withdrawn_where_the_map_does_not_hold(findings, change, said):
    assert broken(findings) == []
    found = change(findings)
    assert broken(found) == [next(line for line in broken(found) if line.startswith(said))]
    assert reason(found, MAP).state == "unknown"
    assert said in reason(found, MAP).sentence
    assert verdict(found) == "This movie repeats itself, but nothing here says whether it is true"
    nearest = "At the nearest place of the map it scores 0.81 ± 0.03, which need not hold here"
    assert (nearest in reason(found, MAP).sentence) == (found.chosen != "mine")


def test_the_agreement_of_halves_is_repeated_with_what_it_cannot_see(findings):
    said = reason(findings, HALVES)
    assert said.state == "good"
    assert said.sentence.startswith("75 % of the centre lines of two random halves agree within 20.3 nm (F1)")
    assert (
        "their correlation is 0.83, and their resolution 88 nm (61 nm to 143 nm over time, 70 nm to none"
        in said.sentence
    )
    assert "Each localization was assigned by itself" in said.sentence
    assert "what annapalm3d always invents or misses, and drift, are in both halves" in said.sentence
    none = with_halves(findings, lines=math.nan, pearson=0.5, times_nm=(math.nan, math.nan), frc_nm=10_000.0)
    assert (
        "No centre lines are long enough to compare; their correlation is 0.50"
        in reason(none, HALVES).sentence
    )
    assert (
        "resolution none, as they do not correlate (not measurable over time" in reason(none, HALVES).sentence
    )
    assert reason(none, HALVES).state == "fair"


def test_molecules_in_one_half_are_those_that_were_dark_for_a_stated_time(findings):
    found = with_halves(findings, by="molecule", dark_s=0.384)
    assert (
        "A molecule that was dark for up to 0.38 s is in one half. A half" in reason(found, HALVES).sentence
    )
    later = with_repeats(found, returns_later=True)
    assert "Some molecules come back later and may be in both halves" in reason(later, HALVES).sentence
    assert (reason(found, HALVES).state, reason(later, HALVES).state) == ("good", "fair")
    joined = with_table(later, joined_nm=40.0)
    assert reason(joined, HALVES).state == "good"
    assert "come back later" not in reason(joined, HALVES).sentence


def test_halves_that_cannot_be_compared_leave_no_verdict(findings):
    found = with_halves(findings, problem="the table holds too few localizations or molecules for two halves")
    assert verdict(found).startswith("This movie cannot be judged")
    assert "too few localizations or molecules" in reason(found, HALVES).sentence


@pytest.mark.parametrize(("rsp", "state"), [(0.8, "good"), (0.79, "fair"), (0.6, "fair"), (0.59, "poor")])
def test_widefield_images_are_a_reason_of_their_own(findings, rsp, state):
    said = reason(with_widefield(findings, rsp=rsp), WIDEFIELD)
    assert said.state == state
    assert f"correlates with the widefield images by {rsp:.2f} (RSP" in said.sentence
    assert "Blurred by a Gaussian of 131 nm" in said.sentence
    assert "They lie on the localizations, within 18 ± 7 nm." in said.sentence
    assert all(one.title != WIDEFIELD for one in reasons(findings._replace(widefield=None)))


def test_widefield_images_that_were_moved_say_by_how_much(findings):
    found = with_widefield(findings, shift_nm=154.2, is_moved=True)
    said = reason(found, WIDEFIELD).sentence
    assert (
        "They lay 154 ± 7 nm beside the localizations, and were shifted and scaled onto them before" in said
    )


def test_widefield_images_that_could_not_be_registered_or_compared_say_why(findings):
    found = with_widefield(findings, shift_nm=None, unregistered="they are noise")
    assert (
        "could not be registered with the localizations (they are noise)" in reason(found, WIDEFIELD).sentence
    )
    apart = with_widefield(findings, problem="they hardly overlap")
    assert reason(apart, WIDEFIELD).state == "unknown"
    assert "cannot be compared: they hardly overlap" in reason(apart, WIDEFIELD).sentence


@pytest.mark.parametrize(
    ("rate_hz", "state", "compared"),
    [
        (110.0, "good", "as many as in live cells, 165 or more"),
        (109.0, "fair", "fewer than in published live cells, 165 or more"),
        (30.0, "fair", "fewer than in published live cells, 165 or more"),
        (29.0, "poor", "fewer than the 45 with which the map begins"),
    ],
)
def test_localizations_in_a_time_point_are_counted(findings, rate_hz, state, compared):
    found = with_place(findings, rate_hz=rate_hz)
    assert reason(found, NUMBER).state == state
    assert f"holds {1.5 * rate_hz:.3g} localizations in 2.56 x 2.56 um" in reason(found, NUMBER).sentence
    assert reason(found, NUMBER).sentence.endswith(f"in the mean: {compared}.")
    few = with_halves(found, lines=0.1)
    assert ("it has too few localizations, and" in verdict(few)) == (state == "poor")


def test_large_numbers_have_no_exponent(findings):
    found = with_place(findings, rate_hz=1733.3)
    assert "holds 2600 localizations" in reason(found, NUMBER).sentence
    assert "at this rate, 1730 Hz per 2.56 x 2.56 um" in reason(found, MAP).sentence
