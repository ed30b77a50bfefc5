"""The metrics that have to be asked for, against values found in another way."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import pearsonr
from skimage.metrics import normalized_root_mse

from smlmsim.metrics import METRICS
from smlmsim.metrics.frc import ring_correlation
from smlmsim.metrics.metric import UnmeasurableError
from smlmsim.metrics.taper import taper


def rectangle(y, x, height, width, value=1.0, size=64):
    movie = np.zeros((2, size, size), np.float32)
    movie[:, y : y + height, x : x + width] = value
    return movie


def measure(name, truth, estimate, pixel_nm=20.0):
    return METRICS[name](truth, estimate, pixel_nm=pixel_nm)


def line(sigma_px, slope=0.4, size=128):
    """A straight filament with a Gaussian profile, (time, y, x)."""
    y, x = np.mgrid[:size, :size] - size / 2
    distance = (y - slope * x) / np.hypot(1, slope)
    return np.exp(-0.5 * (distance / sigma_px) ** 2)[None].repeat(2, axis=0).astype(np.float32)


def disc_limited(rng, cut_off, size=128):
    """White noise without the frequencies beyond a cut-off in 1 / pixel, (time, y, x)."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size))
    spectrum = np.fft.fft2(rng.normal(size=(4, size, size)))
    return np.fft.ifft2(spectrum * (frequency < cut_off)).real.astype(np.float32)


def test_iou_of_two_rectangles_is_that_of_their_areas():
    truth, estimate = rectangle(10, 10, 20, 30), rectangle(10, 20, 20, 30, value=0.4)
    assert measure("iou_otsu", truth, estimate) == pytest.approx(20 / 40)
    assert measure("iou_otsu", truth, rectangle(40, 40, 9, 9)) == 0


def test_an_adaptive_threshold_finds_the_faint_beside_the_bright():
    without = rectangle(0, 5, 20, 50)
    truth = without + rectangle(55, 5, 3, 50, value=0.099)
    assert measure("iou_otsu", truth, without) == 1
    assert measure("iou_adaptive", truth, without) == pytest.approx(20 / 23, abs=0.005)


def test_the_offset_keeps_faint_noise_from_being_structure():
    truth = rectangle(10, 5, 3, 50)
    noise = np.random.default_rng(0).normal(0, 0.004, truth.shape).astype(np.float32)
    assert measure("iou_adaptive", truth, truth + noise) == 1


def test_manders_coefficients_are_shares_of_brightness_not_of_area():
    truth = rectangle(10, 10, 10, 10, value=0.6) + rectangle(10, 20, 10, 10, value=1.0)
    estimate = rectangle(10, 20, 10, 20, value=0.5)
    assert measure("manders_truth", truth, estimate) == pytest.approx(1.0 / 1.6)
    assert measure("manders_estimate", truth, estimate) == pytest.approx(0.5)


def test_fidelity_and_hallucination_count_pixels_that_reach_100_of_255():
    truth = rectangle(0, 0, 8, 10) + rectangle(20, 0, 8, 10, value=99 / 255)
    estimate = rectangle(0, 5, 8, 10, value=101 / 255) + rectangle(40, 0, 8, 10, value=99 / 255)
    assert measure("fidelity", truth, estimate) == pytest.approx(40 / 80)
    assert measure("hallucination", truth, estimate) == pytest.approx(40 / (64 * 64 - 80))


@pytest.mark.parametrize(
    ("shift_px", "pixel_nm", "expected"), [(2, 20, 1), (3, 20, 0), (3, 13, 1), (4, 10, 1)]
)
def test_centre_lines_match_within_40_nm(shift_px, pixel_nm, expected):
    truth, estimate = rectangle(20, 0, 1, 64), rectangle(20 + shift_px, 0, 1, 64)
    for name in ("skeleton_precision", "skeleton_recall", "skeleton_f1"):
        assert measure(name, truth, estimate, pixel_nm) == expected


def test_single_localizations_on_a_filament_are_no_centre_lines():
    truth, points = rectangle(20, 0, 1, 64), np.zeros((2, 64, 64), np.float32)
    points[:, 20, ::3] = 1
    assert measure("skeleton_f1", truth, points) == 0
    assert measure("skeleton_f1", truth, points + rectangle(20, 0, 1, 32)) > 0.6


@pytest.mark.parametrize(("length_px", "pixel_nm", "speck"), [(9, 20, True), (10, 20, False), (13, 15, True)])
def test_pieces_of_less_than_200_nm_are_specks(length_px, pixel_nm, speck):
    truth = rectangle(20, 0, 1, 64)
    estimate = truth + rectangle(50, 0, 1, length_px)
    expected = 1 if speck else 64 / (64 + length_px)
    assert measure("skeleton_precision", truth, estimate, pixel_nm) == expected


@pytest.mark.parametrize("name", ["fwhm_error_nm", "skeleton_precision", "skeleton_recall", "skeleton_f1"])
def test_a_truth_without_centre_lines_gives_no_score_at_all(name):
    """A constant one would else agree with every estimate, or with none, itself included."""
    constant = np.full((2, 64, 64), 0.5, np.float32)
    for estimate in (constant, rectangle(20, 0, 1, 64), 0 * constant):
        with pytest.raises(UnmeasurableError, match="the truth has no"):
            measure(name, constant, estimate)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (63, 64), (64, 63), (63, 63)])
def test_transposing_the_movies_leaves_the_ring_correlation_as_it_was(height, width):
    rng = np.random.default_rng(4)
    truth = gaussian_filter(rng.normal(size=(3, height, width)), (0, 1, 2)).astype(np.float32)
    estimate = truth + 0.1 * rng.normal(size=truth.shape).astype(np.float32)
    correlations = [
        ring_correlation(a, b)[1]
        for a, b in ((truth, estimate), (truth.swapaxes(1, 2), estimate.swapaxes(1, 2)))
    ]
    np.testing.assert_allclose(*correlations, atol=1e-6)


