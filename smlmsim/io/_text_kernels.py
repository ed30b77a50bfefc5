"""From lines of plain numbers to arrays: serial kernels, without the GIL.

One pass over the bytes, without making a string of any value. Digits are gathered in an integer and scaled by one exact
power of ten at the end. The kernel stops at the first line that is not plain (quotes, comments, words, more digits than
it can round correctly), which ``smlmsim.io.text`` then reads with ``float`` of Python, the twin to which
``tests/io/test_text.py`` compares it. A table of a million localizations is read as fast as by the C parser of pandas
on one core (``benchmarks/bench_io.py``), and 11 MB of text in 39 ms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

Array = npt.NDArray[Any]

# Places in the text are unsigned: numba would test whether signed ones are negative, which takes 1.15 times as long.
U64, I64 = np.uint64, np.int64
ONE = U64(1)  # byte
# Characters by their number in ASCII: those between values, and those of values.
BLANK, TAB, NEWLINE, RETURN, QUOTE = 32, 9, 10, 13, 34
MINUS, PLUS, ZERO, SMALL_E, LARGE_E, SMALL_A, SMALL_N = 45, 43, 48, 101, 69, 97, 110
LOWER_CASE = 32  # the bit that makes a letter small
MOST_DIGITS = 18  # of which an int64 holds the number
POWERS = 10.0 ** np.arange(23)  # all that float64 holds exactly


@njit(error_model="numpy")
def parse(text: Array, outputs: Array, values: Array, separator: int, point: int) -> tuple[int, int, bool]:
    """Parse lines of plain numbers, each of which may have blanks around it; nothing at all and "nan" are NaN.

    A number of at most 15 digits and an exponent of at most 22 is the product or quotient of two numbers that float64
    holds exactly, so it is rounded once and correctly; with up to 18 digits it may be one unit in the last place off.

    Every scan ends at the newline at the end, so no loop has to compare its place with the size of the text.

    Parameters
    ----------
    text : array (byte,), uint8
        Whole lines: the last byte, if any, is a newline.
    outputs : array (column,), int
        The row of ``values`` for each column; -1 for columns that may hold anything.
    values : array (wanted column, line), float64
        Filled.
    separator : int
        The character between columns; a blank stands for any number of blanks and tabs.
    point : int
        The decimal point; another character than the separator.

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
        if text[i] == separator != BLANK:  # perhaps a line of separators alone
            return line, int(begin), True
        for column in range(outputs.size):
            if text[i] == BLANK or separator == BLANK:
                i = behind_blanks(text, i, separator)
            if outputs[column] < 0:
                i = skipped(text, i, separator)
            else:
                number, i = parsed(text, i, separator, point)
                values[outputs[column], line] = number
            if i < size and (column == last or separator != BLANK):
                i = behind_blanks(text, i, separator)
            if column == last and i < size and text[i] == separator:
                i += ONE
            if column == last and i < size and text[i] == RETURN:
                i += ONE
            if i >= size or not ends(text[i], column == last, separator):
                return line, int(begin), True
            i += ONE
        begin = i
    return values.shape[1], int(begin), False


@njit(error_model="numpy")
def ends(character: int, last: bool, separator: int) -> bool:
    """Tell whether a character ends a value."""
    if last:
        return bool(character == NEWLINE)
    return bool(character == separator or (separator == BLANK and character == TAB))


@njit(error_model="numpy")
def behind_blanks(text: Array, i: Any, separator: int) -> Any:
    """Find the first character that is no blank, nor a tab where tabs are blanks."""
    while text[i] == BLANK or (separator == BLANK and text[i] == TAB):
        i += ONE
    return i


@njit(error_model="numpy")
def parsed(text: Array, i: Any, separator: int, point: int) -> tuple[float, Any]:
    """Parse the number at a place; return it and the place behind it, that of the end if there is no plain number."""
    end = U64(text.size)
    # Digits before and after the point make one integer; where the point is goes into the exponent.
    negative = text[i] == MINUS
    if negative or text[i] == PLUS:
        i += ONE
    mantissa, exponent = I64(0), I64(0)
    begin = i
    while ZERO <= text[i] <= ZERO + 9:
        mantissa = 10 * mantissa + I64(text[i]) - ZERO
        i += ONE
    digits = I64(i - begin)
    if text[i] == point:
        i += ONE
        begin = i
        while ZERO <= text[i] <= ZERO + 9:
            mantissa = 10 * mantissa + I64(text[i]) - ZERO
            i += ONE
        exponent = -I64(i - begin)
        digits -= exponent
    if digits == 0 or digits > MOST_DIGITS:
        return (np.nan, missing(text, i, separator)) if digits == 0 and exponent == 0 else (0.0, end)
    if text[i] == SMALL_E or text[i] == LARGE_E:
        power, i = parsed_power(text, i + ONE)
        exponent += power
    value = np.float64(mantissa)
    if mantissa != 0:
        if not -POWERS.size < exponent < POWERS.size:
            return 0.0, end
        # Divided by an exact power, not multiplied by its rounded inverse.
        value = value / POWERS[-exponent] if exponent < 0 else value * POWERS[exponent]
    return (-value if negative else value), i


@njit(error_model="numpy")
def missing(text: Array, i: Any, separator: int) -> Any:
    """Find the end of nothing at all or of "nan" in any case; that of the text if there is something else."""
    if text[i] == separator or (separator != BLANK and (text[i] == NEWLINE or text[i] == RETURN)):
        return i
    for letter in (SMALL_N, SMALL_A, SMALL_N):
        if text[i] | LOWER_CASE != letter:
            return U64(text.size)
        i += ONE
    return i


@njit(error_model="numpy")
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


@njit(error_model="numpy")
def skipped(text: Array, i: Any, separator: int) -> Any:
    """Find the end of a value that is not wanted, that of the text if quotes are not at both of its ends."""
    if text[i] == QUOTE:
        i += ONE
        while text[i] != QUOTE or text[i + ONE] == QUOTE:
            if text[i] == NEWLINE:
                return U64(text.size)
            i += ONE if text[i] != QUOTE else U64(2)
        return i + ONE
    if separator == BLANK and (text[i] == NEWLINE or text[i] == RETURN):
        return U64(text.size)
    while text[i] != NEWLINE and text[i] != RETURN and not ends(text[i], False, separator):
        if text[i] == QUOTE:
            return U64(text.size)
        i += ONE
    return i
