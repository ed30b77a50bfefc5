"""The command that scores reconstructors on a part of a measured table."""

import json

import numpy as np
import pandas as pd
import pytest

from smlmsim import io
from smlmsim.pipeline import read_study


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 600, (2, 800)).round(1)
    rows = [f"{i // 2 + 1},{a},{b},10" for i, (a, b) in enumerate(zip(x, y, strict=True))]
    path = tmp_path / "cell.csv"
    path.write_text('"frame","x [nm]","y [nm]","uncertainty_xy [nm]"\n' + "\n".join(rows) + "\n")
    return path


def test_both_ways_of_taking_a_part_are_scored_and_told_apart_in_words(run, table, tmp_path):
    out = tmp_path / "out"
    code, said = run(
        "pair", table, "--frames", 100, "--metric", "pearson", "--with", "static_sum", "--out", out
    )
    assert code == 0
    made = json.loads((out / "summary.json").read_text())
    assert list(made["parts"]) == ["first", "random"]
    for take, part in made["parts"].items():
        assert part["localizations"] == 200
        assert part["observed_share"] == 0.25
        score = part["scores"]["static_sum"]["pearson"]
        assert f"{take} (" in said
        assert f"static_sum {score:.3g}" in said
        assert io.read(out / f"static_sum_{take}.tif").sizes["time"] == 2
    first, random = (made["parts"][take]["scores"]["static_sum"]["pearson"] for take in ("first", "random"))
    assert made["differ"] in said
    way = "better" if random >= first else "worse"
    assert f"score {way} by {abs(random - first):.3g} (static_sum) than those of successive" in made["differ"]
    assert read_study(out / "study.toml").frames == 100
    rows = pd.read_csv(out / "scores.csv")
    assert sorted(rows["reconstructor"].unique()) == ["empty estimate", "static_sum"]
    names = {file.name for file in out.iterdir()}
    assert {"truth.tif", "montage_first.png", "montage_random.png", "counts_first.tif"} <= names


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--frames", 120], "--frames 100 would be a whole number"),
        (["--frames", 500], "fewer than --frames 500"),
        (["--frames", 100, "--seed", 9], "hold 4 parts of --frames 100"),
        (["--take", "last"], "take"),
        (["--with", "nope"], "no reconstructor 'nope'"),
        (["--frames", 100, "--metric", "nope"], "no metric 'nope'"),
    ],
)
def test_what_makes_no_pair_is_refused_in_one_line_and_nothing_is_written(run, table, tmp_path, given, said):
    code, found = run("pair", table, "--out", tmp_path / "out", *given)
    assert code == 1
    assert said in found
    assert sum(line.startswith("error: ") for line in found.splitlines()) == 1
    assert not (tmp_path / "out").exists()
