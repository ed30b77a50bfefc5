"""Every statement in words follows from its number: numbers are repeated, and states change where they should."""

import math

import pytest

from smlmsim.estimate.drift import Drift
from smlmsim.estimate.repeats import Repeats
from smlmsim.trust import words
from smlmsim.trust.findings import Widefield
from smlmsim.trust.words import HALVES, MAP, NUMBER, WIDEFIELD, advice, broken, lead, verdict, warnings


def reason(found, title):
    return next(one for one in words.reasons(found) if one.title == title)


def with_halves(found, **changed):
    return found._replace(halves=found.halves._replace(**changed))


def with_table(found, **changed):
    return found._replace(table=found.table._replace(**changed))


def with_place(found, **changed):
    return found._replace(place=found.place._replace(**changed))


def with_expected(found, **changed):
    first, *others = found.expected
    return found._replace(expected=(first._replace(**changed), *others))


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


def test_a_stated_velocity_is_said_to_be_stated(findings):
    at_rest = findings.place.velocity._replace(velocity_nm_per_s=0.0)
    found = with_place(findings, velocity=at_rest, velocity_is_stated=True)
    assert "at the stated velocity, 0 nm/s" in reason(found, MAP).sentence
    assert warnings(found) == []


def test_without_a_velocity_all_of_the_map_counts_and_slow_structures_may_still_be_good(findings):
    found = with_place(with_expected(findings, low=0.42, mean=0.6, high=0.86), velocity=None)
    said = reason(found, MAP)
    assert "at all velocities of the map, 0 to 220 nm/s, since none was measured" in said.sentence
    assert said.state == "fair"
    assert any(line.startswith("the velocity is unknown: ") for line in warnings(found))
    never = with_expected(found, high=0.69, up_to=math.nan)
    assert reason(never, MAP).state == "poor"
    assert "does not reach 0.7, which counts as good enough, at any velocity" in reason(never, MAP).sentence
    why = with_place(findings, velocity=None, velocity_problem="only 3 shifts could be followed")
    assert any("unknown (only 3 shifts could be followed)" in line for line in warnings(why))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: with_place(f, rate_hz=8.73), "the rate, 8.73 Hz per 2.56 x 2.56 um, is beyond the map, 30 to 1600"),
        (
            lambda f: with_place(f, velocity=f.place.velocity._replace(velocity_nm_per_s=300.0)),
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
    by_molecule = with_halves(findings, by="molecule")
    assert "All localizations of a molecule are in one half" in reason(by_molecule, HALVES).sentence
    none = with_halves(findings, lines=math.nan, pearson=0.5, times_nm=(math.nan, math.nan), frc_nm=10_000.0)
    assert (
        "No centre lines are long enough to compare; their correlation is 0.50"
        in reason(none, HALVES).sentence
    )
    assert (
        "resolution none, as they do not correlate (not measurable over time" in reason(none, HALVES).sentence
    )
    assert reason(none, HALVES).state == "fair"


@pytest.mark.parametrize(
    ("lines", "state", "said"),
    [
        (0.7, "good", "Trust the shape of the filaments, but check ends and crossings"),
        (0.69, "fair", "Trust the shape of the filaments, not their gaps"),
        (
            0.39,
            "poor",
            "Do not trust the details of this movie: two halves of its localizations give different ones",
        ),
    ],
)
def test_the_verdict_follows_the_halves(findings, lines, state, said):
    found = with_halves(findings, lines=lines)
    assert reason(found, HALVES).state == state
    assert verdict(found) == said


def test_what_is_not_stated_to_be_filaments_is_trusted_on_condition(findings):
    found = with_table(findings, structure="")
    assert verdict(found).startswith("If these are filaments, trust their shape")
    assert any("does not say what is labelled" in line for line in warnings(found))


def test_halves_that_cannot_be_compared_leave_no_verdict(findings):
    found = with_halves(findings, problem="the table holds too few localizations or molecules for two halves")
    assert verdict(found).startswith("This movie cannot be judged")
    assert "too few localizations or molecules" in reason(found, HALVES).sentence


@pytest.mark.parametrize(
    ("rsp", "state", "begin"),
    [(0.8, "good", "Trust"), (0.79, "fair", "Trust"), (0.59, "poor", "Do not trust")],
)
def test_widefield_images_are_a_reason_of_their_own(findings, rsp, state, begin):
    assert all(one.title != WIDEFIELD for one in words.reasons(findings))
    found = findings._replace(widefield=Widefield(rsp, 12.0, 131.2, 18.0, 100.0))
    said = reason(found, WIDEFIELD)
    assert said.state == state
    assert f"correlates with the widefield images by {rsp:.2f}" in said.sentence
    assert "Blurred by a Gaussian of 131 nm" in said.sentence
    assert "within 18 nm" in said.sentence
    assert verdict(found).startswith(begin)
    assert not any("shifted by" in line for line in warnings(found))
    apart = findings._replace(widefield=Widefield(rsp, 12.0, 131.2, 180.0, 100.0))
    assert any("are shifted by 180 nm" in line for line in warnings(apart))


@pytest.mark.parametrize(
    ("rate_hz", "state"), [(110.0, "good"), (109.0, "fair"), (30.0, "fair"), (29.0, "poor")]
)
def test_localizations_in_a_time_point_are_counted(findings, rate_hz, state):
    found = with_place(findings, rate_hz=rate_hz)
    assert reason(found, NUMBER).state == state
    assert f"holds {1.5 * rate_hz:.3g} localizations in 2.56 x 2.56 um" in reason(found, NUMBER).sentence
    assert any(line.startswith("too few localizations: ") for line in warnings(found)) == (state == "poor")
    few = with_halves(found, lines=0.1)
    assert ("it has too few localizations, and" in verdict(few)) == (state == "poor")


def test_large_numbers_have_no_exponent(findings):
    found = with_place(findings, rate_hz=1733.3)
    assert "holds 2600 localizations" in reason(found, NUMBER).sentence
    assert "at this rate, 1730 Hz per 2.56 x 2.56 um" in reason(found, MAP).sentence


def test_an_ordinary_table_is_not_warned_of(findings):
    assert warnings(findings) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f._replace(repeats=Repeats(0.253, 0.004, 39.2)), "blinking: at least 25 % of the localizations"),
        (lambda f: f._replace(repeats=Repeats(0.253, 0.004, 39.2)), "--link-nm 39 joins them"),
        (lambda f: f._replace(drift=Drift(49.3, 16.1)), "shifted as a whole by 49 ± 16 nm"),
        (lambda f: f._replace(drift=None), "drift: it cannot be measured"),
        (lambda f: with_table(f, exposure_is_stated=False), "a camera frame is assumed, 0.03 s"),
        (lambda f: with_table(f, precision_nm=math.nan), "reports no precision"),
        (lambda f: f._replace(shown=f.shown._replace(localizations=321)), "321 localizations in all"),
        (lambda f: f._replace(domain=("found 40 nm, trained for 20",)), "outside the training of annapalm3d: found 40"),
        (lambda f: f._replace(doubts=("a camera frame of 30 s",)), "a camera frame of 30 s"),
        (
            lambda f: with_place(f, velocity=f.place.velocity._replace(at_least=True)),
            "the velocity is a lower bound",
        ),
        (lambda f: with_place(f, rate_hz=100.0), "--frames-per-point 2000 makes one image of all"),
    ],
)  # fmt: skip
def test_each_warning_has_its_number(findings, change, said):
    lines = warnings(change(findings))
    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.parametrize("repeats", [Repeats(0.05, 0.001, 39.0), Repeats(0.2, 0.1, 39.0)])
