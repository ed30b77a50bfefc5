"""What the card of a network says agrees with its weights, its configurations and the reference grid."""

import functools
import hashlib
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import baselines
import smlmsim.corpus
from baselines._weights import read_domain, read_settings
from smlmsim.cli.locate import REFERENCE
from smlmsim.compare import compare
from smlmsim.corpus import Corpus
from smlmsim.io import netcdf
from smlmsim.regions import LIVE_CELLS, inside
from smlmsim.train import TRAINABLES

ALL = sorted(Path(baselines.__path__[0]).glob("*/*.safetensors"))
LOCALIZING, MOVING = {"decode", "deep_storm", "deep_loco"}, {"dynamics"}
WEIGHTS = [path for path in ALL if path.stem not in LOCALIZING | MOVING]
FOLDERS = {path.parent.name: path.parent for path in WEIGHTS}
WITH_CARDS = {path.parent.name: path.parent for path in ALL}
HEADINGS = [
    "What it is", "Reference and licence", "Input and output", "Training data", "Weights", "Results",
    "Differences from the paper", "Where it fails", "Cost",
]  # fmt: skip
PRESETS = Path(smlmsim.corpus.__path__[0]) / "presets"
WIDEFIELD = "_widefield"
"""End of the names of networks that also see widefield images; the rest is the network without them."""
CORPORA = {"dblink": "thesis-train", "vivit": "thesis-train"}
CORPORA |= {path.stem: "widefield-train" for path in WEIGHTS if path.stem.endswith(WIDEFIELD)}
"""The presets of the corpora of networks that were not trained on ``mixed-train``."""
SCORE = r"-?\d\.\d{3}"


@pytest.fixture(params=FOLDERS.values(), ids=list(FOLDERS))
def folder(request):
    return request.param


@pytest.fixture(params=WITH_CARDS.values(), ids=list(WITH_CARDS))
def any_folder(request):
    return request.param


@pytest.fixture(params=WEIGHTS, ids=[path.stem for path in WEIGHTS])
def weights(request):
    return request.param


