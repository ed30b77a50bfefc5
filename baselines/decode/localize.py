"""The localizer ``decode``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, final

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from pydantic import Field
from scipy.special import expit

from baselines._learned_localizer import LearnedLocalizer, Spots, pieces
from baselines.decode.model import Decode, DecodeNetwork
from baselines.localizers._table import table
from smlmsim.shot_noise import Counts

PEAK = 0.1
"""Least probability of a pixel that stands for itself and its neighbours."""
ALONE = 0.6
"""Probability from which on a pixel has a molecule of its own, though a neighbour has one, too."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]


@final
class DecodeStyle(LearnedLocalizer):
    """A network that looks at three frames and says for every pixel whether there is a molecule, and where.

    It separates spots that overlap, and reports how precise each position is, which a fit of single spots cannot where
    they overlap. Speiser et al. 2021, doi:10.1038/s41592-021-01236-x.

    Parameters
    ----------
    probability : float
        Smallest probability of a molecule that is reported; lower finds more molecules, and more false positives.
    """

    name: ClassVar[str] = "decode"
    package: ClassVar[str] = "baselines.decode"
    context_frames: ClassVar[int] = 1

    probability: Annotated[float, Field(gt=0, lt=1)] = 0.5

    @staticmethod
    def build(settings: dict[str, Any]) -> Decode:
        """Build the network from the settings in a file of weights."""
        return DecodeNetwork(**settings["network"]).build()

    def spots(self, network: Decode, counts: Counts, sigma_px: float) -> Spots:
        """Return the molecules in a part of the frames, with what the network says of their pixels."""
        rows, columns = counts.variance.shape
        parts, first = [], 0
        for number, features in _threes(network, counts, sigma_px):
            logit, mean, sigma, background = (
                values[:number, ..., :rows, :columns].numpy() for values in network.find(features)
            )
            frame, row, column = _chosen(expit(logit), self.probability)
            at = frame, slice(None), row, column
            values = np.concatenate([mean[at].T, sigma[at].T, background[frame, row, column][None]])
            parts.append(Spots(first + frame, row, column, values))
            first += number
        return Spots.joined(parts)

    def table(self, frames: xr.Dataset, counts: Counts, spots: Spots, sigma_px: float) -> xr.Dataset:
        """Return the localizations of all frames, with the errors that the network expects."""
        mean, sigma, log_background = spots.values[:3], spots.values[3:6], spots.values[6]
        return table(
            frames, counts, spots.frame, spots.row + mean[0], spots.column + mean[1],
            uncertainty_px=np.sqrt(np.square(sigma[:2]).mean(axis=0)),
            light=np.exp(mean[2]), background=np.expm1(log_background),
            sigma_px=np.full(len(spots.frame), sigma_px),
        )  # fmt: skip


def _threes(network: Decode, counts: Counts, sigma_px: float) -> Iterator[tuple[int, torch.Tensor]]:
    """The features of every frame with those of the frames before and after, in pieces of equal shape.

    A piece is held back until the first frame of the next one is known. Before the first frame and after the last one,
    features are 0, as in training.
    """
    last: torch.Tensor | None = None
    held: tuple[int, torch.Tensor] | None = None
    for number, frames in pieces(counts, sigma_px, network.multiple):
        features = network.look(frames)
        features[number:] = 0
        if held is not None:
            yield held[0], _three(last, held[1], features[0])
            last = held[1][-1]
        held = number, features
    if held is not None:
        yield held[0], _three(last, held[1], None)


def _three(before: torch.Tensor | None, features: torch.Tensor, after: torch.Tensor | None) -> torch.Tensor:
    nothing = torch.zeros_like(features[0])
    first, last = (nothing if one is None else one for one in (before, after))
    return torch.cat(
        [torch.cat([first[None], features[:-1]]), features, torch.cat([features[1:], last[None]])], 1
    )


def _chosen(probability: Floats, least: float) -> tuple[Indices, Indices, Indices]:
    """The pixels (frame, row, column) that stand for a molecule.

    Where a molecule lies between two pixels, its probability is divided between them. So a pixel that is the likeliest
    of the 3 x 3 around it stands for its four neighbours, too, and their probabilities are added. A neighbour that is
    likely by itself has a molecule of its own.
    """
    around = np.pad(probability, [(0, 0), (1, 1), (1, 1)])
    peak, shares = probability > PEAK, probability.copy()
    for row in range(3):
        for column in range(3):
            if row == column == 1:
                continue
            other = around[:, row : row + probability.shape[1], column : column + probability.shape[2]]
            earlier = (row, column) < (1, 1)
            peak &= probability > other if earlier else probability >= other
            if 1 in (row, column):
                shares += np.where(other > ALONE, 0, other)
    chosen = (peak & (shares >= least)) | (probability > max(ALONE, least))
    frame, rows, columns = np.nonzero(chosen)
    return frame, rows, columns
