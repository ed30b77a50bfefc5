"""A new corpus together with an old one, so that a network that learns the new does not forget the old.

References
----------
Robins 1995, Catastrophic forgetting, rehearsal and pseudorehearsal, doi:10.1080/09540099550039318.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from pydantic import Field

from smlmsim.corpus.augmentation import Augmentation, Crop
from smlmsim.corpus.dataset import CropDataset, MovieDataset, See, counts_alone
from smlmsim.domain import Domain
from smlmsim.pipeline import Simulated
from smlmsim.spec import Spec


class Rehearsal(Spec):
    """Crops of a new corpus, and among them a share of crops of an old one.

    Parameters
    ----------
    new, old : Path
        Folders of the corpora.
    share : float
        Fraction of the crops that are from the old corpus, between 0 and 1.
    """

    new: Path
    old: Path
    share: float = Field(0.5, gt=0, lt=1)

    def dataset(
        self, augmentation: Augmentation, *, crops: int, seed: int, see: See = counts_alone
    ) -> RehearsalDataset:
        """Return a dataset with epochs of ``crops`` crops.

        Raises
        ------
        CorpusError
            If there is no corpus, or the crops do not fit into its movies.
        """
        new, old = (
            MovieDataset(path, augmentation, crops=crops, seed=seed, see=see) for path in (self.new, self.old)
        )
        return RehearsalDataset(new, old, self.share, crops=crops, seed=seed, see=see)


class RehearsalDataset(CropDataset):
    """Crops of two corpora, spread evenly over an epoch.

    Parameters
    ----------
    new, old : MovieDataset
    share, crops, seed, see :
        As in :class:`Rehearsal`.
    """

    def __init__(
        self,
        new: MovieDataset,
        old: MovieDataset,
        share: float,
        *,
        crops: int,
        seed: int,
        see: See = counts_alone,
    ) -> None:
        super().__init__(crops, seed, see)
        self._new, self._old, self._share = new, old, share

    @property
    def study(self) -> Simulated:
        """The study of the new corpus."""
        return self._new.study

    @property
    def domain(self) -> Domain:
        """The domain that covers those of both corpora."""
        return Domain.joined((self._new.domain, self._old.domain))

    @property
    def has_contours(self) -> bool:
        """Whether all movies of both corpora are stored as contours."""
        return self._new.has_contours and self._old.has_contours

    def is_old(self, item: int) -> bool:
        """Whether an item is a crop of the old corpus."""
        return math.floor((item + 1) * self._share) > math.floor(item * self._share)

    def _crop(self, epoch: int, item: int, rng: np.random.Generator) -> Crop:
        return (self._old if self.is_old(item) else self._new)._crop(epoch, item, rng)