def sections(folder):
    """Heading -> text, in which every space and new line is one space."""
    _, *parts = re.split(r"^## (.*)\n", (folder / "CARD.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {heading: " ".join(text.split()) for heading, text in zip(parts[::2], parts[1::2], strict=True)}


@functools.cache
def live_cells(path=REFERENCE):
    """MS-SSIM of a map in the cells of live cells: the scores, and the comparison of every pair."""
    scores = netcdf.read(path)
    kept = scores[["ms_ssim"]].where(inside(scores.ms_ssim, LIVE_CELLS), drop=True)
    return kept, compare(kept, regions={"live cells": {}})


def map_of(name):
    """The map with the scores of a network."""
    return REFERENCE.with_name("widefield.nc") if name.endswith(WIDEFIELD) else REFERENCE


def spread(name):
    """Mean and standard deviation over seeds, as cards write them."""
    cells, _ = live_cells(map_of(name))
    means = cells.ms_ssim.sel(reconstructor=name).mean([dim for dim in LIVE_CELLS if dim in cells.dims])
    return f"{float(means.mean()):.3f} ± {float(means.std(ddof=1)):.3f}"


def advantages(name):
    """By how much a reconstructor is better than every other one, with its interval, as cards write it."""
    _, pairs = live_cells(map_of(name))
    found = {}
    for row in pairs.itertuples():
        values = (row.advantage, row.low, row.high)
        if row.second == name:
            values = (-row.advantage, -row.high, -row.low)
        if name in (row.first, row.second):
            mean, low, high = (f"{value:.3f}".replace("-0.000", "0.000") for value in values)
            found[row.first if row.second == name else row.second] = f"{mean} ({low} to {high})"
    return found


@pytest.mark.parametrize("name", ["deep_storm", "deep_loco"])
def test_the_table_of_a_localizer_holds_the_scores_of_the_map_of_localizers(name):
    scores = netcdf.read(REFERENCE.with_name("localizers.nc")).sel(localizer=name)
    text = sections(WITH_CARDS[name])["Results"]
    for density, photons in itertools.product(scores.density_per_um2.values, scores.photons.values):
        cell = scores.sel(density_per_um2=density, photons=photons)
        values = (
            f"{float(cell[metric].mean()):.{digits}f} ± {float(cell[metric].std(ddof=1)):.{digits}f}"
            for metric, digits in (("jaccard", 3), ("rmse_nm", 1), ("efficiency", 2))
        )
        assert f"| {density:g} | {photons:g} | {' | '.join(values)} |" in text


@pytest.mark.parametrize(
    "name",
    ["spacetime_fine", "spacetime", "annapalm3d", "annapalm2d", "contrast_maximisation", "dblink", "vivit"],
)
def test_the_readme_shows_the_scores_and_intervals_of_the_reference_grid(name):
    readme = (Path(baselines.__path__[0]).parent / "README.md").read_text(encoding="utf-8")
    difference = advantages(name)["gaussian_time"]
    signed = difference if difference.startswith("-") else f"+{difference}"
    assert f"| `{name}` | {spread(name)} | {signed} |" in readme


def test_every_network_of_this_project_has_weights_and_a_card():
    assert {path.stem for path in WEIGHTS} == {
        "annapalm2d", "annapalm2d_fine", "annapalm2d_widefield", "annapalm3d", "annapalm3d_fine",
        "annapalm3d_widefield", "dblink", "spacetime", "spacetime_fine", "vivit",
    }  # fmt: skip
    assert {path.stem for path in ALL} - {path.stem for path in WEIGHTS} == LOCALIZING | MOVING
    assert all((folder / "CARD.md").is_file() for folder in WITH_CARDS.values())


@pytest.mark.parametrize("path", WEIGHTS, ids=[path.stem for path in WEIGHTS])
def test_no_network_has_seen_the_test_generator_by_a_motion_that_was_learned_from_it(path):
    assert read_domain(path).learned_from is None


def test_a_card_has_every_heading_in_its_order_and_something_below_it(any_folder):
    assert list(sections(any_folder)) == HEADINGS
    assert min(map(len, sections(any_folder).values())) > 50


def test_a_card_names_its_weights_with_their_size_and_hash_and_no_others(any_folder):
    text = sections(any_folder)["Weights"]
    files = sorted(any_folder.glob("*.safetensors"))
    assert re.findall(r"`(\w+\.safetensors)`", text) == [path.name for path in files]
    assert re.findall(r"[\d.]+ MB", text) == [f"{path.stat().st_size / 1e6:.1f} MB" for path in files]
    assert re.findall(r"`(\w{64})`", text) == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    ]


def test_weights_are_those_of_the_shipped_configuration(weights):
    configured = TRAINABLES.load(weights.stem).configured("shipped")
    network = type(configured.network).model_validate(read_settings(weights, weights.stem))
    assert network == configured.network
    with safe_open(weights, "pt") as file:
        sizes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    counted = sum(
        functools.reduce(int.__mul__, shape, 1) for key, shape in sizes.items() if "tracked" not in key
    )
    assert counted == next(iter(configured.parameters().values()))


def test_a_card_gives_the_number_of_parameters_of_what_is_shipped_and_no_other_but_the_published_one(folder):
    shipped, published = set(), set()
    for network in (TRAINABLES.load(path.stem) for path in folder.glob("*.safetensors")):
        shipped.add(next(iter(network.configured("shipped").parameters().values())))
        if "published" in network.sizes():
            published.add(sum(network.configured("published").parameters().values()))
    found = re.findall(r"\d{1,3}(?:,\d{3})+", sections(folder)["Differences from the paper"])
    numbers = {int(number.replace(",", "")) for number in found}
    assert shipped <= numbers <= shipped | published


def test_a_card_tells_of_the_movies_and_crops_that_its_networks_were_trained_on(weights):
    text = sections(weights.parent)
    preset, domain = CORPORA.get(weights.stem, "mixed-train"), read_domain(weights)
    corpus = Corpus.from_toml(PRESETS / f"{preset}.toml")
    budget = TRAINABLES.load(weights.stem).configured("shipped").budget
    crops = budget.crops
    velocity, rate = ((f"{low:g}-{high:g}") for low, high in (domain.velocity_nm_per_s, domain.rate_hz))
    (pixel_nm,), (point_s,) = set(domain.pixel_nm), set(domain.point_s)
    assert (
        f"seed {corpus.seed}: {corpus.movies} semi-simulated movies, {velocity} nm/s, {rate} Hz"
        in text["Training data"]
    )
    assert (
        f"{crops.time_points} time points of {crops.height} x {crops.width} pixels" in text["Training data"]
    )
    assert f"smlmsim train {weights.stem} --study {preset}" in text["Training data"]
    assert f"{pixel_nm:g} nm and time points of {point_s:g} s" in text["Input and output"]
    assert f"{budget.steps:,} steps of {budget.batch} crops" in text["Cost"]


def test_the_table_of_a_card_holds_the_scores_of_the_reference_grid(folder):
    text = sections(folder)["Results"]
    rows = re.findall(r"\| `(\w+)` \| (\S+ ± \S+) \| \+?(-?[^|]+?) \|", text)
    assert {name for name, *_ in rows} == {path.stem for path in folder.glob("*.safetensors")}
    for name, mean, more in rows:
        other = name.removesuffix(WIDEFIELD) if name.endswith(WIDEFIELD) else "gaussian_time"
        assert (mean, more) == (spread(name), advantages(name)[other])
    assert f"difference from `gaussian_time` ({spread('gaussian_time')})" in text


def test_networks_without_widefield_images_score_as_in_the_reference_grid():
    """The movies are the same, and processors differ in the last digits."""
    cells, _ = live_cells(REFERENCE.with_name("widefield.nc"))
    reference, _ = live_cells()
    for name in ("gaussian_time", "annapalm2d", "annapalm3d"):
        found, expected = (scores.ms_ssim.sel(reconstructor=name) for scores in (cells, reference))
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_every_difference_with_its_interval_in_a_card_is_one_of_the_reference_grid(folder):
    known = {words for path in folder.glob("*.safetensors") for words in advantages(path.stem).values()}
    found = re.findall(rf"{SCORE} \({SCORE} to {SCORE}\)", sections(folder)["Results"])
    assert len(found) >= len(list(folder.glob("*.safetensors")))
    assert set(found) <= known
