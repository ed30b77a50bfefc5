"""How likely the molecules are, given what the network says (Speiser et al. 2021, doi:10.1038/s41592-021-01236-x)."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import logsigmoid, pad

from baselines.decode.model import Found

AROUND = 2
"""Pixels on either side of that of a molecule which may have found it."""
LEAST_VARIANCE = 0.05
"""Smallest variance of the number of molecules in a frame."""
OUTSIDE = -1e4
"""Logit of pixels outside the frame."""


def negative_log_likelihood(
    found: Found, frame: torch.Tensor, place_px: torch.Tensor, log_light: torch.Tensor
) -> torch.Tensor:
    """The loss per molecule: of the number in each frame, and of their positions and light.

    The number of molecules in a frame is about normally distributed, with the mean and the variance of a sum of
    independent trials in its pixels. A molecule is drawn from a mixture of Gaussians, one in every pixel, whose weights
    are the probabilities divided by their sum. A Gaussian is tied to its pixel, so that those of the 5 x 5 pixels
    around a molecule are enough.

    Parameters
    ----------
    found : Found
        Of F frames.
    frame : Tensor of int64, shape (molecule,)
    place_px : Tensor, shape (molecule, 2)
        Positions y and x in pixels, within the frames; the middle of the first pixel is 0.
    log_light : Tensor, shape (molecule,)
        Logarithm of the counts.
    """
    probability = torch.sigmoid(found.logit)
    expected = probability.sum(dim=(1, 2))
    variance = (probability * (1 - probability)).sum(dim=(1, 2)).clamp_min(LEAST_VARIANCE)
    number = torch.bincount(frame, minlength=len(found.logit)).to(expected.dtype)
    numbers = ((number - expected).square() / variance + variance.log() + math.log(2 * math.pi)) / 2
    shares = _log_weights(found, frame, place_px, log_light) - expected.clamp_min(1e-6).log()[frame]
    return (numbers.sum() - shares.sum()) / (len(frame) + len(number))


def _log_weights(
    found: Found, frame: torch.Tensor, place_px: torch.Tensor, log_light: torch.Tensor
) -> torch.Tensor:
    """Logarithm of the probabilities times the densities of the Gaussians, summed over the pixels, (molecule,)."""
    pixel = torch.floor(place_px + 0.5).long()
    steps = torch.arange(2 * AROUND + 1)
    rows = pixel[:, 0, None, None] + steps[:, None]
    columns = pixel[:, 1, None, None] + steps[None, :]
    at = frame[:, None, None], rows, columns
    logit = pad(found.logit, [AROUND] * 4, value=OUTSIDE)[at]
    mean, sigma = (
        pad(values, [AROUND] * 4, value=1.0).permute(0, 2, 3, 1)[at] for values in (found.mean, found.sigma)
    )
    middles = torch.stack(torch.broadcast_tensors(rows, columns), -1) - AROUND
    offset = place_px[:, None, None] - middles
    target = torch.cat([offset, log_light[:, None, None, None].expand(*offset.shape[:-1], 1)], -1)
    density = -((target - mean) / sigma).square() / 2 - sigma.log() - math.log(2 * math.pi) / 2
    return torch.logsumexp((logsigmoid(logit) + density.sum(-1)).flatten(1), 1)