def test_ring_correlation_is_that_of_the_whole_plane():
    rng = np.random.default_rng(5)
    truth, estimate = rng.normal(size=(2, 1, 32, 32)).astype(np.float32)
    window = taper(32, 32)
    one, other = (np.fft.fft2(window * (movie[0] - movie[0].mean())) for movie in (truth, estimate))
    frequency = np.fft.fftfreq(32)
    ring = np.round(np.hypot(frequency[:, None], frequency) * 32).astype(int)
    products = (one * other.conj()).real, abs(one) ** 2, abs(other) ** 2
    sums = [np.bincount(ring.ravel(), product.ravel()) for product in products]
    expected = (sums[0] / np.sqrt(sums[1] * sums[2]))[1:17]
    np.testing.assert_allclose(ring_correlation(truth, estimate)[1], expected, atol=1e-6)


def test_half_a_line_and_one_too_many_have_the_precision_and_recall_of_their_lengths():
    truth = rectangle(20, 0, 1, 64)
    estimate = rectangle(20, 0, 1, 32) + rectangle(50, 0, 1, 16)
    assert measure("skeleton_precision", truth, estimate) == pytest.approx(32 / 48)
    assert measure("skeleton_recall", truth, estimate) == pytest.approx(34 / 64)
    p, r = 32 / 48, 34 / 64
    assert measure("skeleton_f1", truth, estimate) == pytest.approx(2 * p * r / (p + r))


def test_ring_correlation_of_noisy_copies_is_signal_over_signal_and_noise():
    """Its standard error is that of a correlation of the independent pixels of a ring, in all time points."""
    rng = np.random.default_rng(1)
    signal, one, other = rng.normal(size=(3, 40, 64, 64))
    frequency, found = ring_correlation(signal + 0.5 * one, signal + 0.5 * other)
    expected = 1 / 1.25
    tapered = 0.7
    pixels = 40 * 2 * np.pi * frequency * 64 * tapered / 2
    assert np.all(np.abs(found - expected) < 5 * (1 - expected**2) / np.sqrt(pixels))


@pytest.mark.parametrize("cut_off", [0.1, 0.2, 0.35])
def test_frc_finds_where_agreement_ends(cut_off):
    rng = np.random.default_rng(2)
    truth, other = rng.normal(size=(2, 4, 128, 128)).astype(np.float32)
    estimate = disc_limited(np.random.default_rng(2), cut_off)
    shared = np.fft.fft2(truth)
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128))
    estimate = np.fft.ifft2(np.where(frequency < cut_off, shared, np.fft.fft2(other))).real
    ring = 1 / 128
    found = 20.0 / measure("frc_nm", truth, estimate)
    assert abs(found - cut_off) < 2 * ring


def test_frc_resolution_is_where_the_correlation_falls_to_a_seventh():
    """Of white noise blurred to g(f) and with white noise of s, it is g / sqrt(g^2 + s^2): 1/7 at g = s / sqrt(48)."""
    truth, other = np.random.default_rng(5).normal(size=(2, 20, 128, 128))
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128))
    estimate = np.fft.ifft2(np.fft.fft2(truth) * np.exp(-((frequency / 0.15) ** 2))).real + 0.5 * other
    expected = 0.15 * np.sqrt(np.log(np.sqrt(48) / 0.5))
    assert abs(20.0 / measure("frc_nm", truth, estimate) - expected) < 2 / 128


def test_unrelated_movies_have_no_resolution():
    one, other = np.random.default_rng(3).normal(size=(2, 4, 64, 64))
    assert measure("frc_nm", one, other) > 20 * 64 / 3


@pytest.mark.parametrize("cut_off", [0.1, 0.2, 0.3])
def test_decorrelation_finds_the_cut_off_above_noise(cut_off):
    rng = np.random.default_rng(4)
    image = disc_limited(rng, cut_off)
    image += 0.05 * image.std() * rng.normal(size=image.shape).astype(np.float32)
    step = 0.5 / 50
    assert abs(20.0 / measure("decorrelation_nm", image, image) - cut_off) < 2 * step


@pytest.mark.parametrize("sigma_px", [1.0, 2.5, 4.0])
def test_filaments_are_as_wide_as_their_gaussian(sigma_px):
    """Linear interpolation adds up to 1/4 px^2 of variance, and a centre line is up to half a pixel off."""
    expected = 20.0 * np.sqrt(8 * np.log(2)) * abs(sigma_px - 1.5)
    assert abs(measure("fwhm_error_nm", line(1.5), line(sigma_px)) - expected) < 5.0


def test_resolution_scaled_scores_are_those_of_blurred_movies(truth, estimate):
    blurred = [gaussian_filter(movie.astype(float), (0, 95 / 20, 95 / 20)) for movie in (truth, estimate)]
    expected = pearsonr(blurred[0].ravel(), blurred[1].ravel()).statistic
    assert measure("resolution_scaled_pearson", truth, estimate) == pytest.approx(expected, abs=1e-5)
    factor = (blurred[0] * blurred[1]).sum() / (blurred[1] ** 2).sum()
    error = normalized_root_mse(blurred[0], factor * blurred[1])
    assert measure("resolution_scaled_error", truth, estimate) == pytest.approx(error, abs=1e-5)


def test_resolution_scaled_scores_hardly_see_what_widefield_cannot(truth):
    shifted = np.roll(truth, 1, axis=2)
    in_widefield = 1 - measure("resolution_scaled_pearson", truth, shifted)
    assert 4 * in_widefield < 1 - METRICS["pearson"](truth, shifted)
