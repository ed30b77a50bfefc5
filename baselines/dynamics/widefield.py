"""Widefield images of moving contours that can be differentiated by the positions of the contours."""

from __future__ import annotations

import functools
import math

import torch

from smlmsim.widefield import Widefield

TINY = 1e-6
MARGIN = 4
"""Pixels around the image from which light comes."""
SPLINE_VARIANCE = 1 / 3
"""Variance of a cubic B-spline in pixels^2."""


def light(
    begin_BT2S: torch.Tensor,
    end_BT2S: torch.Tensor,
    middle_nm: tuple[float, float],
    period_nm: tuple[float, float],
    edge: int,
    microscope: Widefield,
) -> torch.Tensor:
    """Blur segments to the pixels of a microscope.

    Parameters
    ----------
    begin_BT2S, end_BT2S : torch.Tensor
        Both ends of segments along y and x in nm, (B, T, 2, segment).
    middle_nm : (float, float)
        The middle of the image.
    period_nm : (float, float)
        Periods of the structure: the nearest repetition of a segment counts.
    edge : int
        Rows and columns of the image.
    microscope : Widefield

    Returns
    -------
    torch.Tensor
        Contour in um per pixel, (B, T, Y, X).
    """
    way = end_BT2S - begin_BT2S
    length_um = way.square().sum(2).add(TINY).sqrt() * 1e-3
    pixel, blur = microscope.pixel_nm, _blur(edge, microscope)
    splines = []
    for axis in range(2):
        place = begin_BT2S[:, :, axis] + way[:, :, axis] / 2 - middle_nm[axis]
        place = place - (place.detach() / period_nm[axis]).round() * period_nm[axis]
        splines.append(_splines(place / pixel + (edge - 1) / 2 + MARGIN, edge + 2 * MARGIN))
    return blur @ ((splines[0] * length_um[:, :, None]) @ splines[1].mT) @ blur.mT


def _splines(place_BTS: torch.Tensor, pixels: int) -> torch.Tensor:
    """How much of every segment a pixel gets along one axis by a cubic B-spline, (B, T, pixel, segment)."""
    first = place_BTS.detach().floor()
    t = place_BTS - first
    rest = 1 - t
    weights = [rest**3, 3 * t**3 - 6 * t**2 + 4, 3 * rest**3 - 6 * rest**2 + 4, t**3]
    index = torch.stack([first + offset for offset in range(-1, 3)], 2).long()
    outside = (index < 0) | (index >= pixels)
    found = place_BTS.new_zeros(*place_BTS.shape[:2], pixels + 1, place_BTS.shape[2])
    return found.scatter(2, index.masked_fill(outside, pixels), torch.stack(weights, 2) / 6)[:, :, :-1]


@functools.cache
def _blur(edge: int, microscope: Widefield) -> torch.Tensor:
    """The blur (pixel, pixel with margins) that makes a cubic B-spline as wide as the image of a point."""
    sigma = math.sqrt((microscope.pixel_sigma_nm / microscope.pixel_nm) ** 2 - SPLINE_VARIANCE)
    distance = torch.arange(edge + 2 * MARGIN) - torch.arange(edge)[:, None] - MARGIN
    blur = torch.exp(-0.5 * (distance / sigma).square())
    return blur / blur.sum(1, keepdim=True)


def recorded(light_BTYX: torch.Tensor, microscope: Widefield) -> torch.Tensor:
    """What a camera records of contour in um per pixel, in electrons; shot noise is taken to be Gaussian."""
    camera = microscope.camera
    photons = microscope.photons_per_um * light_BTYX + microscope.background_photons
    electrons = camera.quantum_efficiency * photons + camera.spurious_e
    excess = 2.0 if camera.em_gain > 1 else 1.0
    variance = excess * electrons + (camera.read_noise_e / camera.em_gain) ** 2
    return electrons + variance.sqrt() * torch.randn_like(electrons)


def normalised(movie_BTYX: torch.Tensor) -> torch.Tensor:
    """Movies with the mean 0 and the standard deviation 1."""
    mean = movie_BTYX.mean((1, 2, 3), keepdim=True)
    return (movie_BTYX - mean) / (movie_BTYX.std((1, 2, 3), keepdim=True) + TINY)
