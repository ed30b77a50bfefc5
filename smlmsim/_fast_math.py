"""Sine, cosine, exponential and logarithm for loops that become SIMD code.

numba calls the library function of the processor for ``np.log`` or ``np.sin``, one number at a time, and a loop that
contains a call is not vectorised. Here each function is a range reduction by bit operations and a polynomial: no call,
no table, no branch. The Box-Muller transform with them is about 18 times as fast as with numba's ``np.log``,
``np.sin`` and ``np.cos`` on one core with AVX-512.

All functions take and return scalars and are inlined into the loop that calls them. Each states its largest error,
which ``tests/test_fast_math.py`` compares with numpy in float64. An integer is turned into a float from int32, not from
uint32, because processors before AVX-512 convert only signed integers several at a time.

numba does not notice an edit of this file in the cached code of the kernels that call it: delete their caches after
one.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import math
from typing import Any

import numpy as np

from smlmsim.compiled import njit

inlined = njit(forceinline=True, error_model="numpy", fastmath={"contract"})
"""Decorator for a function of scalars that is copied into its caller; "contract" allows fused multiply-add."""


@inlined
def log_f32(x: Any) -> Any:
    """Return the natural logarithm of a positive normal float32.

    With x = m 2**e and m from 2/3 to 4/3, it is e log(2) plus a near-minimax polynomial in m - 1. The error is at most
    5e-7 of the result.
    """
    bits = np.float32(x).view(np.int32)
    # 0x3F2AAAAB is the float32 2/3: subtracting it before the shift rounds e so that m starts there.
    exponent = np.int32(np.int32(bits - np.int32(0x3F2AAAAB)) >> np.int32(23))
    f = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32) - np.float32(1.0)
    # Estrin's scheme: pairs of coefficients are independent, so that they overlap in the pipeline.
    f2 = f * f
    p01 = np.float32(0.99999984) + f * np.float32(-0.499999856)
    p23 = np.float32(0.333379243) + f * np.float32(-0.250041462)
    p45 = np.float32(0.197965928) + f * np.float32(-0.164830175)
    p67 = np.float32(0.171018097) + f * np.float32(-0.150407637)
    series = (p01 + f2 * p23) + (f2 * f2) * (p45 + f2 * p67)
    return np.float32(exponent) * np.float32(math.log(2.0)) + f * series


@inlined
def log_f64(x: Any) -> Any:
    """Return the natural logarithm of a positive normal float64, to 2e-16 of the result (FreeBSD's e_log.c)."""
    bits = np.float64(x).view(np.int64)
    # 0x3FE6A09E667F3BCD is the float64 sqrt(1/2), at which the mantissa starts.
    exponent = (bits - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(52)
    f = np.int64(bits - (exponent << np.int64(52))).view(np.float64) - 1.0
    e = np.float64(np.int32(exponent))
    # log(1 + f) = 2 atanh(s): a series in s**2 alone, here its even and its odd terms.
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = 1.818357216161805012e-01 + w * 1.479819860511658591e-01
    odd = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * odd))
    square = 0.5 * f * f
    # log(2) is the sum of two numbers, the first with trailing zeros, so that its product with e is exact.
    return e * 6.93147180369123816490e-01 - (
        (square - (s * (square + even + odd) + e * 1.90821492927058770002e-10)) - f
    )


@inlined
def exp_f32(x: Any) -> Any:
    """Return the exponential of a float32 from -80 to 80, to 2.5e-7 of the result: 2**n exp(r), |r| <= log(2) / 2."""
    n = np.rint(x * np.float32(1 / math.log(2)))
    # log(2) in two parts: 0.693359375 has nine bits, so its product with n is exact.
    r = (x - n * np.float32(0.693359375)) - n * np.float32(math.log(2) - 0.693359375)
    series = np.float32(1 / 120) + r * np.float32(1 / 720)
    series = np.float32(1 / 6) + r * (np.float32(1 / 24) + r * series)
    series = np.float32(1) + r * (np.float32(1) + r * (np.float32(1 / 2) + r * series))
    # 2**n, written as the bits of a float32: the exponent with its bias of 127.
    return series * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@inlined