def test_few_repeats_or_uncertain_ones_are_not_called_blinking(findings, repeats):
    assert warnings(findings._replace(repeats=repeats)) == []


def test_joined_molecules_do_not_blink(findings):
    found = with_table(findings._replace(repeats=Repeats(0.3, 0.01, 39.0)), joined_nm=40.0)
    assert warnings(found) == []


def test_the_best_of_the_map_is_advised_with_those_that_are_practically_equal(findings):
    assert advice(findings) == (
        "annapalm3d is advised: of those installed it scores best on the map here, 0.81 ± 0.03; practically equal: "
        "dblink."
    )


def test_a_network_outside_its_training_is_passed_over_and_the_reason_said(findings):
    first, second, third = findings.expected
    passed = (
        first._replace(outside=("found 40 nm, trained for 20",)),
        second._replace(outside=("too fast",)),
        third,
    )
    said = advice(findings._replace(expected=passed, chosen="gaussian_time"))
    assert said.startswith(
        "gaussian_time is advised, 0.71 ± 0.03. annapalm3d and dblink stand before it on the map"
    )
    assert (
        "up to 0.81, but this table lies outside what they were trained for (found 40 nm, trained for 20)"
        in said
    )


def test_what_was_asked_for_is_compared_with_the_advice(findings):
    said = advice(findings._replace(chosen="gaussian_time", asked=True))
    assert said == (
        "gaussian_time was asked for; expected 0.71 ± 0.03. The map puts annapalm3d first, 0.81 ± 0.03; practically "
        "equal: dblink."
    )
    assert "the map does not hold it" in advice(findings._replace(chosen="mine", asked=True))


def test_the_lead_names_what_was_reconstructed(findings):
    said = lead(findings)
    assert (
        "annapalm3d reconstructed 40 time points of 1.5 s from 12,345 localizations of cell.csv. There"
        in said
    )
    part = findings._replace(shown=findings.shown._replace(time_points=20, begin_s=15.0, end_s=45.0))
    assert "from 15 to 45 s of a recording of 60 s" in lead(part)
