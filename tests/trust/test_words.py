"""The verdict follows from the reasons, and what was reconstructed and is advised from the numbers."""

import pytest
from changed_findings import reason, with_expected, with_halves, with_place, with_table, with_widefield

from smlmsim.trust.reasons import HALVES
from smlmsim.trust.words import advice, lead, verdict


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


def test_a_fair_expected_score_leaves_the_gaps_in_doubt(findings):
    found = with_expected(findings, low=0.6)
    assert verdict(found) == "Trust the shape of the filaments, not their gaps"


def test_without_a_map_details_that_repeat_in_part_are_not_trusted(findings):
    found = with_halves(with_place(findings, rate_hz=5.0), lines=0.5)
    assert verdict(found).startswith("Trust the overall layout at most: details are partly repeated")


def test_widefield_images_that_do_not_match_forbid_trust(findings):
    assert verdict(with_widefield(findings, rsp=0.59)) == (
        "Do not trust this movie yet: it does not match the widefield images"
    )
    assert verdict(with_widefield(findings, rsp=0.6)).startswith("Trust")


def test_what_is_not_stated_to_be_filaments_is_trusted_on_condition(findings):
    found = with_table(findings, structure="")
    assert verdict(found).startswith("If these are filaments, trust their shape")


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


def test_a_single_network_that_is_passed_over_is_one(findings):
    first, second, third = findings.expected
    passed = (first._replace(outside=("found 40 nm, trained for 20",)), second, third)
    said = advice(findings._replace(expected=passed, chosen="dblink"))
    assert (
        "annapalm3d stands before it on the map, up to 0.81, but this table lies outside what it was trained"
        in said
    )


def test_without_an_installed_reconstructor_of_the_map_none_is_advised(findings):
    said = advice(findings._replace(expected=(), chosen="mine"))
    assert said == "No reconstructor of the map is installed; mine was taken."


def test_what_was_asked_for_is_compared_with_the_advice(findings):
    said = advice(findings._replace(chosen="gaussian_time", asked=True))
    assert said == (
        "gaussian_time was asked for; expected 0.71 ± 0.03. The map puts annapalm3d first, 0.81 ± 0.03; practically "
        "equal: dblink."
    )
    assert "the map does not hold it" in advice(findings._replace(chosen="mine", asked=True))


def test_what_was_asked_for_and_is_best_is_said_to_be_first(findings):
    said = advice(findings._replace(asked=True))
    assert (
        said
        == "annapalm3d was asked for; expected 0.81 ± 0.03. It is the first on the map; practically equal: dblink."
    )


def test_the_lead_names_what_was_reconstructed(findings):
    said = lead(findings)
    assert (
        "annapalm3d reconstructed 40 time points of 1.5 s from 12,345 localizations of cell.csv. There"
        in said
    )
    part = findings._replace(shown=findings.shown._replace(time_points=20, begin_s=15.0, end_s=45.0))
    assert "from 15 to 45 s of a recording of 60 s" in lead(part)
