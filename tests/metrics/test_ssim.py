import numpy as np
import pytest
from skimage.metrics import structural_similarity

from smlmsim.metrics.ssim import ssim


def scikit_image(truth, estimate):
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    pairs = zip(truth.astype(float), estimate.astype(float), strict=True)
    return np.mean([structural_similarity(a, b, **settings) for a, b in pairs])


@pytest.mark.parametrize("shape", [(128, 128), (11, 11), (12, 50), (61, 37), (16, 128)])
def test_it_is_scikit_image(truth, estimate, shape):
    a, b = (np.ascontiguousarray(movie[:, -shape[0] :, -shape[1] :]) for movie in (truth, estimate))
    assert ssim(a, b) == pytest.approx(scikit_image(a, b), abs=1e-6)


def test_it_is_negative_where_the_contrast_is_inverted():
    texture = np.random.default_rng(0).random((2, 64, 64), np.float32)
    assert -1 <= ssim(texture, 1 - texture) < -0.5
    assert ssim(texture, 1 - texture) == pytest.approx(scikit_image(texture, 1 - texture), abs=1e-5)


def test_huge_values_stay_finite_and_in_range(truth):
    spike = truth.copy()
    spike[:, 40:60, 40:60] = 3e4
    assert -1 <= ssim(truth, spike) <= 1


def test_an_image_smaller_than_one_window_is_refused():
    movie = np.ones((1, 40, 10), np.float32)
    with pytest.raises(ValueError, match=r"at least 11 x 11 px, found \(40, 10\)"):
        ssim(movie, movie)
