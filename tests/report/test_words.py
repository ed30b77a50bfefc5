"""The words say what the numbers say."""

import numpy as np
import pytest
import xarray as xr

from smlmsim.compare import compare, win_map
from smlmsim.regions import RATE, VELOCITY
from smlmsim.report import words
from smlmsim.rng import stream


def scores_of(means, seeds=15, better="higher", units="1"):
    """Scores (velocity, rate, seed, reconstructor) around given means, by name."""
    values = np.stack([np.broadcast_to(mean, (2, 2)) for mean in means.values()], axis=-1)[:, :, None]
    coords = {
        VELOCITY: [0.0, 75.0],
        RATE: [200.0, 1200.0],
        "seed": np.arange(seeds),
        "reconstructor": list(means),
    }
    noise = 0.01 * stream(0, "noise").standard_normal((2, 2, seeds, len(means)))
    attrs = {"long_name": "MS-SSIM", "units": units, "better": better}
    made = xr.Dataset({"ms_ssim": (list(coords), values + noise, attrs)}, coords)
    made[VELOCITY].attrs = {"long_name": "velocity", "units": "nm/s"}
    made[RATE].attrs = {"long_name": "rate", "units": "Hz"}
    return made


def said(scores):
    found = words.answers(scores, "ms_ssim", compare(scores, "ms_ssim"))
    return {answer.region: answer for answer in found}


def test_the_best_is_named_with_its_lead_and_how_sure_that_is():
    answer = said(scores_of({"a": 0.5, "b": 0.8}))["live cells"]
    assert (answer.best, answer.sure, answer.where) == ("b", True, "75\u202fnm/s, 200\u202fHz")
    assert answer.sentence.startswith(
        "is best: MS-SSIM 0.80 \u00b1 0.01, better than a, the next, by 0.30 [0.2"
    )
    assert answer.sentence.endswith("in 15 of 15 seeds, p\u00a0<\u00a00.001.")


def test_who_is_best_may_depend_on_the_region():
    answers = said(scores_of({"a": [[0.9, 0.9], [0.4, 0.4]], "b": 0.6}))
    assert answers["at rest"].best == "a"
    assert answers["live cells"].best == "b"


def test_a_tie_is_called_one():
    answer = said(scores_of({"a": 0.7, "b": 0.72, "c": 0.2}, seeds=3))["everywhere"]
    assert not answer.sure
    assert answer.sentence.startswith("has the best mean, MS-SSIM 0.72")
    assert (
        ", but is not significantly different from a and c: better than a, the next, by 0.019"
        in answer.sentence
    )
    assert (answer.equal, answer.unsure) == ((), ("a", "c"))


def test_what_differs_by_little_is_equal_only_where_it_surely_does():
    answer = said(scores_of({"a": 0.7, "b": 0.7, "c": 0.2}))["everywhere"]
    assert answer.first in ("a and b", "b and a")
    assert answer.sentence.startswith("share the first place: they are practically equal, ")
    few = said(scores_of({"a": 0.7, "b": 0.7, "c": 0.2}, seeds=2))["everywhere"]
    assert (few.equal, len(few.unsure)) == ((), 2)


def nearly(scores, lead):
    """Let the second be better than the first by so much in every movie, give or take a little."""
    scores.ms_ssim[..., 1] = scores.ms_ssim[..., 0] + lead
    scores.ms_ssim[..., 1] += 1e-4 * stream(1, "noise").standard_normal(scores.ms_ssim.shape[:-1])
    return scores


def test_what_is_told_apart_by_less_than_a_hundredth_is_practically_equal():
    answers = said(nearly(scores_of({"a": 0.7, "b": 0.7, "c": 0.2}), 0.004))
    answer = answers["everywhere"]
    assert (answer.best, answer.sure, answer.equal) == ("b", False, ("a",))
    assert answer.first == "b and a"
    assert answer.sentence.startswith(
        "share the first place: they are practically equal, b having the best mean, MS-SSIM 0.70 \u00b1 0.00, "
        "better than a, the next, by 0.004 [0.00"
    )
    assert answer.sentence.endswith("in 15 of 15 seeds, practically equal, p\u00a0<\u00a00.001.")
    assert words.headline(list(answers.values())) == "In live cells, b and a are practically equal"


def test_places_are_shared_by_what_is_practically_equal_and_not_by_what_is_not_told_apart():
    scores = nearly(scores_of({"a": 0.7, "b": 0.7, "c": [[0.9, 0.2], [0.2, 0.2]]}), 0.004)
    places = words.places(win_map(scores))
    shared = "Best in 3 of 4 cells, within 0\u201375\u202fnm/s, 200\u20131200\u202fHz, all shared with others that are "
    assert places["b"] == places["a"] == f"{shared}practically equal."
    assert places["c"].startswith(
        "Best in 1 of 4 cells, within 0\u202fnm/s, 200\u202fHz: alone in 1, by 0.20"
    )
    unsure = scores_of({"a": 0.7, "b": 0.72, "c": 0.2}, seeds=3)
    assert (
        words.places(win_map(unsure))["a"]
        == "Best in no cell. Not significantly different from the best in 4 of 4 cells."
    )


