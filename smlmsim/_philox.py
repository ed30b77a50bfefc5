"""Counter-based random numbers for use inside numba kernels.

Philox4x32-10 turns a 128-bit counter and a 64-bit key into four random 32-bit words, without any state
(Salmon et al. 2011, doi:10.1145/2063384.2063405). A kernel counts (index, step, stream), for example (mode,
time step, filament), under the key that :func:`smlmsim.rng.key` drew: every number then has an address,
whatever the order or the thread that asks for it.

All functions take and return scalars, are inlined into the loop that calls them, and hold no call or table,
so that the loop becomes SIMD code. Two short loops overlap more iterations than one long one and are faster::

    for i in range(n):
        w0[i], w1[i], w2[i], w3[i] = words(key, i, step, filament)
    for i in range(n):
        a[i], b[i] = normals_f32(w0[i], w1[i])
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import math
from typing import Any

import numpy as np

from smlmsim.compiled import njit

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)

_inlined = njit(forceinline=True, error_model="numpy", fastmath={"contract"})


@_inlined
def philox(c0: Any, c1: Any, c2: Any, c3: Any, key: Any) -> tuple[Any, Any, Any, Any]:
    """Return the four uint32 words of a counter (least significant word first) and a uint64 key."""
    c0, c1, c2, c3 = np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)
    k0, k1 = np.uint32(np.uint64(key) & _LOW), np.uint32(np.uint64(key) >> _32)
    for _ in range(10):
        p0 = _MULTIPLIERS[0] * np.uint64(c0)
        p1 = _MULTIPLIERS[1] * np.uint64(c2)
        c0 = np.uint32(np.uint32(np.uint32(p1 >> _32) ^ c1) ^ k0)
        c2 = np.uint32(np.uint32(np.uint32(p0 >> _32) ^ c3) ^ k1)
        c1, c3 = np.uint32(p1), np.uint32(p0)
        k0, k1 = np.uint32(k0 + _WEYL[0]), np.uint32(k1 + _WEYL[1])
    return c0, c1, c2, c3


@_inlined
def words(key: Any, index: Any, step: Any, stream: Any) -> tuple[Any, Any, Any, Any]:
    """Return four random uint32 words, those of the counter (index, step, stream, 0).

    Parameters
    ----------
    key : uint64
        From :func:`smlmsim.rng.key`.
    index, step, stream : int
        Where in the kernel the words are used, each from 0 to 2**32 - 1.
    """
    return philox(index, step, stream, 0, key)


@_inlined
def uniform_f32(word: Any) -> Any:
    """Return a float32 in [0, 1), a multiple of 2**-24, of one word."""
    return np.float32(np.int32(word >> np.uint32(8))) * np.float32(2.0**-24)


@_inlined
def uniform_f64(high: Any, low: Any) -> Any:
    """Return a float64 in [0, 1), a multiple of 2**-53, of two words."""
    upper = np.float64(np.int32(high >> np.uint32(5)))
    return (upper * 67108864.0 + np.float64(np.int32(low >> np.uint32(6)))) * 2.0**-53


@_inlined
def normals_f32(radius: Any, angle: Any) -> tuple[Any, Any]:
    """Return two independent standard normal float32 of two words, at most 6.7 in size.

    The transform of Box & Muller 1958 (doi:10.1214/aoms/1177706645), with a logarithm, a sine and a cosine
    that are near-minimax polynomials, within a relative 3e-7.
    """
    open_unit = np.float32(np.int32(radius >> np.uint32(1))) * np.float32(2.0**-31) + np.float32(2.0**-32)
    length = np.sqrt(np.float32(-2.0) * _log_f32(open_unit))
    quarters = np.float32(np.int32(np.uint32(angle << np.uint32(2)))) * np.float32(2.0**-32)
    x = quarters * quarters
    sine = np.float32(0.0796802176) + x * np.float32(-0.00460214921)
    sine = quarters * ((np.float32(1.57079632) + x * np.float32(-0.645963478)) + x * x * sine)
    cosine = np.float32(0.253598571) + x * np.float32(-0.0204081584)
    cosine = (np.float32(1.0) + x * np.float32(-1.23369701)) + x * x * cosine
    return _quarter_turns(length * cosine, length * sine, angle)


@_inlined
def normals_f64(w0: Any, w1: Any, w2: Any, w3: Any) -> tuple[Any, Any]:
    """Return two independent standard normal float64 of four words, at most 8.7 in size.

    Box & Muller 1958 again; the sine and the cosine are those of the Cephes library, within 1e-15.
    """
    open_unit = uniform_f64(w0, w1) + 2.0**-54
    length = np.sqrt(-2.0 * _log_f64(open_unit))
    eighth = (
        np.float64(np.int32(np.uint32(w2 << np.uint32(2))))
        + np.float64(np.int32(w3 >> np.uint32(1))) * 2.0**-31
    )
    eighth *= math.tau * 2.0**-34
    square = eighth * eighth
    sine = 1.58962301576546568060e-10 * square - 2.50507477628578072866e-8
    sine = sine * square + 2.75573136213857245213e-6
    sine = sine * square - 1.98412698295895385996e-4
    sine = sine * square + 8.33333333332211858878e-3
    sine = sine * square - 1.66666666666666307295e-1
    sine = sine * square * eighth + eighth
    cosine = -1.13585365213876817300e-11 * square + 2.08757008419747316778e-9
    cosine = cosine * square - 2.75573141792967388112e-7
    cosine = cosine * square + 2.48015872888517045348e-5
    cosine = cosine * square - 1.38888888888730564116e-3
    cosine = cosine * square + 4.16666666666665929218e-2
    cosine = cosine * square * square + (1.0 - 0.5 * square)
    return _quarter_turns(length * cosine, length * sine, w2)


@_inlined
def _quarter_turns(x: Any, y: Any, angle: Any) -> tuple[Any, Any]:
    """Turn (x, y) by as many right angles as the two highest bits of the word say."""
    odd = (angle & np.uint32(0x40000000)) != np.uint32(0)
    half = angle >= np.uint32(0x80000000)
    x, y = (-y, x) if odd else (x, y)
    return (-x, -y) if half else (x, y)


@_inlined
def _log_f32(x: Any) -> Any:
    """Return the logarithm of a positive normal float32, m 2**e with m from 2/3 to 4/3, to 3e-7."""
    bits = np.float32(x).view(np.int32)
    exponent = np.int32(np.int32(bits - np.int32(0x3F2AAAAB)) >> np.int32(23))
    f = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32) - np.float32(1.0)
    f2 = f * f
    p01 = np.float32(0.99999984) + f * np.float32(-0.499999856)
    p23 = np.float32(0.333379243) + f * np.float32(-0.250041462)
    p45 = np.float32(0.197965928) + f * np.float32(-0.164830175)
    p67 = np.float32(0.171018097) + f * np.float32(-0.150407637)
    series = (p01 + f2 * p23) + (f2 * f2) * (p45 + f2 * p67)
    return np.float32(exponent) * np.float32(math.log(2.0)) + f * series


@_inlined
def _log_f64(x: Any) -> Any:
    """Return the natural logarithm of a positive normal float64 (FreeBSD e_log.c)."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(52)
    f = np.int64(bits - (exponent << np.int64(52))).view(np.float64) - 1.0
    e = np.float64(np.int32(exponent))
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = 1.818357216161805012e-01 + w * 1.479819860511658591e-01
    odd = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * odd))
    square = 0.5 * f * f
    return e * 6.93147180369123816490e-01 - (
        (square - (s * (square + even + odd) + e * 1.90821492927058770002e-10)) - f
    )
