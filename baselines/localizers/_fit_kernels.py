"""Maximum-likelihood fit of a Gaussian, integrated over pixels, to the counts around every spot.

The model of a pixel is ``mu = N Ey Ex + b``, where Ey and Ex are the parts of a Gaussian within the row and the column.
Counts plus the readout's variance v follow about a Poisson distribution of the mean mu + v (Huang et al. 2013,
doi:10.1038/nmeth.2488). Its likelihood is climbed by Fisher scoring, as in Smith et al. 2010 (doi:10.1038/nmeth.1449),
with the damping of Levenberg and Marquardt for Poisson data (Laurence & Chromy 2010, doi:10.1038/nmeth0510-338), so
that a step is taken only if the likelihood does not fall. The inverse of the Fisher information at the maximum is the
Cramer-Rao lower bound of the variances. The twin with ``scipy.optimize`` is in
``tests/baselines/localizers/test_mle.py``; ``benchmarks/bench_localizers.py`` compares their speed.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

Y, X, N, B, S = range(5)
"""Places of the parameters: the position, the counts of the spot, those of the background, and the width."""
MOST_STEPS = 60
PRECISE = 1e-4
"""A smaller step, in pixels and relative to the counts, ends the climb: 1 % of the best precision that is reached."""
LEAST_COUNTS = 1.0
LEAST_BACKGROUND = 1e-3
NARROWEST, WIDEST = 0.5, 2.5
"""Bounds of the width, relative to the expected one."""
_ROOT_2PI = math.sqrt(2 * math.pi)


@njit(error_model="numpy")
def fit(
    counts: F32, variance: F32, spots: I32, sigma_px: float, radius: int, free_width: bool
) -> tuple[F64, F64]:
    """Fit every spot by itself, in the square window around its brightest pixel.

    Parameters
    ----------
    counts : array of float32, shape (frame, y, x)
    variance : array of float32, shape (y, x)
        Variance of the readout.
    spots : array of int32, shape (spot, 3)
        Frame, row and column.
    sigma_px : float
        Expected standard deviation of a spot.
    radius : int
        Pixels on either side of the middle one that belong to the window, as far as they are in the frame.
    free_width : bool
        Whether the standard deviation is fitted too.

    Returns
    -------
    fitted : array of float64, shape (spot, 5)
        y and x in pixels (the middle of the first pixel is 0), counts, background in counts per pixel, width in pixels.
        NaN where the climb did not end in the window, or the spot is as narrow as its lower bound, as noise is.
    bounds : array of float64, shape (spot, 2)
        Cramer-Rao bounds of the variances of y and x.
    """
    height, width = variance.shape
    size = 2 * radius + 1
    fitted, bounds = np.empty((len(spots), 5)), np.empty((len(spots), 2))
    parts, slopes, widenings = np.empty((2, size)), np.empty((2, size)), np.empty((2, size))
    work = (parts, slopes, widenings)
    parameters = 5 if free_width else 4
    fisher, gradient = np.empty((parameters, parameters)), np.empty(parameters)
    damped, step = np.empty((parameters, parameters)), np.empty(parameters)
    tried_fisher, tried_gradient = np.empty_like(fisher), np.empty_like(gradient)
    at, tried, free = np.empty(5), np.empty(5), np.empty(parameters, np.bool_)
    for m in range(len(spots)):
        frame, row, column = spots[m]
        top, bottom = max(row - radius, 0), min(row + radius + 1, height)
        left, right = max(column - radius, 0), min(column + radius + 1, width)
        image, noise = counts[frame, top:bottom, left:right], variance[top:bottom, left:right]
        _guess(image, row - top, column - left, sigma_px, at)
        likelihood = _evaluate(image, noise, at, work, fisher, gradient)
        damping, ended = 1e-2, False
        for _ in range(MOST_STEPS):
            _set_free(at, gradient, sigma_px, free)
            if not _solve(fisher, gradient, damping, free, damped, step):
                damping *= 10
                continue
            for i in range(parameters):
                tried[i] = at[i] + step[i]
            if not free_width:
                tried[S] = at[S]
            _clip(tried, sigma_px, image.shape[0], image.shape[1])
            better = _evaluate(image, noise, tried, work, tried_fisher, tried_gradient)
            if better >= likelihood - 1e-9 * abs(likelihood):
                moved = max(abs(tried[Y] - at[Y]), abs(tried[X] - at[X]))
                changed = abs(tried[N] - at[N]) / at[N]
                at[:], likelihood = tried, better
                fisher[:], gradient[:] = tried_fisher, tried_gradient
                damping = max(damping / 10, 1e-9)
                if moved < PRECISE and changed < PRECISE:
                    ended = True
                    break
            else:
                damping *= 10
                if damping > 1e9:
                    break
        fitted[m] = at
        fitted[m, Y] += top
        fitted[m, X] += left
        off = max(abs(fitted[m, Y] - row), abs(fitted[m, X] - column))
        if (
            not ended
            or off > radius
            or at[S] <= NARROWEST * sigma_px
            or not _bounds(fisher, damped, step, bounds[m])
        ):
            fitted[m], bounds[m] = np.nan, np.nan
    return fitted, bounds


@njit(error_model="numpy")
def _guess(image: F32, row: int, column: int, sigma_px: float, at: F64) -> None:
    """Start at the brightest pixel, with the lower quarter of the window's border as the background."""
    rows, columns = image.shape
    border = np.empty(2 * (rows + columns), np.float32)
    border[:columns], border[columns : 2 * columns] = image[0], image[-1]
    border[2 * columns : 2 * columns + rows], border[2 * columns + rows :] = image[:, 0], image[:, -1]
    border.sort()
    background = max(float(border[border.size // 4]), LEAST_BACKGROUND)
    total = 0.0
    for y in range(rows):
        for x in range(columns):
            total += image[y, x] - background
    at[Y], at[X], at[B], at[S] = row, column, background, sigma_px
    at[N] = max(total, 2 * math.pi * sigma_px**2 * (image[row, column] - background), 10 * LEAST_COUNTS)


@njit(error_model="numpy")
def profile(centre: float, sigma: float, n: int, part: F64, slope: F64, widening: F64) -> None:
    """The part of a Gaussian in every pixel of an axis, and its derivatives by the centre and by the width."""
    low = (-0.5 - centre) / sigma
    cumulated, density = (
        0.5 * math.erf(low / math.sqrt(2.0)),
        math.exp(-0.5 * low * low) / (_ROOT_2PI * sigma),
    )
    for k in range(n):
        high = (k + 0.5 - centre) / sigma
        next_cumulated = 0.5 * math.erf(high / math.sqrt(2.0))
        next_density = math.exp(-0.5 * high * high) / (_ROOT_2PI * sigma)
        part[k] = next_cumulated - cumulated
        slope[k] = density - next_density
        widening[k] = low * density - high * next_density
        low, cumulated, density = high, next_cumulated, next_density


@njit(error_model="numpy")
def _evaluate(
    image: F32, noise: F32, at: F64, work: tuple[F64, F64, F64], fisher: F64, gradient: F64
) -> float:
    """Write the gradient and the Fisher information; return the log-likelihood up to a constant."""
    parts, slopes, widenings = work
    rows, columns = image.shape
    profile(at[Y], at[S], rows, parts[0], slopes[0], widenings[0])
    profile(at[X], at[S], columns, parts[1], slopes[1], widenings[1])
    five = gradient.size == 5
    gy = gx = gn = gb = gs = 0.0
    yy = yx = yn = yb = ys = xx = xn = xb = xs = nn = nb = ns = bb = bs = ss = 0.0
    likelihood = 0.0
    for y in range(rows):
        part_y, slope_y, widening_y = parts[0, y], slopes[0, y], widenings[0, y]
        for x in range(columns):
            dn = part_y * parts[1, x]
            dy, dx = at[N] * slope_y * parts[1, x], at[N] * part_y * slopes[1, x]
            mean = at[N] * dn + at[B] + noise[y, x]
            found = max(float(image[y, x] + noise[y, x]), 0.0)
            weight = 1.0 / mean
            excess = found * weight - 1.0
            likelihood += found * math.log(mean) - mean
            gy += excess * dy
            gx += excess * dx
            gn += excess * dn
            gb += excess
            yy += weight * dy * dy
            yx += weight * dy * dx
            yn += weight * dy * dn
            yb += weight * dy
            xx += weight * dx * dx
            xn += weight * dx * dn
            xb += weight * dx
            nn += weight * dn * dn
            nb += weight * dn
            bb += weight
            if five:
                ds = at[N] * (widening_y * parts[1, x] + part_y * widenings[1, x])
                gs += excess * ds
                ys += weight * dy * ds
                xs += weight * dx * ds
                ns += weight * dn * ds
                bs += weight * ds
                ss += weight * ds * ds
    gradient[Y], gradient[X], gradient[N], gradient[B] = gy, gx, gn, gb
    fisher[Y, Y], fisher[X, X], fisher[N, N], fisher[B, B] = yy, xx, nn, bb
    fisher[X, Y], fisher[N, Y], fisher[B, Y] = yx, yn, yb
    fisher[N, X], fisher[B, X], fisher[B, N] = xn, xb, nb
    if five:
        gradient[S] = gs
        fisher[S, Y], fisher[S, X], fisher[S, N], fisher[S, B], fisher[S, S] = ys, xs, ns, bs, ss
    return likelihood


@njit(error_model="numpy")
def _set_free(at: F64, gradient: F64, sigma_px: float, free: npt.NDArray[np.bool_]) -> None:
    """Hold a parameter that is at its bound and would go beyond it."""
    free[:] = True
    free[N] = at[N] > LEAST_COUNTS or gradient[N] > 0
    free[B] = at[B] > LEAST_BACKGROUND or gradient[B] > 0
    if free.size == 5:
        narrow, wide = at[S] <= NARROWEST * sigma_px, at[S] >= WIDEST * sigma_px
        free[S] = not (narrow and gradient[S] < 0) and not (wide and gradient[S] > 0)


@njit(error_model="numpy")
def _clip(at: F64, sigma_px: float, rows: int, columns: int) -> None:
    """Keep the parameters within their bounds; the position within the window and a pixel around it."""
    at[Y], at[X] = min(max(at[Y], -1.5), rows + 0.5), min(max(at[X], -1.5), columns + 0.5)
    at[N], at[B] = max(at[N], LEAST_COUNTS), max(at[B], LEAST_BACKGROUND)
    at[S] = min(max(at[S], NARROWEST * sigma_px), WIDEST * sigma_px)


@njit(error_model="numpy")
def _cholesky(matrix: F64) -> bool:
    """Replace the lower triangle of a matrix by its Cholesky factor; False if it is not positive definite."""
    for j in range(len(matrix)):
        for k in range(j):
            matrix[j, j] -= matrix[j, k] * matrix[j, k]
        if not matrix[j, j] > 0:
            return False
        matrix[j, j] = math.sqrt(matrix[j, j])
        for i in range(j + 1, len(matrix)):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= matrix[j, j]
    return True


@njit(error_model="numpy")
def _substitute(factor: F64, vector: F64) -> None:
    """Replace a vector b by the solution x of ``L L^T x = b``."""
    n = vector.size
    for i in range(n):
        for k in range(i):
            vector[i] -= factor[i, k] * vector[k]
        vector[i] /= factor[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            vector[i] -= factor[k, i] * vector[k]
        vector[i] /= factor[i, i]


@njit(error_model="numpy")
def _solve(
    fisher: F64, gradient: F64, damping: float, free: npt.NDArray[np.bool_], damped: F64, step: F64
) -> bool:
    """Write the damped step along the free parameters; False if there is none."""
    for i in range(gradient.size):
        step[i] = gradient[i] if free[i] else 0.0
        for k in range(i + 1):
            damped[i, k] = fisher[i, k] if free[i] and free[k] else 0.0
        damped[i, i] = fisher[i, i] * (1 + damping) if free[i] else 1.0
    if not _cholesky(damped):
        return False
    _substitute(damped, step)
    return bool(np.isfinite(step).all())


@njit(error_model="numpy")
def _bounds(fisher: F64, factor: F64, column: F64, bounds: F64) -> bool:
    """Write the variances of y and x in the inverse of the Fisher information; False if it has none."""
    factor[:] = fisher
    if not _cholesky(factor):
        return False
    for i in range(2):
        column[:] = 0.0
        column[i] = 1.0
        _substitute(factor, column)
        bounds[i] = column[i]
    return bool(np.isfinite(bounds).all())
