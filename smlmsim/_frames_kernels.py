"""Spots of molecules on camera frames: plain arrays in and out, serial, many may run side by side.

The light of a molecule on a pixel is a product of a profile along y and one along x, or a sum of a few such products.
Profiles of many places within a pixel are tabulated, so that those of a molecule are found by linear interpolation, in
which all pixels of the window take part at once, without an error function or an exponential. Their product is added to
a buffer that holds a frame, eight pixels of eight rows at a time, or of one row where the frame cuts the window. Rows
outside are skipped; the buffer is eight columns wider than the frame on either side, so that a group of eight may stick
out.

The numpy twin adds the outer product of differences of error functions, spot by spot, in ``tests/test_frames.py``. For
windows of 7 x 7 pixels the kernel is 450 times as fast as that on one core, and 20 times as fast as torch with all
windows at once (``benchmarks/bench_frames.py``). numba makes no vector instructions of operations on neighbouring
numbers where arrays might overlap: with plain numba instead of the functions of eight lanes, ``interpolate``, ``add``
and ``add_block``, it takes twice as long; without ``add_block`` for windows inside the frame, 1.2 times as long.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from smlmsim.compiled import njit

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

Spots = tuple[Integers, Floats, Floats, Floats]
"""``begin, y, x, photons``: spots ``begin[f]`` to ``begin[f + 1] - 1`` are in frame f; positions in nm."""

Pixels = tuple[float, float, float]
"""``y0, x0, per_nm``: the corner of the first pixel in nm, and pixels per nm."""

Table = tuple[Floats, Floats, int]
"""``table, sign, before``: see :class:`smlmsim.psf.Profiles`."""

LANES = 8
_LANES, _1 = np.uint64(LANES), np.float32(1)
_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_FUSED = ("contract",)  # allows a fused multiply-add


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """The address of eight successive numbers of an array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


def _repeated(builder: Any, number: Any) -> Any:
    """A vector of eight equal numbers."""
    none = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(none, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, none, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def _add(typing: Any, target: Any, at: Any, source: Any, start: Any, factor: Any) -> Any:
    """Add factor times eight numbers of ``source``, from ``start`` on, to those of ``target`` from ``at`` on."""
    signature = types.void(target, types.uint64, source, types.uint64, types.float32)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments[:2])
        source = _place(context, builder, signature.args[2], *arguments[2:4])
        more = builder.fmul(_repeated(builder, arguments[4]), builder.load(source, align=4), flags=_FUSED)
        builder.store(builder.fadd(builder.load(place, align=4), more, flags=_FUSED), place, align=4)
        return context.get_dummy_value()

    return signature, generate


def _interpolate(
    typing: Any, target: Any, at: Any, table: Any, one: Any, other: Any, way: Any, factor: Any
) -> Any:
    """Write eight numbers between those of ``table`` from ``one`` and from ``other`` on, times a factor."""
    signature = types.void(
        target, types.uint64, table, types.uint64, types.uint64, types.float32, types.float32
    )

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments[:2])
        near, far = (
            builder.load(_place(context, builder, signature.args[2], arguments[2], start), align=4)
            for start in arguments[3:5]
        )
        way, factor = (_repeated(builder, number) for number in arguments[5:])
        step = builder.fmul(way, builder.fsub(far, near), flags=_FUSED)
        found = builder.fmul(factor, builder.fadd(near, step, flags=_FUSED))
        builder.store(found, place, align=4)
        return context.get_dummy_value()

    return signature, generate


def _add_block(
    typing: Any, target: Any, at: Any, row: Any, along_y: Any, j: Any, along_x: Any, k: Any
) -> Any:
    """Add the products of eight numbers along y and eight along x to rows of ``target``, ``row`` numbers apart."""
    signature = types.void(target, types.uint64, types.uint64, along_y, types.uint64, along_x, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, at, row, *_ = arguments
        down, along = (
            builder.load(_place(context, builder, signature.args[of], *arguments[of : of + 2]), align=4)
            for of in (3, 5)
        )
        for lane in range(LANES):
            place = _place(context, builder, signature.args[0], target, at)
            factor = _repeated(builder, builder.extract_element(down, ir.Constant(ir.IntType(32), lane)))
            more = builder.fmul(factor, along, flags=_FUSED)
            builder.store(builder.fadd(builder.load(place, align=4), more, flags=_FUSED), place, align=4)
            at = builder.add(at, row)
        return context.get_dummy_value()

    return signature, generate


add: Any = intrinsic(_add)
add_block: Any = intrinsic(_add_block)
interpolate: Any = intrinsic(_interpolate)


@njit(error_model="numpy", fastmath={"contract"})
def add_spots(spots: Spots, pixels: Pixels, profiles: Table, expected: Floats) -> None:
    """Add the light of molecules to frames of expected photons.

    Parameters
    ----------
    expected : float32 array, shape (frame, y, x)
        Changed in place.
    """
    begin, y, x, photons = spots
    y0, x0, per_nm = pixels
    profile, sign, before = profiles
    frames, rows, columns = expected.shape
    terms, places, size = profile.shape
    table, width, row = profile.ravel(), np.uint64(size), np.uint64(columns + 3 * LANES)
    buffer = np.empty(rows * (columns + 3 * LANES), np.float32)
    along_y, along_x = np.empty(size, np.float32), np.empty(size, np.float32)
    for f in range(frames):
        buffer[:] = np.float32(0)
        for m in range(np.uint64(begin[f]), np.uint64(begin[f + 1])):
            top, place_y, way_y = _split((y[m] - y0) * per_nm, places)
            left, place_x, way_x = _split((x[m] - x0) * per_nm, places)
            top, left = top - before, left - before
            first, stop = max(0, -top), min(size, rows - top)
            # Groups of eight columns that touch the frame.
            begins, ends = max(0, -left // LANES), min(size // LANES, (columns - left + LANES - 1) // LANES)
            if first >= stop or begins >= ends:
                continue
            whole = stop - first == size and ends - begins == size // LANES
            for term in range(terms):
                at_y, at_x = (
                    np.uint64(term * places + place_y) * width,
                    np.uint64(term * places + place_x) * width,
                )
                for k in range(np.uint64(0), width, _LANES):
                    interpolate(along_y, k, table, at_y + k, at_y + k + width, way_y, photons[m] * sign[term])
                    interpolate(along_x, k, table, at_x + k, at_x + k + width, way_x, _1)
                if whole:
                    for j in range(np.uint64(0), width, _LANES):
                        start = np.uint64(np.int64(j) + top) * row + np.uint64(left + LANES)
                        for k in range(np.uint64(0), width, _LANES):
                            add_block(buffer, start + k, row, along_y, j, along_x, k)
                    continue
                for j in range(np.uint64(first), np.uint64(stop)):
                    start = np.uint64(np.int64(j) + top) * row + np.uint64(left + LANES)
                    for group in range(np.uint64(begins), np.uint64(ends)):
                        of = group * _LANES
                        add(buffer, start + of, along_x, of, along_y[j])
        for i in range(np.uint64(rows)):
            for j in range(np.uint64(columns)):
                expected[f, i, j] += buffer[i * row + j + _LANES]


@njit(forceinline=True, error_model="numpy")
def _split(position: Any, places: int) -> tuple[Any, Any, Any]:
    """Split a position in pixels into the pixel, the tabulated place in it, and the fraction of the way to the next."""
    pixel = math.floor(position)
    place = (position - pixel) * (places - 1)
    # A position just below a pixel can round to the pixel: the last place has no next one.
    whole = min(np.int64(place), places - 2)
    return np.int64(pixel), whole, np.float32(place - whole)
