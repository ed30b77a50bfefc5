"""How likely the molecules are, given how many the network expects in every place."""

from __future__ import annotations

import torch

from baselines.deep_storm.model import FINER


def negative_log_likelihood(
    log_rate: torch.Tensor, frame: torch.Tensor, place_px: torch.Tensor
) -> torch.Tensor:
    """The loss per molecule, of molecules that are a Poisson process of the rates that the network expects.

    Its least mean is where the rate is the expected number of molecules in every place, given the frame. So what is
    expected around a molecule adds up to the probability that it is there, and is as wide as its position is uncertain.

    Parameters
    ----------
    log_rate : Tensor, shape (frame, 8 y, 8 x)
        Logarithm of the expected number of molecules in every place.
    frame : Tensor of int64, shape (molecule,)
    place_px : Tensor, shape (molecule, 2)
        Positions y and x in pixels of the camera; the middle of the first pixel is 0.
    """
    place = torch.floor((place_px + 0.5) * FINER).long()
    rows, columns = (place[:, axis].clamp(0, log_rate.shape[axis + 1] - 1) for axis in (0, 1))
    found = log_rate[frame, rows, columns]
    return (log_rate.exp().sum() - found.sum()) / (len(frame) + len(log_rate))
