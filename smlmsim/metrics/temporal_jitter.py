"""Temporal jitter: how much the error of an estimate fluctuates between time points."""

from __future__ import annotations

import numpy as np

from smlmsim.metrics.metric import Metric, Movie

TIME_POINTS = 3
"""Fewest time points: a second difference takes three."""


def temporal_jitter(truth: Movie, estimate: Movie) -> float:
    """Return the mean absolute second difference in time of the error, divided by its upper bound.

    The second difference of a movie u is u[t - 1] - 2 u[t] + u[t + 1] at every pixel. It is large for flicker,
    noise and hopping structures, and 0 for constant or linear changes. That of a moving structure itself is
    removed by subtracting the truth. Because the sum of |u[t - 1] - 2 u[t] + u[t + 1]| is at most that of
    |u[t - 1]| + 2 |u[t]| + |u[t + 1]|, and |estimate - truth| at most |estimate| + |truth|, the score is 0 for a
    perfect estimate and never above 1, also at rest, where a ratio of second differences would divide by zero.
    An estimate that lags behind the truth or averages over time is penalised while structures move; a constant
    error is not.

    Raises
    ------
    ValueError
        If the movies have fewer than three time points.

    References
    ----------
    Comparing the change in time of an estimate with that of the truth is the practice of video matting and
    video super-resolution: Erofeev et al. 2015, doi:10.5244/C.29.99; Chu et al. 2020, doi:10.1145/3386569.3392457.
    """
    if len(truth) < TIME_POINTS:
        raise ValueError(f"temporal_jitter needs movies of {TIME_POINTS} time points, found {len(truth)}")
    error = estimate - truth
    unsteady = np.abs(error[:-2] - 2 * error[1:-1] + error[2:]).sum(dtype=np.float64)
    size = np.abs(truth) + np.abs(estimate)
    most = (size[:-2] + 2 * size[1:-1] + size[2:]).sum(dtype=np.float64)
    return float(min(unsteady / most, 1.0)) if most > 0 else 0.0


TEMPORAL_JITTER = Metric(
    name="temporal_jitter",
    long_name="temporal jitter",
    function=temporal_jitter,
    units="1",
    range=(0.0, 1.0),
    better="lower",
    settings={"difference": "second, in time, of the error", "averaged_over": "movie"},
    doi="10.5244/C.29.99",
)
