"""What the sections of the page say is what was found."""

import numpy as np
import xarray as xr
from changed_findings import with_halves, with_place, with_table, with_velocities

from smlmsim.trust.findings import Velocities
from smlmsim.trust.sections import about_halves, about_map, about_spread, expected_scores, holds


def test_what_a_table_holds_is_listed_with_its_numbers(findings):
    assert holds(findings) == {
        "localizations": "12,345",
        "frames": "2,000 of 0.03 s, 60 s in all",
        "field": "2.56 x 2.56 um",
        "rate": "206 ± 1.9 Hz per 2.56 x 2.56 um, 150 to 260 Hz over the recording",
        "precision": "median 14.2 nm",
        "photons": "median 812 in a localization",
        "labelled": "microtubules",
        "velocity": "velocity measured in the widefield images, 61 ± 4 nm/s over 1.5 s",
        "velocity told by localizations": "not measurable",
        "velocity seen in widefield": "61 ± 4 nm/s over 1.5 s",
        "same molecule in the next frame": "1 % of the localizations, within 42 nm",
        "field that is filled": "61 %",
        "shift as a whole": "12 ± 6 nm at most",
    }


def test_what_a_table_lacks_is_said_or_left_out(findings):
    bare = with_table(findings, precision_nm=np.nan, photons=np.nan, structure="")
    found = holds(with_place(bare, velocities=Velocities())._replace(drift=None))
    assert found["precision"] == "not reported"
    assert "photons" not in found
    assert "velocity seen in widefield" not in found
    assert found["labelled"] == "not stated"
    assert found["velocity"] == "not measured"
    assert found["shift as a whole"] == "not measurable"


def test_halves_that_cannot_be_compared_say_why(findings):
    assert "annapalm3d on two random halves" in about_halves(findings)
    assert about_halves(with_halves(findings, problem="too few")) == "Two halves cannot be compared: too few."


def test_the_map_says_how_many_movies_a_cell_has_and_whether_a_velocity_is_known(findings):
    assert "mean MS-SSIM of 5 simulated movies" in about_map(findings)
    assert "Nothing tells the velocity" not in about_map(findings)
    unknown = with_velocities(findings, seen=None, unseen="noise")
    assert "Nothing tells the velocity, so all of them are considered" in about_map(unknown)
    assert "The widefield images tell no velocity: noise." in about_map(unknown)


def test_the_spread_is_told_relative_to_the_density(findings):
    deviation = xr.DataArray(np.ones(1), attrs={"long_name": "standard deviation of 8 passes with dropout"})
    said = about_spread(findings, deviation)
    assert said.startswith(
        "The uncertainty is the standard deviation of 8 passes with dropout, in the mean 16 % of"
    )
    assert "annapalm3d does not estimate its uncertainty" in about_spread(
        findings._replace(variation=None), None
    )


def test_every_expected_score_is_in_the_table(findings):
    said = expected_scores(findings)
    for one in findings.expected:
        assert f'<th scope="row">{one.name}</th><td>{one.mean:.2f} ± {one.sd:.2f}</td>' in said
        assert f"<td>{one.low:.2f} to {one.high:.2f}</td>" in said
    assert said.count(">used<") == 1
