import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim as reference
from scipy.ndimage import correlate1d

from smlmsim.metrics import METRICS
from smlmsim.metrics.ms_ssim import SCALE_WEIGHTS, ms_ssim, scale_weights


def pytorch(truth, estimate, dtype):
    a, b = (torch.from_numpy(movie).to(dtype)[:, None] for movie in (truth, estimate))
    return float(reference(a, b, data_range=1, win_size=7, win_sigma=1.5))


def local_mean(images):
    """Average in a 7-px Gaussian window of 1.5 px, where it lies inside."""
    taps = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.5**2))
    for axis in (-1, -2):
        images = correlate1d(images, taps / taps.sum(), axis=axis)
    return images[..., 3:-3, 3:-3]


def textbook(truth, estimate, scales):
    """Wang, Simoncelli & Bovik 2003 as printed, in float64; even sizes only."""
    a, b = truth.astype(float), estimate.astype(float)
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
    weights = weights[:scales] * weights.sum() / weights[:scales].sum()
    value = np.ones(len(a))
    for scale, weight in enumerate(weights):
        ma, mb = local_mean(a), local_mean(b)
        va, vb, cov = local_mean(a**2) - ma**2, local_mean(b**2) - mb**2, local_mean(a * b) - ma * mb
        term = (2 * cov + 0.03**2) / (va + vb + 0.03**2)
        if scale == scales - 1:
            term = term * (2 * ma * mb + 0.01**2) / (ma**2 + mb**2 + 0.01**2)
        value *= np.clip(term.mean(axis=(1, 2)), 0, None) ** weight
        a, b = (
            m[:, ::2, ::2] / 4 + m[:, 1::2, ::2] / 4 + m[:, ::2, 1::2] / 4 + m[:, 1::2, 1::2] / 4
            for m in (a, b)
        )
    return value.mean()


def test_it_is_pytorch_msssim(truth, estimate):
    found = ms_ssim(truth, estimate)
    assert found == pytest.approx(pytorch(truth, estimate, torch.float32), abs=1e-5)
    assert found == pytest.approx(pytorch(truth, estimate, torch.float64), abs=1e-6)


@pytest.mark.parametrize("shape", [(97, 97), (97, 128), (101, 119), (110, 98), (128, 127)])
def test_it_is_pytorch_msssim_on_odd_sizes_too(truth, estimate, shape):
    a, b = (np.ascontiguousarray(movie[:, : shape[0], : shape[1]]) for movie in (truth, estimate))
    assert ms_ssim(a, b) == pytest.approx(pytorch(a, b, torch.float64), abs=1e-6)


@pytest.mark.parametrize(("size", "scales"), [(128, 5), (96, 4), (48, 3), (24, 2), (12, 1), (8, 1)])
def test_it_is_the_textbook_formula_with_as_many_scales_as_fit(truth, estimate, size, scales):
    a, b = (np.ascontiguousarray(movie[:, 30:, 30:][:, :size, :size]) for movie in (truth, estimate))
    if size == 128:
        a, b = truth, estimate
    assert len(scale_weights(a.shape)) == scales
    assert ms_ssim(a, b) == pytest.approx(textbook(a, b, scales), abs=1e-6)


def test_the_five_weights_are_those_of_the_paper_and_fewer_keep_their_sum():
    np.testing.assert_allclose(scale_weights((1, 97, 97)), SCALE_WEIGHTS, rtol=1e-15)
    fewer = scale_weights((1, 96, 200))
    np.testing.assert_allclose(fewer / fewer[0], np.array(SCALE_WEIGHTS[:4]) / SCALE_WEIGHTS[0])
    assert fewer.sum() == pytest.approx(sum(SCALE_WEIGHTS))


@pytest.mark.parametrize(
    ("side", "scales"), [(7, 1), (12, 1), (13, 2), (24, 2), (25, 3), (48, 3), (49, 4), (97, 5)]
)
def test_a_scale_counts_from_the_side_on_where_its_window_fits(side, scales):
    assert METRICS["ms_ssim"].settings_for((3, 1000, side))["scales"] == scales


def test_an_image_smaller_than_one_window_is_refused():
    movie = np.ones((1, 6, 40), np.float32)
    with pytest.raises(ValueError, match=r"at least 7 x 7 px, found \(6, 40\)"):
        ms_ssim(movie, movie)


def test_it_is_the_mean_over_time(truth, estimate):
    one_by_one = [ms_ssim(truth[i : i + 1], estimate[i : i + 1]) for i in range(len(truth))]
    assert ms_ssim(truth, estimate) == pytest.approx(np.mean(one_by_one), abs=1e-12)


def test_a_term_below_zero_counts_as_zero():
    texture = np.random.default_rng(0).random((2, 128, 128), np.float32)
    assert ms_ssim(texture, 1 - texture) == 0.0


def test_huge_values_stay_finite_and_in_range(truth):
    spike = truth.copy()
    spike[:, 40:60, 40:60] = 3e4
    assert 0 <= ms_ssim(truth, spike) <= 1
