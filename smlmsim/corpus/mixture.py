"""Several corpora in turn, simulated as training goes."""

from __future__ import annotations

import numpy as np
import pydantic

from smlmsim.corpus.augmentation import Augmentation, Crop
from smlmsim.corpus.corpus import Corpus
from smlmsim.corpus.dataset import CropDataset, See, counts_alone, simulated_crop
from smlmsim.corpus.domain import domain_of
from smlmsim.domain import Domain
from smlmsim.pipeline import Simulated
from smlmsim.spec import Spec


class Mixture(Spec):
    """Corpora that training goes through in turn, movie by movie; nothing of them is stored.

    Crops are cut from whole movies and not drawn anew, so whatever a corpus is like, its photophysics too, is in them.

    Parameters
    ----------
    corpora : tuple of Corpus
        The movies of each are counted from 0 and do not end.
    """

    corpora: tuple[Corpus, ...] = pydantic.Field(min_length=1)

    def dataset(
        self, augmentation: Augmentation, *, crops: int, seed: int, see: See = counts_alone
    ) -> MixtureDataset:
        """Return epochs of so many crops.

        Parameters
        ----------
        augmentation : Augmentation
            Only the size of a crop is taken from it: movies last as long, and are cut to its height and width.
        crops : int
            Items of an epoch.
        seed : int
            Fixes where crops are cut; the movies have their seeds from the corpora.
        see : callable
            What is seen of an observation; by default its counts.

        Raises
        ------
        CorpusError
            If the crops do not fit into the movies of a corpus.
        """
        length = {"study.acquisition.time_points": augmentation.time_points}
        corpora = tuple(corpus.replace(length) for corpus in self.corpora)
        for corpus in corpora:
            augmentation.require_fit(corpus.study)
        return MixtureDataset(corpora, augmentation, crops=crops, seed=seed, see=see)


class MixtureDataset(CropDataset):
    """Crops of movies that are made for them, one of each movie, the corpora in turn.

    Parameters
    ----------
    corpora, augmentation, crops, seed, see :
        As in :class:`Mixture`.
    """

    def __init__(
        self,
        corpora: tuple[Corpus, ...],
        augmentation: Augmentation,
        *,
        crops: int,
        seed: int,
        see: See = counts_alone,
    ) -> None:
        super().__init__(crops, seed, see)
        self._corpora, self._augmentation = corpora, augmentation

    @property
    def study(self) -> Simulated:
        """The study of the first corpus."""
        return self._corpora[0].study

    @property
    def domain(self) -> Domain:
        """What all corpora together cover."""
        return Domain.joined(map(domain_of, self._corpora))

    def _crop(self, epoch: int, item: int, rng: np.random.Generator) -> Crop:
        movie, turn = divmod(epoch * len(self) + item, len(self._corpora))
        corpus, size = self._corpora[turn], self._augmentation
        recipe = corpus.recipe(movie)
        whole = simulated_crop(corpus.study_of(recipe), recipe.seed)
        rows, columns = corpus.study.field.shape
        top, left = int(rng.integers(rows - size.height + 1)), int(rng.integers(columns - size.width + 1))
        return _window(whole, slice(top, top + size.height), slice(left, left + size.width))


def _window(crop: Crop, rows: slice, columns: slice) -> Crop:
    """Cut a window out of a movie, with the localizations that lie in it."""
    observation = crop.observation.isel(y=rows, x=columns)
    inside = np.ones(observation.sizes["localization"], np.bool_)
    for axis in ("y", "x"):
        places, middles = observation[f"loc_{axis}"].values, observation[axis].values
        half = observation.attrs["pixel_nm"] / 2
        inside &= (places >= middles[0] - half) & (places < middles[-1] + half)
    observation = observation.isel(localization=np.flatnonzero(inside))
    return Crop(observation, crop.density[:, rows, columns])
