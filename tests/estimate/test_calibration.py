import numpy as np
import pytest

from smlmsim import schema
from smlmsim.estimate import calibration

SHAPE = (6, 40, 40)


def movies(*, informed):
    """A truth of 1, an estimate with errors of many sizes, and their variances, or those of other pixels."""
    rng = np.random.default_rng(0)
    spread = rng.uniform(0.01, 0.1, SHAPE)
    density = 1 + spread * rng.standard_normal(SHAPE)
    variance = spread**2 if informed else rng.permuted(spread.ravel()).reshape(SHAPE) ** 2
    time, y, x = (np.arange(size) + 0.5 for size in SHAPE)
    axes = {"time": time, "y": y, "x": x}
    truth = schema.dataset(density=np.ones(SHAPE, np.float32), **axes)
    return schema.dataset(density=5 * density, uncertainty=25 * variance, **axes), truth


def test_errors_of_the_predicted_variance_lie_on_the_diagonal():
    found = calibration(*movies(informed=True))
    pixels = np.prod(SHAPE) / 10
    least_squares_shrinks_by = found.variance.mean()
    assert found.rank_correlation > 0.4
    np.testing.assert_allclose(
        found.error, found.variance, rtol=5 * np.sqrt(2 / pixels), atol=2 * least_squares_shrinks_by**2
    )


def test_a_variance_that_knows_nothing_has_no_rank_correlation():
    found = calibration(*movies(informed=False))
    assert abs(found.rank_correlation) < 5 / np.sqrt(np.prod(SHAPE))


def test_a_constant_uncertainty_is_refused():
    estimate, truth = movies(informed=True)
    with pytest.raises(ValueError, match="is constant"):
        calibration(estimate.assign(uncertainty=estimate.uncertainty * 0), truth)
