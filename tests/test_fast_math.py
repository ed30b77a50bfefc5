"""The vectorised elementary functions err by no more than their docstrings say."""

import numpy as np
import pytest
from numba import njit

from smlmsim import _fast_math

NUMBERS = 200_001


def one(function):
    """Evaluate a function of one number in a compiled loop, as the kernels do."""

    @njit(error_model="numpy", fastmath={"contract"})
    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    def evaluated(x):
        out = np.empty_like(x)
        loop(x, out)
        return out

    return evaluated


def two(function, *more):
    """Evaluate a function that returns two numbers."""

    @njit(error_model="numpy", fastmath={"contract"})
    def loop(x, first, second):
        for i in range(x.size):
            first[i], second[i] = function(x[i], *more)

    def evaluated(x):
        first, second = np.empty_like(x), np.empty_like(x)
        loop(x, first, second)
        return first, second

    return evaluated


def largest_error(found, x, function):
    return float(np.abs(found - function(x.astype(np.longdouble))).max())


def largest_relative_error(found, x, function):
    exact = function(x.astype(np.longdouble))
    return float(np.abs(found[exact != 0] / exact[exact != 0] - 1).max())


@pytest.mark.parametrize(("low", "high"), [(-126, 127), (-32, 0), (-1, 1)])
def test_float32_logarithm_errs_by_at_most_5e_7(low, high):
    x = np.exp2(np.linspace(low, high, NUMBERS)).astype(np.float32)
    assert largest_relative_error(one(_fast_math.log_f32)(x), x, np.log) < 5e-7


@pytest.mark.parametrize(("low", "high"), [(-1022, 1023), (-54, 0)])
def test_float64_logarithm_errs_by_at_most_2e_16(low, high):
    x = np.exp2(np.linspace(low, high, NUMBERS))
    assert largest_relative_error(one(_fast_math.log_f64)(x), x, np.log) < 2e-16


def test_float32_exponential_errs_by_at_most_2_5e_7():
    x = np.linspace(-80, 80, NUMBERS).astype(np.float32)
    assert largest_relative_error(one(_fast_math.exp_f32)(x), x, np.exp) < 2.5e-7


def test_float32_sine_and_cosine_of_part_of_a_right_angle_err_by_at_most_1_3e_7():
    x = np.linspace(-0.5, 0.5, NUMBERS).astype(np.float32)
    sine, cosine = two(_fast_math.quarter_sine_and_cosine_f32)(x)
    assert largest_error(sine, x, lambda a: np.sin(a * np.pi / 2)) < 1.3e-7
    assert largest_error(cosine, x, lambda a: np.cos(a * np.pi / 2)) < 1.3e-7


def test_float64_sine_and_cosine_of_half_a_right_angle_err_by_at_most_1_6e_16():
    x = np.linspace(-np.pi / 4, np.pi / 4, NUMBERS)
    sine, cosine = two(_fast_math.eighth_sine_and_cosine_f64)(x)
    assert largest_error(sine, x, np.sin) < 1.6e-16
    assert largest_error(cosine, x, np.cos) < 1.6e-16


@pytest.mark.parametrize(("real", "most"), [(np.float32, 1.2e-7), (np.float64, 2.3e-16)])
@pytest.mark.parametrize("reach", [10, 1000])
def test_sine_and_cosine_err_by_at_most_a_rounding_up_to_1000_radian(real, most, reach):
    x = np.linspace(-reach, reach, NUMBERS).astype(real)
    sine, cosine = two(_fast_math.sine_and_cosine, real)(x)
    assert largest_error(sine, x, np.sin) < most
    assert largest_error(cosine, x, np.cos) < most


@pytest.mark.parametrize(("quarters", "turned"), [(0, (3, 5)), (1, (-5, 3)), (2, (-3, -5)), (3, (5, -3))])
def test_quarter_turns_are_exact(quarters, turned):
    assert _fast_math.quarter_turns(3.0, 5.0, np.uint32(quarters << 30)) == turned
