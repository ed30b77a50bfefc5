"""Several corpora take turns, and the crops depend on nothing but the seed, the epoch and the number."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from smlmsim.acquisition import Acquisition
from smlmsim.corpus import Augmentation, Corpus, CorpusError, Range
from smlmsim.corpus import mixture as module
from smlmsim.corpus.augmentation import Crop
from smlmsim.corpus.dataset import counts_alone, simulated_crop
from smlmsim.corpus.mixture import Mixture
from smlmsim.field import FieldOfView
from smlmsim.pipeline import SemiSimulated, SimulatedDynamic, simulate
from smlmsim.sparse import bin_localizations
from smlmsim.testing import make_observation

CROP = Augmentation(time_points=4, height=16, width=24)


def corpus(pixel_nm, seed):
    study = SemiSimulated(
        field=FieldOfView(height_nm=640, width_nm=640, pixel_nm=pixel_nm),
        acquisition=Acquisition(time_points=50, steps_per_point=1),
    )
    return Corpus(study=study, seed=seed, ranges=(Range(setting="motion.velocity_nm_per_s", low=0, high=90),))


MIXTURE = Mixture(corpora=(corpus(20, 1), corpus(16, 2), corpus(10, 3)))


def items(dataset, workers=0):
    context = "spawn" if workers else None
    return list(DataLoader(dataset, batch_size=None, num_workers=workers, multiprocessing_context=context))


def same(first, second):
    return all(
        torch.equal(a, b)
        for one, other in zip(first, second, strict=True)
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_items():
    dataset = MIXTURE.dataset(CROP, crops=5, seed=1)
    alone = items(dataset)
    assert [tuple(counts.shape) for counts, _ in alone] == [(1, 4, 16, 24)] * 5
    assert same(items(dataset, workers=2), alone)


def test_corpora_take_turns_over_the_epochs_and_no_movie_comes_twice(monkeypatch):
    made = []
    empty = Crop(make_observation(np.zeros((4, 99, 99))), np.zeros((4, 99, 99), np.float32))
    monkeypatch.setattr(
        module,
        "simulated_crop",
        lambda study, seed, scenes: made.append((study, seed)) or empty,
    )
    dataset = MIXTURE.dataset(CROP, crops=4, seed=0)
    for epoch in range(3):
        dataset.set_epoch(epoch)
        items(dataset)
    assert [study.field.pixel_nm for study, _ in made] == [20, 16, 10] * 4
    expected = [MIXTURE.corpora[number % 3].recipe(number // 3) for number in range(12)]
    assert [seed for _, seed in made] == [recipe.seed for recipe in expected]
    velocities = [recipe.settings["motion.velocity_nm_per_s"] for recipe in expected]
    assert [study.motion.velocity_nm_per_s for study, _ in made] == velocities


def test_a_crop_is_a_window_of_its_movie():
    counts, density = MIXTURE.dataset(CROP, crops=1, seed=0)[0]
    recipe = MIXTURE.corpora[0].recipe(0)
    study = MIXTURE.corpora[0].study_of(recipe).replace({"acquisition.time_points": 4})
    movie = simulated_crop(study, recipe.seed)
    places = [
        (top, left) for top in range(17) for left in range(9)
        if np.array_equal(density[0], movie.density[:, top : top + 16, left : left + 24])
    ]  # fmt: skip
    ((top, left),) = places
    assert counts.any()
    expected = movie.observation.counts.values[:, top : top + 16, left : left + 24]
    np.testing.assert_array_equal(counts[0], expected)


def test_the_localizations_of_a_crop_are_those_that_are_counted_in_it():
    seen = []

    def see(observation):
        seen.append(observation)
        return counts_alone(observation)

    dataset = MIXTURE.dataset(CROP, crops=3, seed=0, see=see)
    for item in range(3):
        dataset[item]
    for observation, corpus in zip(seen, MIXTURE.corpora, strict=True):
        pixel_nm, (y, x) = corpus.study.field.pixel_nm, (observation[axis].values for axis in "yx")
        field = FieldOfView(
            height_nm=16 * pixel_nm, width_nm=24 * pixel_nm, pixel_nm=pixel_nm,
            origin_y_nm=y[0] - pixel_nm / 2, origin_x_nm=x[0] - pixel_nm / 2,
        )  # fmt: skip
        acquisition = corpus.study.acquisition.replace({"time_points": 4})
        counted = bin_localizations(observation.drop_vars("counts"), field, acquisition).counts
        np.testing.assert_array_equal(counted, observation.counts)


def test_crops_that_do_not_fit_into_every_corpus_are_refused():
    with pytest.raises(
        CorpusError, match=r"crops of \(4, 33, 16\) .* do not fit into movies of \(4, 32, 32\)"
    ):
        MIXTURE.dataset(Augmentation(time_points=4, height=33, width=16), crops=1, seed=0)


def test_movies_simulated_during_training_last_as_long_as_crops():
    crops = Augmentation(time_points=2, height=32, width=32, around=4)
    with pytest.raises(CorpusError, match="last as long as crops, but around=4"):
        Mixture(corpora=(corpus(20, seed=0),)).dataset(crops, crops=1, seed=0)


def test_movies_simulated_during_training_are_not_gathered():
    crops = Augmentation(time_points=2, height=32, width=32, point_s=4.5)
    with pytest.raises(
        CorpusError, match=r"crops, 4\.5 s, but those of a corpus are of 1\.5 s; set its acquisition"
    ):
        Mixture(corpora=(corpus(20, seed=0),)).dataset(crops, crops=1, seed=0)


def test_few_fields_come_again_in_other_movies(monkeypatch):
    made = []
    empty = Crop(make_observation(np.zeros((4, 99, 99))), np.zeros((4, 99, 99), np.float32))
    monkeypatch.setattr(module, "simulated_crop", lambda *found: made.append(found) or empty)
    few = Mixture(corpora=MIXTURE.corpora[:2], fields=((7,), (8, 9)))
    items(few.dataset(CROP, crops=8, seed=0))
    assert [scenes for _, _, scenes in made] == [7, 8, 7, 9, 7, 8, 7, 9]
    assert len({seed for _, seed, _ in made}) == 8


def test_a_field_has_the_same_structure_in_movies_of_other_seeds():
    study = corpus(20, 1).study.replace({"acquisition.time_points": 2, "motion.velocity_nm_per_s": 0.0})
    one, other, own = simulated_crop(study, 1, 5), simulated_crop(study, 2, 5), simulated_crop(study, 5)
    np.testing.assert_array_equal(one.density, other.density)
    np.testing.assert_array_equal(one.density, own.density)
    assert not np.array_equal(one.observation.counts, other.observation.counts)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": ((1,),)}, "fields has 1 lists for 3 corpora"),
        ({"fields": ((1,), (2,), ())}, "give each corpus at least one seed"),
        ({"corpora": (Corpus(study=SimulatedDynamic()),), "fields": ((1,),)}, "semi_simulated or hybrid"),
    ],
)
def test_fields_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Mixture.model_validate({"corpora": MIXTURE.corpora} | changes)


def test_only_movies_of_scenes_take_their_seed():
    with pytest.raises(ValueError, match=r"SimulatedDynamic have no scenes of their own; leave out scenes=3"):
        simulate(SimulatedDynamic(), 0, scenes=3)
