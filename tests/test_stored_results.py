"""What data/README.md says of the stored results is what they hold."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from smlmsim import limits
from smlmsim.agreement_ranks import BETWEEN, MEASURES, agreement_ranks, in_words
from smlmsim.compare import compare
from smlmsim.regions import LIVE_CELLS, RATE, VELOCITY, axes_of, inside
from smlmsim.robustness import Results, Robustness
from smlmsim.robustness import in_words as robustness_in_words
from smlmsim.robustness.differences import differences
from smlmsim.robustness.study import ALL, CONTROL
from smlmsim.spec import parse_toml
from smlmsim.windows import best_windows
from smlmsim.windows import in_words as windows_in_words

ROOT = Path(__file__).parent.parent
DATA = ROOT / "data"
MAPS = Path(str(resources.files("smlmsim"))) / "grid" / "maps"


@pytest.fixture(scope="module")
def said():
    """The text beside the results, with blanks for line breaks."""
    return _in_one_line(DATA / "README.md")


@pytest.fixture(scope="module")
def readme():
    """The text of the project, with blanks for line breaks."""
    return _in_one_line(ROOT / "README.md")


def _in_one_line(path):
    return " ".join(path.read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def two_colours():
    with xr.open_dataset(MAPS / "two-colours.nc") as found:
        return found.load()


@pytest.fixture(scope="module")
def frames():
    with xr.open_dataset(MAPS / "frames.nc") as found:
        return found.load()


@pytest.fixture(scope="module")
def robustness():
    parts = {}
    for name in Results._fields:
        with xr.open_dataset(DATA / "robustness" / f"{name}.nc") as found:
            parts[name] = found.load()
    return Results(**parts)


def test_agreement_is_measured_in_the_cells_of_the_reference_map(two_colours):
    with xr.open_dataset(MAPS / "reference.nc") as reference:
        for axis in axes_of(reference.ms_ssim):
            np.testing.assert_array_equal(two_colours[axis], reference[axis])
        assert set(reference.reconstructor.values) <= set(two_colours.reconstructor.values)
    without_lines = {"sparse", "static_sum", "moving_window"}  # where there are few localizations
    for name in MEASURES:
        cells = [dim for dim in two_colours[name].dims if dim != "reconstructor"]
        unknown = two_colours.reconstructor.values[np.isnan(two_colours[name]).any(cells)]
        assert set(unknown) == (without_lines if name == "agreement_skeleton" else set())


def test_every_stated_rank_correlation_is_that_of_the_map(two_colours, said):
    ranks = agreement_ranks(two_colours, "ms_ssim")
    lines = in_words(ranks, two_colours.ms_ssim.attrs["long_name"])
    assert len(lines) == two_colours.sizes["reconstructor"] + 3
    assert all(line in said for line in lines)


def test_the_stated_ranges_are_those_of_the_map(two_colours, said, readme):
    ranks = agreement_ranks(two_colours, "ms_ssim").set_index(["measure", "reconstructor"]).rho
    lines = ranks["agreement_skeleton"].drop(BETWEEN)
    of_a_time = lines.drop(["static_sum", "moving_window", "sparse"])
    assert f"{of_a_time.min():.2f} to {of_a_time.max():.2f} for each reconstructor that estimates" in said
    assert (
        f"{lines['sparse']:.2f}, {lines['moving_window']:.2f} and {lines['static_sum']:.2f} for `sparse`"
        in said
    )
    between = [ranks[(measure, BETWEEN)] for measure in MEASURES]
    assert f"{between[2]:.2f} by centre lines, {between[0]:.2f} by Pearson" in said
    assert f"of {of_a_time.min():.2f} to {of_a_time.max():.2f} for every network" in readme
    assert f"but between reconstructors with {between[2]:.2f}:" in readme


def test_every_statement_on_robustness_is_that_of_its_results(robustness, said):
    paragraphs = robustness_in_words(robustness).strip().split("\n\n")
    assert len(paragraphs) > 8
    assert all(paragraph in said for paragraph in paragraphs)


def test_the_readme_says_of_robustness_what_the_results_do(robustness, readme):
    scores = robustness.scores
    means = scores.ms_ssim.sel(condition=CONTROL).mean("seed")
    beyond = means.sel(model=ALL) - means.sel(model=scores.attrs["classic"])
    assert beyond.laboratory.values[(beyond <= 0).values].tolist() == ["crowded"]
    assert (
        f"scores {float(beyond.mean()):.3f} above `gaussian_time` on average, but not where filaments are crowded"
        in readme
    )
    found = differences(scores, "ms_ssim")
    unseen = -found[found.question == "unseen"].difference
    assert f"are worse there than `all` by {unseen.min():.3f} to {unseen.max():.3f}, and" in readme


def test_the_readme_says_in_how_many_cells_the_best_network_is_best(readme):
    with xr.open_dataset(MAPS / "reference.nc") as found:
        reference = found.load()
    name, seeds = "spacetime_fine", reference.sizes["seed"]
    best = {}
    for metric in ("ms_ssim", "ssim", "pearson", "psnr"):
        means = reference[metric].mean("seed")
        best[metric] = means.sel(reconstructor=name) >= means.max("reconstructor")
    counts = {metric: int(cells.sum()) for metric, cells in best.items()}
    assert f"is best in {counts['ms_ssim']} of the {best['ms_ssim'].size} cells" in readme
    assert (
        f"best in {counts['ssim']} cells, by Pearson's correlation in {counts['pearson']}, by PSNR in"
        in readme
    )
    assert f"by PSNR in {counts['psnr']}:" in readme
    winner = reference.ms_ssim.mean("seed").idxmax("reconstructor")
    behind = reference.ms_ssim.sel(reconstructor=winner) - reference.ms_ssim.sel(reconstructor=name)
    half = stats.t.ppf(0.975, seeds - 1) * behind.std("seed", ddof=1) / np.sqrt(seeds)
    worse = (behind.mean("seed") > half) & ~best["ms_ssim"]
    assert int((~best["ms_ssim"] & ~worse).sum()) == 6, "in six others the interval includes 0"
    (cell,) = worse.stack(cell=worse.dims).where(lambda cells: cells, drop=True).cell.values
    assert tuple(cell) == (30, 30)
    lost = behind.mean("seed").sel({VELOCITY: 30, RATE: 30})
    assert str(winner.sel({VELOCITY: 30, RATE: 30}).item()) == "annapalm3d"
    assert f"only at 30 nm/s and 30 Hz `annapalm3d` is better, by {float(lost):.3f}" in readme


def test_the_readme_says_of_widefield_images_what_their_map_does(readme):
    with xr.open_dataset(MAPS / "widefield.nc") as found:
        scores = found.ms_ssim.load()
    slow = scores.sel({VELOCITY: 30, RATE: 30}).mean("seed")
    seeing, without = (float(slow.sel(reconstructor=name)) for name in ("annapalm3d_widefield", "annapalm3d"))
    assert (
        f"has {seeing:.2f} at 30 nm/s and 30 Hz, where `annapalm3d` has {without:.2f}, and in the rectangle"
        in readme
    )
    cells = scores.to_dataset(name="ms_ssim").where(inside(scores, LIVE_CELLS), drop=True)
    pairs = compare(cells, regions={"live cells": {}}).set_index(["first", "second"])
    row = pairs.loc[("annapalm3d_widefield", "annapalm3d")]
    assert f"in the rectangle {row.advantage:.3f} more ({row.low:.3f} to {row.high:.3f})" in readme


def test_the_results_on_robustness_are_those_of_the_study_beside_the_benchmark(robustness):
    study = Robustness.from_toml(ROOT / "benchmarks" / "studies" / "robustness.toml")
    stored = Robustness.model_validate(parse_toml(robustness.scores.attrs["study"], "the study"))
    assert stored == study
    assert robustness.scores.sizes["seed"] == study.movies
    assert robustness.profiles.sizes["number"] == 35


@pytest.mark.parametrize("localizers", [["given", "mle", "decode", "deep_storm"], ["given", "mle"]])
def test_every_statement_about_what_limits_movies_from_camera_frames_is_that_of_the_map(
    localizers, frames, said
):
    lines = limits.in_words(limits.two_rows(frames.sel({limits.LOCALIZER: localizers})))
    assert len(lines) == 10
    assert " ".join(lines) in said


def test_the_readme_says_of_camera_frames_what_the_map_does(frames, readme):
    best = frames.ms_ssim.mean("seed").max("reconstructor").sel({VELOCITY: 90})
    few, many, best_of_many = (
        float(best.sel({limits.LOCALIZER: name, RATE: rate}))
        for name, rate in (("mle", 500), ("mle", 1200), ("deep_storm", 1200))
    )
    assert (
        f"it has {few:.2f} there and {many:.2f} at 1,200 Hz, where `deep_storm` has {best_of_many:.2f}"
        in readme
    )
    cells = limits.limits(limits.two_rows(frames)).limit
    motion, localizer, rate = (
        int((cells == kind).sum()) for kind in (limits.MOTION, limits.LOCALIZING, limits.FEW)
    )
    assert f"motion limits {motion} of the {cells.size} cells, the localizer {localizer} (" in readme
    assert f"few localizations {rate} (at rest up to 200 Hz)" in readme


def test_every_statement_about_time_windows_is_that_of_the_map(said, readme):
    with xr.open_dataset(MAPS / "windows.nc") as scores:
        best = best_windows(scores)
        assert scores.sizes["seed"] == 3
    assert all(line in said for line in windows_in_words(best))
    of = {name: best.sel(reconstructor=name) for name in best.reconstructor.values.tolist()}
    alike = (of["spacetime"].shortest == 0.3) & (of["spacetime"].longest == 3)
    assert f"for `spacetime` in {int(alike.sum())} of the {alike.size} cells" in said
    assert (of["gaussian_time"].window.sel({VELOCITY: slice(30, None)}) == 0.3).all()
    fine, spacetime = (
        float(of[name]["mean"].sel({VELOCITY: 220, RATE: 1200})) for name in ("annapalm3d_fine", "spacetime")
    )
    assert f"it has {fine:.2f} at 220 nm/s and 1200 Hz, `spacetime` {spacetime:.2f}" in said
    assert f"where it has {fine:.2f} and `spacetime` {spacetime:.2f}" in readme
