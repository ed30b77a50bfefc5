"""The command that tells how well two halves, or two channels, of a table agree."""

import json
from pathlib import Path

import numpy as np
import pytest

from smlmsim import io

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A slanted line of molecules, localized in two successive frames each; one channel is shifted by 300 nm."""
    rng = np.random.default_rng(3)
    rows = []
    for molecule in range(500):
        x = rng.uniform(0, 1000)
        for after in range(2):
            channel, shift = (("red", 0), ("green", 300))[molecule % 2]
            rows.append(
                f"{2 * (molecule // 4) + after + 1},{x:.1f},{300 + 0.7 * x + shift + rng.normal(0, 6):.1f},8,{channel}"
            )
    path = tmp_path_factory.mktemp("agree") / "cell.csv"
    path.write_text('"frame","x [nm]","y [nm]","uncertainty_xy [nm]","channel"\n' + "\n".join(rows) + "\n")
    return path


def test_halves_are_compared_and_what_is_said_is_what_is_stored(run, table, tmp_path):
    out = tmp_path / "out"
    code, said = run("agree", table, "--channel", "red", "--frames-per-point", 100, "--out", out)
    assert code == 0
    made = json.loads((out / "summary.json").read_text())
    assert made["compared"] == "halves"
    assert sum(made["localizations"].values()) == 500
    assert abs(made["localizations"]["first half"] - 250) < 4 * np.sqrt(125)
    assert made["tolerance_nm"] == 20  # a pixel, more than the precision of 8 nm times the square root of 2
    assert f"Pearson correlation {made['pearson']:.3f}" in said
    assert f"{100 * made['skeleton']:.0f} % of their centre lines agree within 20 nm" in said
    assert f"{made['frc_nm']:.0f} nm for the whole movie" in said
    assert "agreement is not truth" in said
    assert "both halves, so that they agree too well; --by molecule with --link-nm 30" in said
    assert made["pearson"] > 0.9
    assert len(made["frc_over_time_nm"]) == 3
    assert io.read(out / "disagreement.tif").sizes["time"] == 3
    names = {file.name for file in out.iterdir()}
    wanted = {"agreement.png", "montage.png", "gaussian_time_first_half.tif", "gaussian_time_second_half.tif"}
    assert wanted <= names


def test_by_molecule_both_localizations_of_a_molecule_stay_together(run, table, tmp_path):
    more = ["--channel", "red", "--by", "molecule", "--link-nm", 50, "--out", tmp_path / "out"]
    code, said = run("agree", table, *more)
    assert code == 0
    made = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert sum(made["localizations"].values()) == 500  # they are not joined
    assert all(number % 2 == 0 for number in made["localizations"].values())
    assert "agree too well" not in said


def test_molecules_that_are_dark_for_longer_than_counts_are_warned_of(run, tmp_path):
    rng = np.random.default_rng(0)
    frame = np.repeat(rng.integers(0, 4000, 500), 4) + np.tile([0, 1, 20, 21], 500)
    y, x = np.repeat(rng.uniform(0, 2000, (2, 500)), 4, axis=1) + rng.normal(0, 5, (2, 2000))
    rows = [f"{f + 1},{a:.1f},{b:.1f},5" for f, a, b in zip(frame, x, y, strict=True)]
    (tmp_path / "cell.csv").write_text("frame,x [nm],y [nm],uncertainty [nm]\n" + "\n".join(rows) + "\n")
    command = ["agree", tmp_path / "cell.csv", "--exposure-s", 0.03, "--by", "molecule", "--link-nm", 30]
    code, said = run(*command, "--out", tmp_path / "short")
    assert code == 0, said
    assert "after up to 19 dark frames, and --link-dark-frames 1 keeps fewer in one half" in said
    _, said = run(*command, "--link-dark-frames", 20, "--out", tmp_path / "long")
    assert "dark frames" not in said


def test_two_channels_are_compared_instead_of_two_halves(run, table, tmp_path):
    code, said = run(
        "agree", table, "--channels", "red,green", "--frames-per-point", 100, "--out", tmp_path / "out"
    )
    assert code == 0
    made = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert made["localizations"] == {"red": 500, "green": 500}
    assert made["pearson"] < 0.3  # they are 300 nm apart
    y_nm, x_nm = made["displacement_nm"]
    assert f"the green lies {round(x_nm):+d} nm along x and {round(y_nm):+d} nm along y from the red" in said
    assert abs(np.hypot(y_nm, x_nm) - 300) < 25
    assert made["skeleton"] == 0
    assert "chromatic shift" in said
    assert (tmp_path / "out" / "gaussian_time_green.tif").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "choose one, as in --channel red"),
        (["--channel", "red", "--by", "molecule"], "as in --link-nm 30"),
        (["--channel", "all"], "halves are of one"),
        (["--channels", "red"], "as in --channels A,B; found 'red'"),
        (["--channels", "red,blue"], "has no channel 'blue'; it has red, green"),
        (["--channels", "red,green", "--channel", "red"], "leave out --channel red"),
        (["--channels", "red,green", "--by", "molecule", "--link-nm", 9], "channels are compared whole"),
        (["--channel", "red", "--tolerance-nm", 0], "--tolerance-nm 0 is no distance"),
        (["--channel", "red", "--with", "nope"], "no reconstructor 'nope'"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line_and_nothing_is_written(
    run, table, tmp_path, given, said
):
    code, found = run("agree", table, "--out", tmp_path / "out", *given)
    assert code == 1
    assert said in found
    assert sum(line.startswith("error: ") for line in found.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not DATA.is_dir(), reason="there are no measured tables")
def test_more_of_a_measured_table_agrees_better(run, tmp_path):
    table = DATA / "fixed_microtubules_decodestorm_2.9um.csv"
    found = []
    for last in (150, 1800):
        out = tmp_path / str(last)
        more = [
            "--to-frame",
            last,
            "--crop-nm",
            "0,2560,0,2560",
            "--pixel-nm",
            40,
            "--frames-per-point",
            last,
        ]
        code, _ = run("agree", table, "--with", "static_sum", *more, "--out", out)
        assert code == 0
        found.append(json.loads((out / "summary.json").read_text()))
    assert found[1]["pearson"] > found[0]["pearson"]
