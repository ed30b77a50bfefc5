"""The losses that networks are trained with.

Shapes in names: B batch, C channel, T time point, Y and X pixels, N images.
"""

from __future__ import annotations

import functools
from typing import Literal

import torch
from torch.nn import functional as F

SIGMAS_PX = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Standard deviations in px of the Gaussian windows: from the core of a filament to the space between filaments."""
WIDTHS_PX = (11, 11, 11, 17, 33)
"""Odd edge lengths in px of these windows: the widest are cut off at two standard deviations."""
C1, C2 = 0.01**2, 0.03**2
"""Constants of the similarity in units of the data range, as published (doi:10.1109/TIP.2003.819861)."""

Adversarial = Literal["least_squares", "log"]


def ms_ssim_loss(truth_BCTYX: torch.Tensor, estimate_BCTYX: torch.Tensor) -> torch.Tensor:
    """Return 1 - MS-SSIM with windows of increasing width on the full images (no pyramid), all exponents 1.

    The last two axes are y and x; images are in [0, 1]. At the border a window uses the pixels inside. The mean is
    taken over all pixels, after the product over the windows.

    References
    ----------
    Zhao et al. 2017, doi:10.1109/TCI.2016.2644865.
    """
    a_NYX, b_NYX = truth_BCTYX.flatten(0, -3).float(), estimate_BCTYX.flatten(0, -3).float()
    moments = torch.stack([a_NYX, b_NYX, a_NYX**2 + b_NYX**2, a_NYX * b_NYX])
    similarity_NYX = torch.ones_like(a_NYX)
    for sigma_px, width_px in zip(SIGMAS_PX, WIDTHS_PX, strict=True):
        a, b, a2_b2, ab = windowed(moments, sigma_px, width_px)
        product, squares = a * b, a**2 + b**2
        similarity_NYX = similarity_NYX * (2 * (ab - product) + C2) / (a2_b2 - squares + C2)
    luminance_NYX = (2 * product + C1) / (squares + C1)
    return 1 - (luminance_NYX * similarity_NYX).mean()


def weighted_l1_loss(truth_BCTYX: torch.Tensor, estimate_BCTYX: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute error, after smoothing with a Gaussian window of standard deviation 8 px."""
    error_NYX = (truth_BCTYX - estimate_BCTYX).abs().flatten(0, -3).float()
    return windowed(error_NYX, SIGMAS_PX[-1], WIDTHS_PX[-1]).mean()


def temporal_loss(estimate_BCTYX: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference of consecutive time points; 0 for a single one."""
    return _mean(estimate_BCTYX.diff(dim=-3).abs())


def total_variation_loss(estimate_BCTYX: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference of neighbouring pixels, along y plus along x."""
    return _mean(estimate_BCTYX.diff(dim=-2).abs()) + _mean(estimate_BCTYX.diff(dim=-1).abs())


def adversarial_loss(logits: torch.Tensor, *, real: bool, form: Adversarial) -> torch.Tensor:
    """Return the loss of a discriminator's logits for images that it should call real, or generated.

    References
    ----------
    ``log``: Goodfellow et al. 2014, arXiv:1406.2661. ``least_squares``: Mao et al. 2017, doi:10.1109/ICCV.2017.304.
    """
    goal = torch.full_like(logits, float(real))
    loss = F.mse_loss if form == "least_squares" else F.binary_cross_entropy_with_logits
    return loss(logits, goal)


def _mean(x: torch.Tensor) -> torch.Tensor:
    return x.mean() if x.numel() else x.sum()


def windowed(images: torch.Tensor, sigma_px: float, width_px: int) -> torch.Tensor:
    """Average over Gaussian windows along the last two axes, as products with banded matrices.

    Always in float32: a variance is a small difference of averages, for which half precision is too coarse.
    """
    height, width = images.shape[-2:]
    along_y = _averages(height, sigma_px, width_px).to(images.device)
    along_x = _averages(width, sigma_px, width_px).to(images.device)
    with torch.autocast(images.device.type, enabled=False):
        return along_y @ images @ along_x.T


@functools.lru_cache(maxsize=64)
def _averages(size: int, sigma_px: float, width_px: int) -> torch.Tensor:
    """Return the matrix (size, size) whose rows average over a window, or over the part of it that lies inside."""
    place = torch.arange(size, dtype=torch.float64)
    distance = (place[:, None] - place).abs()
    weight = torch.exp(-(distance**2) / (2 * sigma_px**2)) * (distance <= width_px // 2)
    return (weight / weight.sum(dim=1, keepdim=True)).float()
