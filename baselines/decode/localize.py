"""The localizer ``decode``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, NamedTuple, final

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from pydantic import Field
from scipy.special import expit

from baselines._learned_localizer import LearnedLocalizer, Tile, pieces, tiles
from baselines.decode.model import Decode, DecodeNetwork
from baselines.localizers._table import Pixel, table
from smlmsim.shot_noise import Counts

PEAK = 0.1
"""Least probability of a pixel that stands for itself and its neighbours."""
ALONE = 0.6
"""Probability from which on a pixel has a molecule of its own, though a neighbour has one, too."""

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[Any]
Indices = npt.NDArray[np.intp]


class _Spots(NamedTuple):
    """Molecules: frame, row and column of their pixels, (molecule,), and what the network says of these.

    ``mean`` and ``sigma`` are (value, molecule), ``log_background`` is (molecule,); see
    :class:`~baselines.decode.model.Found`.
    """

    frame: Values
    row: Values
    column: Values
    mean: Values
    sigma: Values
    log_background: Values

    def inside(self, tile: Tile) -> _Spots:
        """Those that count in a tile, by their rows and columns in the frame."""
        rows, columns = tile.inner
        counts = (self.row >= rows.start) & (self.row < rows.stop)
        counts &= (self.column >= columns.start) & (self.column < columns.stop)
        kept = _Spots(*(values[..., counts] for values in self))
        return kept._replace(row=kept.row + tile.rows.start, column=kept.column + tile.columns.start)


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

    @torch.inference_mode()
    def find(self, frames: xr.Dataset, counts: Counts, pixel: Pixel) -> xr.Dataset:
        """Return the localizations of all frames, with the errors that the network expects."""
        network, sigma_px = self.network(), self.sigma_nm / pixel.nm
        parts = [
            self._spots(network, tile.cut(counts), sigma_px).inside(tile)
            for tile in tiles(counts.variance.shape, network.reach, network.multiple)
        ]
        spots = _Spots(*(np.concatenate(values, axis=-1) for values in zip(*parts, strict=True)))
        order = np.lexsort((spots.column, spots.row, spots.frame))
        spots = _Spots(*(values[..., order] for values in spots))
        return table(
            frames, counts, spots.frame, spots.row + spots.mean[0], spots.column + spots.mean[1],
            uncertainty_px=np.sqrt(np.square(spots.sigma[:2]).mean(axis=0)),
            light=np.exp(spots.mean[2]), background=np.expm1(spots.log_background),
            sigma_px=np.full(len(order), sigma_px),
        )  # fmt: skip

    def _spots(self, network: Decode, counts: Counts, sigma_px: float) -> _Spots:
        """The molecules in a part of the frames."""
        rows, columns = counts.variance.shape
        parts, first = [], 0
        for number, features in _threes(network, counts, sigma_px):
            logit, mean, sigma, background = (
                values[:number, ..., :rows, :columns].numpy() for values in network.find(features)
            )
            frame, row, column = _chosen(expit(logit), self.probability)
            at = frame, slice(None), row, column
            parts.append(
                _Spots(first + frame, row, column, mean[at].T, sigma[at].T, background[frame, row, column])
            )
            first += number
        return _Spots(*(np.concatenate(values, axis=-1) for values in zip(*parts, strict=True)))


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
