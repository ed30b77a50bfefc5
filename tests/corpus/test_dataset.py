"""A dataset gives the same items with any number of workers, and never the same crop twice."""

import itertools

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from smlmsim.corpus import Augmentation, CorpusError, Range
from smlmsim.corpus.dataset import MovieDataset, SimulatedDataset
from smlmsim.pipeline import simulate

CROP = Augmentation(time_points=20, height=24, width=16)


def seen_and_their_mean(observation):
    counts = observation.counts.values.astype(np.float32)
    return np.stack([counts, np.broadcast_to(counts.mean(axis=0), counts.shape)])


def items(dataset, workers, n=None):
    loader = DataLoader(
        dataset, batch_size=None, num_workers=workers, multiprocessing_context="spawn" if workers else None
    )
    return list(itertools.islice(loader, n))


def same(first, second):
    return all(
        torch.equal(a, b)
        for one, other in zip(first, second, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def test_items_are_pairs_of_the_size_asked_for(made):
    counts, density = MovieDataset(made, CROP)[0]
    assert counts.shape == density.shape == (1, 20, 24, 16)
    assert counts.dtype == density.dtype == torch.float32
    assert 0 <= float(density.min()) <= float(density.max()) <= 1
    assert bool((counts == counts.round()).all())


def test_averages_over_time_see_what_is_around_a_crop(made):
    """Nothing is around a crop by chance in one of 21."""
    crops = CROP.replace({"around": 20})
    items = [MovieDataset(made, crops, crops=8, see=seen_and_their_mean)[item][0] for item in range(8)]
    assert all(seen.shape == (2, 20, 24, 16) for seen in items)
    alike = [torch.allclose(seen[1, 0], seen[0].mean(dim=0), atol=1e-6) for seen in items]
    assert sum(alike) <= 2


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_items(made):
    dataset = MovieDataset(made, CROP, crops=6, seed=1)
    alone = items(dataset, 0)
    assert len(alone) == 6
    assert same(items(dataset, 2), alone)


def test_no_crop_comes_twice(made):
    dataset = MovieDataset(made, CROP, crops=20)
    seen = []
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        seen += [item[1].numpy().tobytes() for item in items(dataset, 0)]
    assert len(set(seen)) == 40
    dataset.set_epoch(0)
    assert same(items(dataset, 0), items(MovieDataset(made, CROP, crops=20), 0))


def test_the_sparse_input_correlates_with_its_own_truth_more_than_with_a_turned_one(made):
    dense = Augmentation(time_points=40, height=32, width=32, rate_hz=(1600, 1600), false_positives=(0, 0))
    dataset = MovieDataset(made, dense, crops=20)
    sums = [[image.sum(dim=1).numpy().ravel() for image in item] for item in items(dataset, 0)]
    own = np.array([np.corrcoef(counts, density)[0, 1] for counts, density in sums])
    turned = np.array([np.corrcoef(counts, density[::-1])[0, 1] for counts, density in sums])
    assert (own - turned).mean() > 5 * (own - turned).std() / np.sqrt(20)


def test_crops_that_do_not_fit_are_refused_with_those_that_would(made):
    with pytest.raises(
        CorpusError, match=r"crops of \(128, 9, 128\) .* movies of \(40, 40, 32\); crop=40x9x32 would"
    ):
        MovieDataset(made, Augmentation(height=9))


def test_crops_are_as_large_as_the_movies_unless_their_size_is_said(made):
    counts, density = MovieDataset(made)[0]
    assert counts.shape == density.shape == (1, 40, 40, 32)


def test_crops_are_made_to_fit_movies_in_the_steps_of_a_network(small_study):
    crops = Augmentation(time_points=100, height=30, width=100, rate_hz=(5, 6))
    assert crops.fitted(small_study) == crops.replace({"time_points": 6, "width": 32})
    assert crops.fitted(small_study, multiple=(4, 16, 16)).size == (4, 16, 32)
    with pytest.raises(CorpusError, match="take larger movies"):
        crops.require_fit(small_study, multiple=(8, 16, 16))


def test_an_item_beyond_the_epoch_is_refused(made):
    with pytest.raises(IndexError, match="an epoch has 3 items, found index 3"):
        MovieDataset(made, CROP, crops=3)[3]


def test_simulated_movies_are_those_of_the_corpus_of_the_same_seed(corpus):
    recipe = corpus.recipe(1)
    movie = simulate(corpus.study_of(recipe), recipe.seed)
    _, (counts, density) = items(SimulatedDataset(corpus.study, corpus.ranges, seed=corpus.seed), 0, 2)
    np.testing.assert_array_equal(counts[0], movie.observation.counts)
    crest = 1 / (np.sqrt(2 * np.pi) * corpus.study.density.sigma_nm)
    np.testing.assert_allclose(density[0], np.minimum(movie.truth.density / (4 * crest), 1), rtol=1e-6)


def test_simulated_movies_do_not_depend_on_the_number_of_workers(corpus):
    dataset = SimulatedDataset(corpus.study, corpus.ranges)
    assert same(items(dataset, 2, 5), items(dataset, 0, 5))


def test_simulated_movies_are_checked_as_those_of_a_corpus(corpus):
    with pytest.raises(ValueError, match="no setting 'nope'"):
        SimulatedDataset(corpus.study, (Range(setting="nope", low=0, high=1),))
