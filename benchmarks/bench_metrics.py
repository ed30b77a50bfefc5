"""The metrics compared with pytorch-msssim, scikit-image and SciPy, on one thread."""

import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim as pytorch_ms_ssim
from scipy.ndimage import gaussian_filter
from scipy.stats import pearsonr
from skimage.metrics import normalized_root_mse, peak_signal_noise_ratio, structural_similarity

from smlmsim import schema
from smlmsim.metrics import METRICS, STANDARD, normalise, score


def movies(time_points):
    """Return a normalised truth of ten rotating filaments, and a blurred, noisy estimate of it; 128 x 128 px."""
    rng = np.random.default_rng(0)
    truth = np.zeros((time_points, 128, 128))
    along = np.arange(-200, 200, 0.1)
    for y, x, direction in rng.uniform(0, [128, 128, 2 * np.pi], (10, 3)):
        for t, angle in enumerate(direction + np.linspace(0, 1, time_points)):
            points = y + np.sin(angle) * along, x + np.cos(angle) * along
            truth[t] += np.histogram2d(*points, bins=128, range=[[0, 128], [0, 128]])[0]
    truth = gaussian_filter(truth, (0, 1.5, 1.5))
    counts = rng.poisson(truth / truth.max())
    return normalise(truth, gaussian_filter(counts.astype(float), (1, 1, 1)))


@pytest.fixture(scope="module")
def pair():
    return movies(128)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pytorch_msssim(truth, estimate):
    images = (torch.from_numpy(movie)[:, None] for movie in (truth, estimate))
    return float(pytorch_ms_ssim(*images, data_range=1, win_size=7, win_sigma=1.5))


def pytorch_msssim_flux(truth, estimate):
    flux = [movie.sum(dtype=np.float64) for movie in (truth, estimate)]
    return pytorch_msssim(truth, estimate * np.float32(flux[0] / flux[1]))


def skimage_ssim(truth, estimate):
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    return np.mean([structural_similarity(a, b, **settings) for a, b in zip(truth, estimate, strict=True)])


def skimage_psnr(truth, estimate):
    return peak_signal_noise_ratio(truth, estimate, data_range=1)


def scipy_pearson(truth, estimate):
    return pearsonr(truth.ravel(), estimate.ravel()).statistic


INCUMBENTS = {
    "ms_ssim": pytorch_msssim,
    "ms_ssim_flux": pytorch_msssim_flux,
    "ssim": skimage_ssim,
    "psnr": skimage_psnr,
    "nrmse": normalized_root_mse,
    "pearson": scipy_pearson,
}
AGREEMENT = {
    "ms_ssim": 1e-6,
    "ms_ssim_flux": 1e-6,
    "ssim": 1e-6,
    "psnr": 1e-4,
    "nrmse": 1e-6,
    "pearson": 1e-4,
}
"""Absolute tolerances; SciPy sums the correlation in float32."""


@pytest.mark.parametrize("ours", [True, False], ids=["smlmsim", "incumbent"])
@pytest.mark.parametrize("name", STANDARD)
def test_one_metric(benchmark, pair, name, ours):
    benchmark.group = f"metrics: {name}, 128 time points of 128 x 128 px"
    assert METRICS[name](*pair) == pytest.approx(INCUMBENTS[name](*pair), abs=AGREEMENT[name])
    benchmark(METRICS[name] if ours else INCUMBENTS[name], *pair)


def test_the_standard_metrics_of_a_movie(benchmark):
    benchmark.group = "metrics: score with the standard metrics, 300 time points of 128 x 128 px"
    axes = {"time": np.arange(300) * 1.5, "y": np.arange(128) * 20.0, "x": np.arange(128) * 20.0}
    truth, estimate = (schema.dataset(density=movie, **axes) for movie in movies(300))
    benchmark(score, estimate, truth)
