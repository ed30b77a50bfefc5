"""Crops of an old corpus come among those of a new one, as they would alone."""

import pytest
import torch

from smlmsim.corpus import Augmentation, generate
from smlmsim.corpus.dataset import MovieDataset
from smlmsim.corpus.rehearsal import Rehearsal
from smlmsim.domain import Domain

CROPS = Augmentation(time_points=8, height=16, width=16)


@pytest.fixture(scope="module")
def rehearsal(stored_movies, held_out_movie):
    return Rehearsal(new=held_out_movie, old=stored_movies, share=0.25)


def test_one_item_in_four_is_old_and_all_are_those_of_their_corpus(rehearsal, stored_movies, held_out_movie):
    data = rehearsal.dataset(CROPS, crops=8, seed=3)
    assert [data.is_old(item) for item in range(8)] == 2 * [False, False, False, True]
    alone = [MovieDataset(path, CROPS, crops=8, seed=3) for path in (held_out_movie, stored_movies)]
    for item in (2, 3):
        for found, wanted in zip(data[item], alone[data.is_old(item)][item], strict=True):
            assert torch.equal(found, wanted)


def test_the_domain_covers_both_corpora_and_their_difference_is_said(
    rehearsal, two_movies, tmp_path, in_this_process, caplog
):
    finer = two_movies.replace({"movies": 1, "seed": 9, "study.acquisition.frames_per_point": 10})
    generate(finer, tmp_path / "finer.zarr", progress=False)
    rehearsal.dataset(CROPS, crops=4, seed=0)
    assert not caplog.messages
    data = rehearsal.replace({"new": tmp_path / "finer.zarr"}).dataset(CROPS, crops=4, seed=0)
    assert caplog.messages == [
        "the new corpus has time points of 0.3 s, the old one of 1.5 s; the network learns both and is not told which"
    ]
    exposure_s = two_movies.study.acquisition.exposure_s
    assert data.domain.point_s == pytest.approx((10 * exposure_s, 50 * exposure_s))
    assert data.study.acquisition.frames_per_point == 10
    assert isinstance(data.domain, Domain)
    assert data.has_contours


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_a_share_of_nothing_or_all_is_refused(stored_movies, share):
    with pytest.raises(ValueError, match="share"):
        Rehearsal(new=stored_movies, old=stored_movies, share=share)
