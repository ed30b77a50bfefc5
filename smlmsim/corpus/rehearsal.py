"""A new corpus together with an old one, so that a network that learns the new does not forget the old.

Measured with the bundled ``annapalm2d``, which has converged on movies of filaments (``thesis-train``), and goes on for
200 steps of 4 crops of 12 x 64 x 64 on nuclear pores at 0-60 nm/s (24 movies of each, half of the crops old where they
are kept). MS-SSIM on 144 old and 72 new crops of other seeds, and its mean paired change with the standard error:

=======================  ===============  ===============
what                     old (0.741)      new (0.626)
=======================  ===============  ===============
kept, a tenth of the     -0.0074(8)       +0.060(2)
learning rate, seed 0
the same, seed 1         -0.0087(9)       +0.061(2)
forgotten, seed 0        -0.0242(17)      +0.073(3)
forgotten, seed 1        -0.0269(18)      +0.076(3)
kept, the learning rate  -0.0152(13)      +0.085(3)
of a first training
forgotten, likewise      -0.0500(28)      +0.099(4)
=======================  ===============  ===============

So ``smlmsim train --keep`` takes a tenth of the learning rate of a named configuration. The small ``dblink`` does not
learn nuclear pores at 220-280 nm/s at all, and at the learning rate of a first training it forgets filaments: -0.027(2)
where they are kept, -0.053(2) and -0.059(2) (seeds 0 and 1) where not.

References
----------
Robins 1995, Catastrophic forgetting, rehearsal and pseudorehearsal, doi:10.1080/09540099550039318.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
from pydantic import Field

from smlmsim.corpus.augmentation import SAME, Augmentation, Crop
from smlmsim.corpus.dataset import CropDataset, MovieDataset, See, counts_alone
from smlmsim.domain import Domain
from smlmsim.pipeline import Simulated
from smlmsim.spec import Spec

logger = logging.getLogger("smlmsim.corpus")


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
        _warn_of_mixture(augmentation.lasting(new.study), augmentation.lasting(old.study))
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


def _warn_of_mixture(new: Simulated, old: Simulated) -> None:
    """Log a warning if a network would learn crops of two pixel sizes, or of two durations of a time point."""
    sizes = {
        "pixels": (new.field.pixel_nm, old.field.pixel_nm, "nm"),
        "time points": (new.acquisition.point_s, old.acquisition.point_s, "s"),
    }
    for what, (of_new, of_old, unit) in sizes.items():
        if not math.isclose(of_new, of_old, rel_tol=SAME):
            logger.warning(
                "the new corpus has %s of %g %s, the old one of %g %s; the network learns both and is not told which",
                what, of_new, unit, of_old, unit,
            )  # fmt: skip
