"""Localizations are scored as in the localization challenge, in cases whose scores are known."""

import itertools

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.metrics.localizations import matched, score_localizations


def table(kind, frame, y, x, **more):
    """Localizations (``loc``) or events (``event``)."""
    columns = {
        "frame": np.asarray(frame, np.int32),
        "y": np.asarray(y, float),
        "x": np.asarray(x, float),
        **more,
    }
    return schema.dataset(**{f"{kind}_{name}": values for name, values in columns.items()})


def scores(found, true, **settings):
    result = score_localizations(table("loc", *found), table("event", *true), **settings)
    return {name: float(value) for name, value in result.items()}


def test_perfect_localizations_have_the_best_scores():
    points = [0, 0, 1, 5], [10, 900, 10, 10], [20, 20, 20, 20]
    found = scores(points, points)
    assert (found["true_positives"], found["false_positives"], found["false_negatives"]) == (4, 0, 0)
    assert [found[name] for name in ("jaccard", "precision", "recall", "efficiency")] == [1, 1, 1, 1]
    assert found["rmse_nm"] == 0


def test_one_of_each_kind_gives_thirds_and_halves():
    true = [0, 0], [100, 2000], [100, 100]
    found = [0, 0], [130, 4000], [140, 100]
    result = scores(found, true)
    assert result["jaccard"] == pytest.approx(1 / 3)
    assert result["precision"] == result["recall"] == 0.5
    assert result["rmse_nm"] == pytest.approx(50)
    assert result["efficiency"] == pytest.approx(1 - np.hypot(2 / 3, 0.5))


def test_the_error_is_the_root_of_the_mean_of_squares():
    result = scores(([0, 1], [3, 0], [4, 1]), ([0, 1], [0, 0], [0, 0]))
    assert result["rmse_nm"] == pytest.approx(np.sqrt((25 + 1) / 2))


@pytest.mark.parametrize(("distance", "pairs"), [(250, 1), (250.1, 0)])
def test_pairs_are_at_most_250_nm_apart(distance, pairs):
    assert scores(([0], [0], [distance]), ([0], [0], [0]))["true_positives"] == pairs


def test_frames_are_scored_by_themselves():
    assert scores(([1], [0], [0]), ([0], [0], [0]))["jaccard"] == 0


def test_one_localization_serves_one_molecule():
    result = scores(([0], [0], [0]), ([0, 0], [0, 0], [-50, 60]))
    assert (result["true_positives"], result["false_negatives"]) == (1, 1)
    assert result["rmse_nm"] == pytest.approx(50)


def test_as_many_pairs_as_possible_come_before_short_ones():
    # The nearest pair, 10 nm, would leave the other two 260 nm apart.
    pairs = matched(
        table("loc", [0, 0], [0, 0], [0, 250]), table("event", [0, 0], [0, 0], [10, -10]), within_nm=255
    )
    assert sorted(zip(pairs.localization.tolist(), pairs.event.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_the_choice_is_the_best_of_all():
    rng = np.random.default_rng(0)
    for _ in range(20):
        found, true = rng.uniform(0, 400, (4, 2)), rng.uniform(0, 400, (5, 2))
        distance = np.hypot(*np.moveaxis(found[:, None] - true[None], -1, 0))
        best = max(
            (sum(d <= 250 for d in chosen), -sum(d**2 for d in chosen if d <= 250))
            for order in itertools.permutations(range(5), 4)
            for chosen in [distance[range(4), order]]
        )
        pairs = matched(table("loc", [0] * 4, *found.T), table("event", [0] * 5, *true.T))
        assert len(pairs.event) == best[0]
        assert np.square(pairs.distance_nm).sum() == pytest.approx(-best[1])


def test_rows_may_be_in_any_order():
    rng = np.random.default_rng(0)
    points = rng.integers(0, 3, 30), *rng.uniform(0, 3000, (2, 30))
    order = rng.permutation(30)
    assert scores([column[order] for column in points], points) == scores(points, points)


def test_a_margin_is_left_out_for_molecules_and_localizations_alike():
    true = [0, 0, 0], [500, 50, 500], [500, 500, 900]
    found = [0, 0, 0], [500, 20, 160], [500, 800, 500]
    inside = (100, 100, 800, 850)
    result = scores(found, true, rectangle_nm=inside)
    assert (result["true_positives"], result["false_positives"], result["false_negatives"]) == (1, 0, 1)
    both_sides = scores(([0], [90], [500]), ([0], [110], [500]), rectangle_nm=inside)
    assert (both_sides["true_positives"], both_sides["false_positives"]) == (1, 0)


def test_dim_molecules_need_not_be_found_and_are_no_error_if_they_are():
    events = table("event", [0, 0, 0], [0, 1000, 2000], [0, 0, 0], photons=np.array([900.0, 20.0, 20.0]))
    found = table("loc", [0, 0], [0, 1000], [0, 0])
    result = score_localizations(found, events, min_photons=100)
    assert float(result.jaccard) == 1


def test_what_is_not_defined_is_nan():
    nothing = [], [], []
    result = scores(nothing, ([0], [0], [0]))
    assert (result["jaccard"], result["recall"]) == (0, 0)
    assert np.isnan([result["precision"], result["rmse_nm"], result["efficiency"]]).all()
    assert np.isnan(scores(nothing, nothing)["jaccard"])


def test_scores_say_what_they_are():
    result = score_localizations(table("loc", [0], [0], [0]), table("event", [0], [0], [0]))
    assert result.rmse_nm.attrs["units"] == "nm"
    assert {value.attrs["better"] for value in result.values()} == {"higher", "lower"}
    assert result.attrs["doi"] == "10.1038/s41592-019-0364-4"


@pytest.mark.parametrize(
    ("settings", "reason"), [({"within_nm": 0}, "within_nm=0"), ({"min_photons": 5}, "event_photons")]
)
def test_impossible_settings_are_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        scores(([0], [0], [0]), ([0], [0], [0]), **settings)