def quarter_sine_and_cosine_f32(quarters: Any) -> tuple[Any, Any]:
    """Return sine and cosine of up to half a right angle, a float32 from -1/2 to 1/2 in right angles, to 1.3e-7."""
    x = quarters * quarters
    sine = np.float32(0.0796802176) + x * np.float32(-0.00460214921)
    sine = quarters * ((np.float32(1.57079632) + x * np.float32(-0.645963478)) + x * x * sine)
    cosine = np.float32(0.253598571) + x * np.float32(-0.0204081584)
    cosine = (np.float32(1.0) + x * np.float32(-1.23369701)) + x * x * cosine
    return sine, cosine


@inlined
def eighth_sine_and_cosine_f64(angle: Any) -> tuple[Any, Any]:
    """Return sine and cosine of a float64 from -pi/4 to pi/4, to 1.6e-16 (the Cephes library)."""
    square = angle * angle
    sine = 1.58962301576546568060e-10 * square - 2.50507477628578072866e-8
    sine = sine * square + 2.75573136213857245213e-6
    sine = sine * square - 1.98412698295895385996e-4
    sine = sine * square + 8.33333333332211858878e-3
    sine = sine * square - 1.66666666666666307295e-1
    sine = sine * square * angle + angle
    cosine = -1.13585365213876817300e-11 * square + 2.08757008419747316778e-9
    cosine = cosine * square - 2.75573141792967388112e-7
    cosine = cosine * square + 2.48015872888517045348e-5
    cosine = cosine * square - 1.38888888888730564116e-3
    cosine = cosine * square + 4.16666666666665929218e-2
    cosine = cosine * square * square + (1.0 - 0.5 * square)
    return sine, cosine


@inlined
def quarter_turns(x: Any, y: Any, word: Any) -> tuple[Any, Any]:
    """Turn (x, y) by as many right angles as the two highest bits of a uint32 say: exactly, by swaps and signs."""
    odd = (word & np.uint32(0x40000000)) != np.uint32(0)
    half = word >= np.uint32(0x80000000)
    x, y = (-y, x) if odd else (x, y)
    return (-x, -y) if half else (x, y)


@inlined
def sine_and_cosine(angle: Any, real: Any) -> tuple[Any, Any]:
    """Return both of an angle in radian in the type ``real``, by the reduction and the polynomials of Cephes.

    For angles up to 1000 in size the error is at most 1.2e-7 in float32 and 2.3e-16 in float64.
    """
    quarters = np.floor(angle * real(0.6366197723675814) + real(0.5))
    # pi/2 in three parts with trailing zeros, so that the products with the number of quarters are exact.
    r = angle - quarters * real(1.5703125)
    r = r - quarters * real(4.837512969970703125e-4)
    r = r - quarters * real(7.54978995489188216e-8)
    s = r * r
    s2 = s * s
    sine = real(-1.66666666666666307295e-1) + s * real(8.33333333332211858878e-3)
    sine += s2 * (real(-1.98412698295895385996e-4) + s * real(2.75573136213857245213e-6))
    sine += (s2 * s2) * (real(-2.50507477628578072866e-8) + s * real(1.58962301576546568060e-10))
    sine = r + r * s * sine
    cosine = real(4.16666666666665929218e-2) + s * real(-1.38888888888730564116e-3)
    cosine += s2 * (real(2.48015872888517045348e-5) + s * real(-2.75573141792967388112e-7))
    cosine += (s2 * s2) * (real(2.08757008419747316778e-9) + s * real(-1.13585365213876817300e-11))
    cosine = (real(1.0) - real(0.5) * s) + s2 * cosine
    turn = np.int32(quarters)
    odd = (turn & np.int32(1)) != np.int32(0)
    a, b = (cosine, sine) if odd else (sine, cosine)
    return (
        -a if (turn & np.int32(2)) != np.int32(0) else a,
        -b if ((turn + np.int32(1)) & np.int32(2)) != np.int32(0) else b,
    )
