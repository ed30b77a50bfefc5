"""What a network is trained for is what the corpus holds."""

import pytest

from smlmsim.acquisition import Acquisition
from smlmsim.corpus import Augmentation, Choice, Corpus, Range
from smlmsim.corpus.dataset import MovieDataset
from smlmsim.corpus.domain import domain_of
from smlmsim.corpus.mixture import Mixture
from smlmsim.field import FieldOfView
from smlmsim.motion import Brownian
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import Hybrid, SemiSimulated, SimulatedDynamic
from smlmsim.structures import Clathrin, Measured, Microtubules

SMALL = FieldOfView(height_nm=1280, width_nm=1280, pixel_nm=40)


def test_ranges_of_the_corpus_and_values_of_the_study_make_the_domain():
    study = SimulatedDynamic(
        field=SMALL, acquisition=Acquisition(frames_per_point=10), photophysics=Poisson(rate_hz=64)
    )
    found = domain_of(
        Corpus(study=study, ranges=(Range(setting="motion.velocity_nm_per_s", low=0, high=220),))
    )
    assert found.pixel_nm == (40, 40)
    assert found.point_s == pytest.approx((0.3, 0.3))
    assert found.rate_hz == pytest.approx((256, 256))
    assert found.velocity_nm_per_s == (0, 220)
    assert found.density_per_um == (3, 3)
    assert found.structures == ("microtubules",)


def test_the_domain_covers_all_choices_and_zero():
    choices = (
        Choice(setting="structure", values=(Microtubules(density_per_um=2), {"kind": "actin_bundles"})),
        Choice(setting="photophysics.rate_hz", values=(100, 900)),
    )
    still = Range(setting="motion.velocity_nm_per_s", low=50, high=220, share_at_zero=0.5)
    found = domain_of(Corpus(study=SemiSimulated(), choices=choices, ranges=(still,)))
    assert found.velocity_nm_per_s == (0, 220)
    assert found.rate_hz == pytest.approx((100, 900))
    assert found.structures == ("microtubules", "actin_bundles")
    assert found.density_per_um[0] == 4


def test_the_domain_says_what_a_learned_motion_was_learned_from():
    choice = Choice(setting="motion.kind", values=("deformation", "learned"))
    found = domain_of(Corpus(study=SemiSimulated(), choices=(choice,)))
    assert found.learned_from == "simulated widefield movies of polymer motion (corpus seed 7301)"
    assert domain_of(Corpus(study=SemiSimulated())).learned_from is None


def test_two_scenes_have_twice_the_density():
    range_ = Range(setting="structure.density_per_um", low=0.5, high=2.5)
    assert domain_of(Corpus(study=SemiSimulated(), ranges=(range_,))).density_per_um == (1, 5)


def test_what_a_study_does_not_say_is_not_known():
    hybrid = Hybrid(tables=(Measured(table="a.csv"),))
    assert domain_of(Corpus(study=hybrid)).density_per_um is None
    assert domain_of(Corpus(study=hybrid)).structures == ("measured",)
    pits = SimulatedDynamic(structure=Clathrin(), motion=Brownian())
    assert domain_of(Corpus(study=pits)).velocity_nm_per_s is None
    assert domain_of(Corpus(study=pits)).density_per_um is None


def test_crops_drawn_anew_have_the_rates_they_are_drawn_at(stored_movies):
    crops = Augmentation(time_points=8, height=16, width=16, rate_hz=(50, 70))
    assert MovieDataset(stored_movies, crops).domain.rate_hz == (50, 70)


def test_a_mixture_covers_what_its_corpora_do():
    studies = (SemiSimulated(structure=Microtubules(density_per_um=1)), SimulatedDynamic(field=SMALL))
    mixture = Mixture(corpora=tuple(Corpus(study=study) for study in studies))
    domain = mixture.dataset(Augmentation(time_points=4, height=32, width=32), crops=1, seed=0).domain
    assert domain.pixel_nm == (20, 40)
    assert domain.density_per_um == (2, 3)
    assert domain.rate_hz == pytest.approx((200, 800))
