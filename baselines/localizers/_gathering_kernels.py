"""Molecules from weighted points: what is expected around a place belongs together.

Networks say where molecules are by many points whose weights add up to the expected number. The likeliest place gathers
the points around it, then the likeliest of the rest, and so on. The twin without cells is in
``tests/baselines/localizers/test_gathering.py``.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

ROUNDS = 3
"""How often the circle is moved to the middle of what it holds."""


@njit(error_model="numpy")
def gather(points: F64, radius: float, blur: float, least: float) -> F64:
    """Gather the points of a frame to molecules.

    Parameters
    ----------
    points : array of float64, shape (point, 3)
        y, x and weight, at least 0.
    radius : float
        Points within this distance of a molecule belong to it, in the units of the points.
    blur : float
        Standard deviation of the Gaussian in which the weights around a point are added to tell how likely it is.
    least : float
        Smallest weight of a molecule.

    Returns
    -------
    array of float64, shape (molecule, 4)
        y, x, weight, and the mean variance of y and x; the likeliest first.
    """
    found, n = np.empty((16, 4)), 0
    if len(points) == 0:
        return found[:0]
    low_y, low_x = points[:, 0].min(), points[:, 1].min()
    rows = int((points[:, 0].max() - low_y) / radius) + 1
    columns = int((points[:, 1].max() - low_x) / radius) + 1
    cell = np.empty(len(points), np.int64)
    begins = np.zeros(rows * columns + 1, np.int64)
    for i in range(len(points)):
        cell[i] = int((points[i, 0] - low_y) / radius) * columns + int((points[i, 1] - low_x) / radius)
        begins[cell[i] + 1] += 1
    begins = np.cumsum(begins)
    ordered = np.argsort(cell, kind="mergesort")
    sorted_points = points[ordered]
    grid = (low_y, low_x, rows, columns)
    score = np.empty(len(points))
    for i in range(len(points)):
        score[i] = _around(
            sorted_points, begins, grid, sorted_points[i, 0], sorted_points[i, 1], radius, blur
        )
    free = np.ones(len(points), np.bool_)
    for i in np.argsort(-score, kind="mergesort"):
        if not free[i]:
            continue
        y, x, weight, variance = sorted_points[i, 0], sorted_points[i, 1], 0.0, 0.0
        for _ in range(ROUNDS):
            y, x, weight, variance = _within(sorted_points, begins, grid, free, y, x, radius, False)
        if weight < least:
            continue
        _within(sorted_points, begins, grid, free, y, x, radius, True)
        free[i] = False
        if n == len(found):
            found = np.concatenate((found, np.empty_like(found)))
        found[n] = y, x, weight, variance
        n += 1
    return found[:n]


@njit(error_model="numpy")
def _cells(
    grid: tuple[float, float, int, int], y: float, x: float, radius: float
) -> tuple[int, int, int, int]:
    """The rows and columns of cells around a place: first and one after the last of each."""
    row, column = math.floor((y - grid[0]) / radius), math.floor((x - grid[1]) / radius)
    return max(row - 1, 0), min(row + 2, grid[2]), max(column - 1, 0), min(column + 2, grid[3])


@njit(error_model="numpy")
def _around(
    points: F64,
    begins: I64,
    grid: tuple[float, float, int, int],
    y: float,
    x: float,
    radius: float,
    blur: float,
) -> float:
    """The sum of the weights around a place, each by its distance."""
    top, bottom, left, right = _cells(grid, y, x, radius)
    total = 0.0
    for row in range(top, bottom):
        for j in range(begins[row * grid[3] + left], begins[row * grid[3] + right]):
            squared = (points[j, 0] - y) ** 2 + (points[j, 1] - x) ** 2
            if squared <= radius * radius:
                total += points[j, 2] * math.exp(-squared / (2 * blur * blur))
    return total


@njit(error_model="numpy")
def _within(
    points: F64, begins: I64, grid: tuple[float, float, int, int], free: npt.NDArray[np.bool_],
    y: float, x: float, radius: float, take: bool,
) -> tuple[float, float, float, float]:  # fmt: skip
    """Mean place, weight and variance of the free points around a place, which are taken if so asked."""
    top, bottom, left, right = _cells(grid, y, x, radius)
    weight, sum_y, sum_x, squares = 0.0, 0.0, 0.0, 0.0
    for row in range(top, bottom):
        for j in range(begins[row * grid[3] + left], begins[row * grid[3] + right]):
            off_y, off_x = points[j, 0] - y, points[j, 1] - x
            if free[j] and off_y * off_y + off_x * off_x <= radius * radius:
                weight += points[j, 2]
                sum_y += points[j, 2] * off_y
                sum_x += points[j, 2] * off_x
                squares += points[j, 2] * (off_y * off_y + off_x * off_x)
                if take:
                    free[j] = False
    if weight <= 0:
        return y, x, 0.0, 0.0
    mean_y, mean_x = sum_y / weight, sum_x / weight
    variance = max(squares / weight - mean_y * mean_y - mean_x * mean_x, 0.0) / 2
    return y + mean_y, x + mean_x, weight, variance
