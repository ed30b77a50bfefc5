"""From lines of plain numbers to arrays: serial kernels, without the GIL."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

U64, I64 = np.uint64, np.int64
ONE = U64(1)
COMMA, NEWLINE, RETURN, QUOTE = 44, 10, 13, 34
MINUS, PLUS, POINT, ZERO, SMALL_E, LARGE_E = 45, 43, 46, 48, 101, 69
MOST_DIGITS = 18  # of which an int64 holds the number
POWERS = 10.0 ** np.arange(23)  # all that float64 holds exactly


@numba.njit(cache=True, nogil=True, error_model="numpy")
def parse(text: Array, outputs: Array, values: Array) -> tuple[int, int, bool]:
    """Parse lines of comma-separated plain numbers.

    A number of at most 15 digits and an exponent of at most 22 is the product or quotient of two numbers that float64
    holds exactly, so it is rounded once and correctly; with up to 18 digits it may be one unit in the last place off.

    Places in the text are unsigned, which spares the check for negative ones, and every scan ends at the newline at
    the end.

    Parameters
    ----------
    text : array (byte,), uint8
        Whole lines: the last byte, if any, is a newline.
    outputs : array (column,), int
        The row of ``values`` for each column; -1 for columns that may hold anything without quotes.
    values : array (wanted column, line), float64
        Filled.

    Returns
    -------
    int
        The lines that were parsed.
    int
        The bytes they take.
    bool
        Whether the next line is no such line.
    """
    begin, size, last = U64(0), U64(text.size), outputs.size - 1
    for line in range(values.shape[1]):
        if begin == size:
            return line, int(begin), False
        i = begin
        for column in range(outputs.size):
            if outputs[column] < 0:
                i = skipped(text, i)
            else:
                number, i = parsed(text, i)
                values[outputs[column], line] = number
            if column == last and i < size and text[i] == RETURN:
                i += ONE
            if i >= size or text[i] != (NEWLINE if column == last else COMMA):
                return line, int(begin), True
            i += ONE
        begin = i
    return values.shape[1], int(begin), False


@numba.njit(cache=True, nogil=True, error_model="numpy")
def parsed(text: Array, i: Any) -> tuple[float, Any]:
    """Parse the number at a place; return it and the place behind it, that of the end if there is no plain number."""
    end = U64(text.size)
    negative = text[i] == MINUS
    if negative or text[i] == PLUS:
        i += ONE
    mantissa, exponent = I64(0), I64(0)
    begin = i
    while ZERO <= text[i] <= ZERO + 9:
        mantissa = 10 * mantissa + I64(text[i]) - ZERO
        i += ONE
    digits = I64(i - begin)
    if text[i] == POINT:
        i += ONE
        begin = i
        while ZERO <= text[i] <= ZERO + 9:
            mantissa = 10 * mantissa + I64(text[i]) - ZERO
            i += ONE
        exponent = -I64(i - begin)
        digits -= exponent
    if digits == 0 or digits > MOST_DIGITS:
        return 0.0, end
    if text[i] == SMALL_E or text[i] == LARGE_E:
        power, i = parsed_power(text, i + ONE)
        exponent += power
    value = np.float64(mantissa)
    if mantissa != 0:
        if not -POWERS.size < exponent < POWERS.size:
            return 0.0, end
        value = value / POWERS[-exponent] if exponent < 0 else value * POWERS[exponent]
    return (-value if negative else value), i


@numba.njit(cache=True, nogil=True, error_model="numpy")
def parsed_power(text: Array, i: Any) -> tuple[int, Any]:
    """Parse an exponent of at most three digits; return it and the place behind it, or the end if there is none."""
    negative = text[i] == MINUS
    if negative or text[i] == PLUS:
        i += ONE
    power, begin = I64(0), i
    while ZERO <= text[i] <= ZERO + 9 and i - begin < 4:
        power = 10 * power + I64(text[i]) - ZERO
        i += ONE
    if i == begin or i - begin == 4:
        return 0, U64(text.size)
    return int(-power if negative else power), i


@numba.njit(cache=True, nogil=True, error_model="numpy")
def skipped(text: Array, i: Any) -> Any:
    """Find the end of a value that is not wanted, that of the text if it holds a quote."""
    while text[i] != COMMA and text[i] != NEWLINE and text[i] != RETURN:
        if text[i] == QUOTE:
            return U64(text.size)
        i += ONE
    return i
