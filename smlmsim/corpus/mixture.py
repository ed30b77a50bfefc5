"""Several corpora in turn, simulated during training."""

from __future__ import annotations

from typing import Self

import numpy as np
import pydantic
from pydantic import NonNegativeInt

from smlmsim.corpus.augmentation import Augmentation, Crop
from smlmsim.corpus.corpus import Corpus, CorpusError
from smlmsim.corpus.dataset import CropDataset, See, counts_alone, simulated_crop
from smlmsim.corpus.domain import domain_of
from smlmsim.domain import Domain
from smlmsim.pipeline import Simulated, SimulatedDynamic
from smlmsim.spec import Spec


class Mixture(Spec):
    """Corpora from which training takes movies in turn; nothing is stored.

    Crops are cut from simulated movies without augmentation, so they keep all properties of their study.

    Parameters
    ----------
    corpora : tuple of Corpus
        The corpora; the movies of each are counted from 0, without end.
    fields : tuple of tuple of int
        The seeds of the structures of each corpus, in turn, so that few fields are seen in many movies, which move and
        light up differently. By default every movie shows a structure of its own.
    """

    corpora: tuple[Corpus, ...] = pydantic.Field(min_length=1)
    fields: tuple[tuple[NonNegativeInt, ...], ...] = ()

    @pydantic.model_validator(mode="after")
    def _of_all(self) -> Self:
        if self.fields and (len(self.fields) != len(self.corpora) or not all(self.fields)):
            raise ValueError(
                f"fields has {len(self.fields)} lists for {len(self.corpora)} corpora; give each corpus at least one "
                "seed, or leave it out"
            )
        if self.fields and any(isinstance(corpus.study, SimulatedDynamic) for corpus in self.corpora):
            raise ValueError("fields need corpora of the kind semi_simulated or hybrid")
        return self

    def dataset(
        self, augmentation: Augmentation, *, crops: int, seed: int, see: See = counts_alone
    ) -> MixtureDataset:
        """Return a dataset with epochs of ``crops`` crops.

        Parameters
        ----------
        augmentation : Augmentation
            Only the size of a crop is used: its length is that of movies, which are cut to its height and width.
        crops : int
            Number of items in an epoch.
        seed : int
            Determines where crops are cut; the seeds of movies come from the corpora.
        see : callable
            Converts an observation to channels; by default to its counts.

        Raises
        ------
        CorpusError
            If the crops do not fit into the movies of a corpus, gather their time points, or have others around them.
        """
        if augmentation.around:
            raise CorpusError(
                f"movies simulated in training last as long as crops, but around={augmentation.around}; make a corpus "
                "first (smlmsim corpus), or leave it out"
            )
        for study in (corpus.study for corpus in self.corpora):
            if augmentation.gathered(study) != 1:
                raise CorpusError(
                    f"movies simulated in training have the time points of crops, {augmentation.point_s:g} s, but "
                    f"those of a corpus are of {study.acquisition.point_s:g} s; set its acquisition.frames_per_point"
                )
        length = {"study.acquisition.time_points": augmentation.time_points}
        corpora = tuple(corpus.replace(length) for corpus in self.corpora)
        for corpus in corpora:
            augmentation.require_fit(corpus.study)
        return MixtureDataset(corpora, augmentation, crops=crops, seed=seed, see=see, fields=self.fields)


class MixtureDataset(CropDataset):
    """Crops of movies simulated on demand, one from each movie, the corpora in turn.

    Parameters
    ----------
    corpora, augmentation, crops, seed, see, fields :
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
        fields: tuple[tuple[int, ...], ...] = (),
    ) -> None:
        super().__init__(crops, seed, see)
        self._corpora, self._augmentation, self._fields = corpora, augmentation, fields

    @property
    def study(self) -> Simulated:
        """The study of the first corpus."""
        return self._corpora[0].study

    @property
    def domain(self) -> Domain:
        """The domain that covers those of all corpora."""
        return Domain.joined(map(domain_of, self._corpora))

    def _crop(self, epoch: int, item: int, rng: np.random.Generator) -> Crop:
        movie, turn = divmod(epoch * len(self) + item, len(self._corpora))
        corpus, size = self._corpora[turn], self._augmentation
        recipe = corpus.recipe(movie)
        scenes = self._fields[turn][movie % len(self._fields[turn])] if self._fields else None
        whole = simulated_crop(corpus.study_of(recipe), recipe.seed, scenes)
        rows, columns = corpus.study.field.shape
        top, left = int(rng.integers(rows - size.height + 1)), int(rng.integers(columns - size.width + 1))
        return _window(whole, slice(top, top + size.height), slice(left, left + size.width))


def _window(crop: Crop, rows: slice, columns: slice) -> Crop:
    """Cut a window out of a movie, with the localizations inside."""
    observation = crop.observation.isel(y=rows, x=columns)
    inside = np.ones(observation.sizes["localization"], np.bool_)
    for axis in ("y", "x"):
        places, middles = observation[f"loc_{axis}"].values, observation[axis].values
        half = observation.attrs["pixel_nm"] / 2
        inside &= (places >= middles[0] - half) & (places < middles[-1] + half)
    observation = observation.isel(localization=np.flatnonzero(inside))
    return Crop(observation, crop.density[:, rows, columns])
