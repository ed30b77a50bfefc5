"""The localizer ``deep_loco``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, final

from baselines._learned_localizer import pieces
from baselines._point_localizer import PointLocalizer, Points
from baselines.deep_loco.model import DeepLoco, DeepLocoNetwork
from smlmsim.shot_noise import Counts

LEAST_EXPECTED = 0.01
"""Probability of a point below which it is left out."""


@final
class DeepLocoStyle(PointLocalizer):
    """A network that looks at a window of a frame and lists points with probabilities.

    It is there for spots that overlap. Boyd, Jonas, Babcock & Recht 2018, doi:10.1101/267096.

    Parameters
    ----------
    probability : float
        Smallest probability of a molecule that is reported; lower finds more molecules, and more false positives.
    radius_px : float
        How far around a molecule points belong to it, in pixels of the camera.
    """

    name: ClassVar[str] = "deep_loco"
    package: ClassVar[str] = "baselines.deep_loco"
    least_spread_px: ClassVar[float] = 0.0

    @staticmethod
    def build(settings: dict[str, Any]) -> DeepLoco:
        """Build the network from the settings in a file of weights."""
        return DeepLocoNetwork(**settings["network"]).build()

    def points(self, network: DeepLoco, counts: Counts, sigma_px: float) -> Iterator[Points]:
        """Yield the likely points of some frames after the other, by what all windows say of each place."""
        for number, frames in pieces(counts, sigma_px, 1):
            found = network(frames)
            shares = network.shares(found, *counts.variance.shape)[:number]
            weight = (found.logit[:number].sigmoid() * shares).flatten(1)
            frame, point = (weight > LEAST_EXPECTED).nonzero(as_tuple=True)
            y_px, x_px = found.place_px[:number].flatten(1, 2)[frame, point].T.numpy()
            yield Points(number, frame.numpy(), y_px, x_px, weight[frame, point].numpy())
