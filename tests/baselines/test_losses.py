"""The losses are what their formulas say, written out another way."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines._losses import (
    adversarial_loss,
    ms_ssim_loss,
    temporal_loss,
    total_variation_loss,
    weighted_l1_loss,
)

WINDOWS = [(0.5, 11), (1, 11), (2, 11), (4, 17), (8, 33)]
REACH = 16


def movies(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, *shape, generator=generator)


def alike(*shape):
    """Two movies of little contrast that differ little, so that every constant of the similarity counts."""
    a = 0.5 + 0.1 * movies(*shape)
    return a, a + 0.05 * (movies(*shape, seed=1) - 0.5)


def explicit_window(sigma_px, width_px):
    place = torch.arange(width_px, dtype=torch.float64) - width_px // 2
    weight = torch.exp(-(place[:, None] ** 2 + place**2) / (2 * sigma_px**2))
    return (weight / weight.sum())[None, None]


def similarity_where_windows_lie_inside(a_NYX, b_NYX):
    """MS-SSIM by convolution with full 2D windows in float64, at the pixels that all of them lie around."""
    a, b = (image[:, None].double() for image in (a_NYX, b_NYX))
    similarity = 1
    for sigma_px, width_px in WINDOWS:
        spare, window = REACH - width_px // 2, explicit_window(sigma_px, width_px)
        height, width = a.shape[-2:]
        inside = slice(spare, height - spare), slice(spare, width - spare)
        mean_a, mean_b, a2, b2, ab = (
            F.conv2d(image[..., *inside], window) for image in (a, b, a * a, b * b, a * b)
        )
        contrast = 2 * (ab - mean_a * mean_b) + 0.03**2
        similarity = similarity * contrast / (a2 - mean_a**2 + b2 - mean_b**2 + 0.03**2)
    return similarity * (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)


def test_ms_ssim_is_that_of_explicit_windows_in_the_interior():
    """Images that are equal but for their middle are unlike only where every window lies inside.

    A variance is rounded by eps beside the constant 0.03^2, in five factors, and that averages out over the pixels.
    """
    a_NYX, other_NYX = alike(96, 96)
    b_NYX, middle = a_NYX.clone(), slice(REACH * 2, -REACH * 2)
    b_NYX[:, middle, middle] = other_NYX[:, middle, middle]
    expected = (1 - similarity_where_windows_lie_inside(a_NYX, b_NYX)).sum() / a_NYX.numel()
    found = ms_ssim_loss(a_NYX[:, None, None], b_NYX[:, None, None])
    rounding = 5 * torch.finfo(torch.float32).eps / 0.03**2 / math.sqrt((32 + 2 * REACH) ** 2)
    assert float(found) == pytest.approx(float(expected), abs=rounding)
    assert float(expected) > 100 * rounding


def test_equal_movies_have_no_loss():
    a = movies(1, 5, 40, 24)
    assert float(ms_ssim_loss(a, a)) == pytest.approx(0, abs=1e-6)
    assert float(weighted_l1_loss(a, a)) == 0


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (1, 1, 9, 7), (1, 2, 40, 5)])
def test_images_smaller_than_a_window_have_a_similarity(shape):
    a, b = movies(*shape), movies(*shape, seed=1)
    assert 0 < float(ms_ssim_loss(a, b)) < 2


@pytest.mark.parametrize(("one", "other"), [(0.2, 0.6), (0.0, 0.01)])
def test_constant_images_differ_in_luminance_only(one, other):
    a, b = torch.full((1, 1, 1, 48, 48), one), torch.full((1, 1, 1, 48, 48), other)
    expected = 1 - (2 * one * other + 1e-4) / (one**2 + other**2 + 1e-4)
    assert float(ms_ssim_loss(a, b)) == pytest.approx(expected, abs=1e-3)


def test_time_points_and_movies_count_alike():
    a, b = alike(1, 3, 33, 20)
    one_by_one = [
        ms_ssim_loss(a[m : m + 1, :, t : t + 1], b[m : m + 1, :, t : t + 1])
        for m in range(2)
        for t in range(3)
    ]
    assert float(ms_ssim_loss(a, b)) == pytest.approx(float(torch.stack(one_by_one).mean()), abs=1e-6)


def test_half_precision_around_it_does_not_reach_the_windows():
    a, b = alike(1, 3, 40, 40)
    with torch.autocast("cpu", torch.bfloat16):
        found = ms_ssim_loss(a, b), weighted_l1_loss(a, b)
    assert found == (ms_ssim_loss(a, b), weighted_l1_loss(a, b))


def test_weighted_l1_averages_the_error_by_a_gaussian_of_8_px():
    """One wrong pixel in the middle: its window spreads the error, and nothing is lost in the interior."""
    a = torch.zeros(1, 1, 1, 99, 99)
    b = a.clone()
    b[..., 49, 49] = -0.5
    assert float(weighted_l1_loss(a, b)) == pytest.approx(0.5 / 99**2, rel=1e-5)
    b[..., 0, 0] = 0.5
    place = np.arange(99)
    weight = np.exp(-(place**2) / (2 * 8**2)) * (place <= 16)
    norm = [np.sum(np.exp(-((place - p) ** 2) / (2 * 8**2)) * (abs(place - p) <= 16)) for p in place]
    corner = np.sum(weight / norm)
    assert float(weighted_l1_loss(a, b)) == pytest.approx(0.5 * (1 + corner**2) / 99**2, rel=1e-5)


def test_adversarial_losses_at_closed_values():
    logits = torch.tensor([0.0, 2.0])
    assert float(adversarial_loss(logits, real=True, form="least_squares")) == pytest.approx((1 + 1) / 2)
    assert float(adversarial_loss(logits, real=False, form="least_squares")) == pytest.approx((0 + 4) / 2)
    real, fake = (
        [math.log(1 + math.exp(sign * logit)) for logit in (0.0, 2.0)] for sign in (-1, 1)
    )  # -log sigmoid(x), -log(1 - sigmoid(x))
    assert float(adversarial_loss(logits, real=True, form="log")) == pytest.approx(sum(real) / 2)
    assert float(adversarial_loss(logits, real=False, form="log")) == pytest.approx(sum(fake) / 2)


def test_flicker_and_roughness_are_mean_absolute_differences():
    movie = movies(1, 4, 6, 5) - 0.5
    array = movie.numpy().astype(np.float64)
    assert float(temporal_loss(movie)) == pytest.approx(np.abs(np.diff(array, axis=2)).mean(), rel=1e-6)
    rough = np.abs(np.diff(array, axis=3)).mean() + np.abs(np.diff(array, axis=4)).mean()
    assert float(total_variation_loss(movie)) == pytest.approx(rough, rel=1e-6)


def test_a_single_time_point_or_pixel_has_neither():
    assert float(temporal_loss(movies(1, 1, 4, 4))) == 0
    assert float(total_variation_loss(movies(1, 3, 1, 1))) == 0