@pytest.mark.parametrize(
    ("floors", "text"),
    [([0.12, 0.12], "0.12."), ([0.12, 0.161], "0.12\u20130.16."), ([0.12, np.nan], "0.12.")],
)
def test_the_lead_says_what_an_empty_estimate_scores(floors, text):
    scores = scores_of({"a": 0.5, "b": 0.8})
    assert "empty" not in words.lead(scores, "ms_ssim", 6)
    scores["floor_ms_ssim"] = (
        (VELOCITY, RATE, "seed"),
        np.broadcast_to(np.reshape(floors, (2, 1, 1)), (2, 2, 15)),
    )
    assert words.lead(scores, "ms_ssim", 6).endswith(f"An empty estimate has MS-SSIM {text}")


def test_lower_is_better_where_the_metric_says_so():
    answer = said(scores_of({"a": 0.5, "b": 0.8}, better="lower", units="dB"))["everywhere"]
    assert answer.best == "a"
    assert "by 0.30\u202fdB [" in answer.sentence


@pytest.mark.parametrize("units", ["1", "dB"])
@pytest.mark.parametrize("seeds", [1, 15])
def test_equal_scores_are_a_tie_of_both_names(seeds, units):
    scores = scores_of({"a": 0.5, "b": 0.5, "c": 0.2}, seeds, units=units)
    scores.ms_ssim[..., 1] = scores.ms_ssim[..., 0]
    answers = said(scores)
    assert answers["everywhere"].first == "a and b"
    sentence = answers["everywhere"].sentence
    assert sentence.startswith(
        f"share the first place: they score exactly the same, MS-SSIM 0.{50 if seeds > 1 else 49}"
    )
    assert "better than c, the next, by 0.3" in sentence
    assert ("but are not significantly different from c" in sentence) == (seeds == 1)
    wanted = "score the same" if seeds > 1 else "lead, but not significantly"
    assert words.headline(list(answers.values())) == f"In live cells, a and b {wanted}"
    places = words.places(win_map(scores))
    assert places["a"].startswith("Best in 4 of 4 cells")
    assert places["a"].split(".")[-3:] == places["b"].split(".")[-3:]
    assert "all shared with others that are practically equal." in places["a"]


def test_one_reconstructor_is_best_of_one():
    answer = said(scores_of({"a": 0.5}))["everywhere"]
    assert "there is no other" in answer.sentence
    assert (
        words.headline(list(said(scores_of({"a": 0.5})).values()))
        == "In live cells, a leads, but not significantly"
    )


def test_no_score_is_said_to_be_none():
    scores = scores_of({"a": 0.5, "b": 0.8})
    scores["ms_ssim"][:] = np.nan
    assert said(scores)["everywhere"].sentence == "no reconstructor has a score here."
    assert words.places(win_map(scores))["a"] == "Best in no cell."


def test_places_count_cells_and_say_where_they_lie():
    places = words.places(win_map(scores_of({"a": [[0.9, 0.9], [0.4, 0.4]], "b": 0.6})))
    assert places["a"] == (
        "Best in 2 of 4 cells, within 0\u202fnm/s, 200\u20131200\u202fHz: alone in 2, by 0.30 to 0.31, "
        "significantly better than all others in 2 of them."
    )


@pytest.mark.parametrize(
    ("seeds", "start"), [(3, "With 3 seeds, no difference can be significant,"), (15, "")]
)
def test_too_few_seeds_are_called_that(seeds, start):
    scores = scores_of({"a": 0.5, "b": 0.8}, seeds)
    text = words.too_few(seeds, compare(scores, "ms_ssim"), win_map(scores))
    assert text.startswith(start)
    assert bool(text) == bool(start)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.04321, "0.043"), (0.4321, "0.43"), (23.31, "23.3"), (123.4, "123"), (np.nan, "\u2013")],
)
def test_numbers_have_the_digits_that_are_worth_reading(value, text):
    assert words.number(value) == text


def test_the_lead_names_one_value_of_an_axis_once_and_one_cell_as_one():
    scores = scores_of({"a": 0.5, "b": 0.8}).isel({RATE: [0]})
    assert "2 cells over velocity 0\u201375\u202fnm/s and rate 200\u202fHz, 15 seeds" in words.lead(
        scores, "ms_ssim", 6
    )
    one = words.lead(scores.isel({VELOCITY: [1]}), "ms_ssim", 6)
    assert "1 cell over velocity 75\u202fnm/s and rate 200\u202fHz" in one


def test_seeds_of_a_measured_table_are_called_parts_of_it():
    scores = scores_of({"a": 0.5, "b": 0.8})
    table = compare(scores, "ms_ssim")
    said = words.how_sure(15, table, measured=True)
    assert "A seed is another part of the one table" in said
    assert "structure" not in said
    assert "A seed is one structure" in words.how_sure(15, table)
