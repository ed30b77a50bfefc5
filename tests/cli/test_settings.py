"""The command line lists settings, and what is installed with what it was trained for."""

import sys

import pytest

from smlmsim import cli, train
from smlmsim.cli.table import table


@pytest.fixture
def smlmsim(monkeypatch, capsys):
    """Run the command line in this process: its exit code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["smlmsim", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("simulated_dynamic", ["field.pixel_nm", "20", "nm", "> 0", "Edge length of a pixel"]),
        ("hybrid", ["tables[].least", "100", "> 0"]),
        ("experimental", ["frames_per_point", "50", "> 0"]),
        ("sweep", ["axes[].setting", "required"]),
        ("corpus", ["movies", "274", "> 0"]),
        ("dblink", ["network.hidden", "4", "> 0"]),
    ],
)
def test_settings_are_listed_with_unit_range_and_default(smlmsim, kind, row):
    code, out, _ = smlmsim("settings", kind)
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.split()[0] == row[0]]
    for words in row[1:]:
        assert words in line


def test_settings_are_those_of_a_simulated_movie_by_default(smlmsim):
    assert smlmsim("settings")[1] == smlmsim("settings", "simulated_dynamic")[1]


def test_settings_of_a_part_are_those_of_all_its_kinds(smlmsim):
    code, out, _ = smlmsim("settings", "motion")
    assert code == 0
    _, *rows = out.splitlines()
    assert all(row.startswith("motion.") for row in rows)
    (kinds,) = [row for row in rows if row.startswith("motion.kind ")]
    for kind in ("static", "rigid", "polymer"):
        assert kind in kinds
    whole = {tuple(row.split()) for row in smlmsim("settings")[1].splitlines()}
    assert {tuple(row.split()) for row in rows} <= whole


@pytest.mark.parametrize("word", ["moton", "Motion", "motion.", "motion.kind"])
def test_a_misspelt_part_is_told_the_likely_one(smlmsim, word):
    assert smlmsim("settings", word)[2] == f"error: no settings of {word!r}; did you mean 'motion'?\n"


def test_unknown_settings_are_refused_with_those_there_are(smlmsim):
    code, _, err = smlmsim("settings", "nope")
    assert code == 1
    assert err.startswith(
        "error: no settings of 'nope'; there are: simulated_dynamic, semi_simulated, hybrid"
    )
    assert len(err.splitlines()) == 1


FINE = "counts in 5 fine bins per time point, sums over 1, 3, 8, all time points"
BINNED = "pixels of 20 nm, time points of 1.5 s, "
NETWORKS = {
    "annapalm2d": ("counts per time point", f"{BINNED}25 to 1800"),
    "annapalm2d_fine": (FINE, f"{BINNED}25 to 1800"),
    "annapalm2d_widefield": ("counts per time point, widefield images", f"{BINNED}25 to 1800"),
    "annapalm3d": ("counts per time point", f"{BINNED}25 to 1800"),
    "annapalm3d_fine": (FINE, f"{BINNED}25 to 1800"),
    "annapalm3d_widefield": ("counts per time point, widefield images", f"{BINNED}25 to 1800"),
    "dblink": ("counts per time point", f"{BINNED}30 to 1600"),
    "spacetime": ("counts per time point, sums over 5, 15, 40, all time points", "25 to 1800"),
    "spacetime_fine": (
        "counts in 3 fine bins per time point, sums over 5, 15, 40, all time points",
        "25 to 1800",
    ),
    "vivit": ("counts per time point", f"{BINNED}30 to 1600"),
}
"""What each bundled network sees, and the domain of its training."""


def test_list_says_what_networks_see_and_were_trained_for(smlmsim):
    code, out, _ = smlmsim("list")
    assert code == 0
    assert list(NETWORKS) == train.trainable()
    for name, (sees, trained) in NETWORKS.items():
        assert f"{name} sees: {sees}\n" in out
        assert f"{name} was trained for: {trained} localizations per second" in out


def test_a_table_has_its_columns_one_below_the_other():
    assert table([("a", "b"), ("long", "9")]) == "a     b\nlong  9"
