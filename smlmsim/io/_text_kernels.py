"""From lines of plain numbers to arrays: serial kernels, without the GIL."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

COMMA, NEWLINE, RETURN, QUOTE = 44, 10, 13, 34
MINUS, PLUS, POINT, ZERO, SMALL_E, LARGE_E = 45, 43, 46, 48, 101, 69
MOST_DIGITS = 18  # of which an int64 holds the number; further ones are smaller than half an ulp
POWERS = 10.0 ** np.arange(23)  # all that float64 holds exactly


@numba.njit(cache=True, nogil=True, error_model="numpy")
def parse(text: Array, outputs: Array, values: Array) -> tuple[int, int, bool]:
    """Parse lines of comma-separated plain numbers.

    A number of at most 15 digits and an exponent of at most 22 is the product or quotient of two numbers that float64
    holds exactly, so it is rounded once and correctly; with more digits it may be one unit in the last place off.

    Parameters
    ----------
    text : array (byte,), uint8
        Whole lines.
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
    begin = 0
    for line in range(values.shape[1]):
        i = begin
        for column in range(outputs.size):
            if outputs[column] < 0:
                i = skipped(text, i)
            else:
                number, i = parsed(text, i)
                if i >= 0:
                    values[outputs[column], line] = number
            if i >= 0 and i + 1 < text.size and text[i] == RETURN and text[i + 1] == NEWLINE:
                i += 1
            last = column == outputs.size - 1
            if i < 0 or i == text.size or text[i] != (NEWLINE if last else COMMA):
                return line, begin, begin < text.size
            i += 1
        begin = i
    return values.shape[1], begin, False


@numba.njit(cache=True, nogil=True, error_model="numpy")
def parsed(text: Array, i: int) -> tuple[float, int]:
    """Parse the number at a place; return it and the place behind it, -1 if there is no plain number."""
    size = text.size
    negative = i < size and text[i] == MINUS
    if i < size and (text[i] == MINUS or text[i] == PLUS):
        i += 1
    mantissa, digits, kept, exponent = np.int64(0), 0, 0, 0
    fraction = False
    while i < size:
        digit = np.int64(text[i]) - ZERO
        if 0 <= digit <= 9:
            digits += 1
            if kept < MOST_DIGITS:
                mantissa = 10 * mantissa + digit
                kept += 1 if mantissa > 0 else 0
                exponent -= 1 if fraction else 0
            else:
                exponent += 0 if fraction else 1
        elif text[i] == POINT and not fraction:
            fraction = True
        else:
            break
        i += 1
    if digits == 0:
        return 0.0, -1
    if i < size and (text[i] == SMALL_E or text[i] == LARGE_E):
        power, i = parsed_power(text, i + 1)
        exponent += power
        if i < 0:
            return 0.0, -1
    if mantissa != 0 and not -POWERS.size < exponent < POWERS.size:
        return 0.0, -1
    value = np.float64(mantissa)
    if value != 0.0:
        value = value / POWERS[-exponent] if exponent < 0 else value * POWERS[exponent]
    return (-value if negative else value), i


@numba.njit(cache=True, nogil=True, error_model="numpy")
def parsed_power(text: Array, i: int) -> tuple[int, int]:
    """Parse an exponent of at most three digits; return it and the place behind it, -1 if there is none."""
    size = text.size
    negative = i < size and text[i] == MINUS
    if i < size and (text[i] == MINUS or text[i] == PLUS):
        i += 1
    power, digits = np.int64(0), 0
    while i < size and digits < 4 and ZERO <= text[i] <= ZERO + 9:
        power = 10 * power + np.int64(text[i]) - ZERO
        digits += 1
        i += 1
    if digits == 0 or digits == 4:
        return 0, -1
    return int(-power if negative else power), i


@numba.njit(cache=True, nogil=True, error_model="numpy")
def skipped(text: Array, i: int) -> int:
    """Find the end of a value that is not wanted, -1 if it holds a quote."""
    while i < text.size and text[i] != COMMA and text[i] != NEWLINE and text[i] != RETURN:
        if text[i] == QUOTE:
            return -1
        i += 1
    return i
