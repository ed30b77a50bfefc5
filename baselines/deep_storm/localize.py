"""The localizer ``deep_storm``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from baselines._learned_localizer import pieces
from baselines._point_localizer import PointLocalizer, Points
from baselines.deep_storm.model import FINER, DeepStorm, configured
from smlmsim.shot_noise import Counts

LEAST_EXPECTED = 5e-4
"""Expected molecules in a place of the finer grid below which it is left out."""

Floats = npt.NDArray[np.float32]


@final
class DeepStormStyle(PointLocalizer):
    """A network that looks at a frame and says how many molecules are expected in every place of a finer grid.

    It is there for spots that overlap. The network draws images, as that of Nehme et al. 2018
    (doi:10.1364/OPTICA.5.000458); that molecules are taken from them is an addition.

    Parameters
    ----------
    probability : float
        Smallest probability of a molecule that is reported; lower finds more molecules, and more false positives.
    radius_px : float
        How far around a molecule what is expected belongs to it, in pixels of the camera.
    """

    name: ClassVar[str] = "deep_storm"
    package: ClassVar[str] = "baselines.deep_storm"
    least_spread_px: ClassVar[float] = 1 / (FINER * math.sqrt(12))

    @staticmethod
    def build(settings: dict[str, Any]) -> DeepStorm:
        """Build the network from the settings in a file of weights."""
        return configured(settings["network"]).build()

    def points(self, network: DeepStorm, counts: Counts, sigma_px: float) -> Iterator[Points]:
        """Yield the places in which the network expects something, in some frames after the other."""
        for expected in maps(network, counts, sigma_px):
            frame, row, column = np.nonzero(expected > LEAST_EXPECTED)
            y_px, x_px = ((place + 0.5) / FINER - 0.5 for place in (row, column))
            yield Points(len(expected), frame, y_px, x_px, expected[frame, row, column])


def maps(network: DeepStorm, counts: Counts, sigma_px: float) -> Iterator[Floats]:
    """Yield the expected molecules in every place, of some frames after the other, (frame, 8 y, 8 x)."""
    rows, columns = (FINER * size for size in counts.variance.shape)
    for number, frames in pieces(counts, sigma_px, network.multiple):
        yield network(frames)[:number, :rows, :columns].exp().numpy()
