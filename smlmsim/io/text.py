"""Parsing of lines of numbers in pieces: plain lines by a kernel, all others one by one."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from smlmsim.io import _text_kernels

LARGEST_BLOCK = 2**24
"""Bytes of a table read at a time, 16 MiB."""
ODD_BLOCK = 2**18  # bytes parsed line by line before the kernel is tried again
LINE_BYTES = 64  # guessed length of a line
BLANK = " "
COMMENTS = ("#", "%", "//")
NOTHING = ("", "nan", "na", "n/a", "none", "null", "-", "--", "?")
INFINITE = ("inf", "-inf", "infinity", "-infinity", "∞", "-∞")
MISSING = frozenset((*NOTHING, *INFINITE))
TAIL = re.compile(rb"(?m)^[A-Za-z\r\n]")
GROUPED = re.compile(
    r"\s*[+-]?\d{1,3}(?P<mark>[.,'\s\N{RIGHT SINGLE QUOTATION MARK}])\d{3}((?P=mark)\d{3})*([.,]\d*)?\s*"
)
"""A number that may have thousands separators."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Readable(Protocol):
    """A file, or an object that is read like one."""

    def read(self, size: int, /) -> bytes:
        """Read at most ``size`` bytes; none at the end."""
        ...


class Style(NamedTuple):
    """The style in which the lines of a table are written.

    Parameters
    ----------
    width : int
        Number of columns.
    separator : str
        Separator of columns; a blank means any number of blanks and tabs.
    point : str
        Decimal point.
    tail : bool
        Whether the table ends at the first line that is empty or begins with a letter.
    comments : tuple of str
        Beginnings of lines that are ignored.
    """

    width: int
    separator: str = ","
    point: str = "."
    tail: bool = False
    comments: tuple[str, ...] = COMMENTS


class Lines(NamedTuple):
    """Parsed lines of a file.

    Parameters
    ----------
    values : array (column, line), float64
        The requested columns; NaN where there is no number.
    numbers : array (line,)
        Number of each line, counted from 1.
    found : list of list of str
        Values of every line as written, including blanks around them, unless all are plain numbers.
    """

    values: npt.NDArray[np.float64]
    numbers: npt.NDArray[np.int64]
    found: list[list[str]]


class Parser:
    """A parser of tables of numbers.

    Parameters
    ----------
    style : Style
        Style of the lines.
    places : sequence of int
        Requested columns, counted from 0.
    first : int
        Number of the next line.
    """

    def __init__(self, style: Style, places: Sequence[int], *, first: int) -> None:
        self.style = style
        self.places = list(places)
        self.next = first
        self.tail_from: int | None = None
        """Number of the first line after the table, if there is one."""
        self.cut: int | None = None
        """Number of the last line, if it has no line end."""
        self.outputs = np.full(style.width, -1)
        self.outputs[self.places] = np.arange(len(self.places))

    def lines(self, file: Readable, *, rows: int, head: bytes = b"") -> Iterator[Lines]:
        """Parse the rest of a file.

        Parameters
        ----------
        file : Readable
            File in UTF-8.
        rows : int
            Largest number of lines in a piece.
        head : bytes
            Bytes before the rest of the file, from the beginning of a line.

        Yields
        ------
        Lines
            Parsed lines, without empty ones and comments.

        Raises
        ------
        ValueError
            If a line is absurdly long.
        """
        text, block, more = head, min(LARGEST_BLOCK, LINE_BYTES * rows), True
        while more and self.tail_from is None:
            read = file.read(block)
            more = bool(read)
            text = text + read if text else read
            del read  # free the first copy
            size = text.rfind(b"\n") + 1
            if not more and size < len(text):
                text, size = text + b"\n", len(text) + 1
                self.cut = self.next + text.count(b"\n") - 1
            if len(text) - size > LARGEST_BLOCK:
                raise ValueError(f"line {self.next} is longer than {LARGEST_BLOCK} bytes")
            whole, text = text[:size], text[size:]
            whole = self._without_tail(whole)
            yield from self._whole(whole, rows)
            del whole

    def misfits(self, lines: Lines) -> npt.NDArray[np.bool_]:
        """Which lines cannot be divided into columns: too many values, too few for blanks, or cut short."""
        width, least = self.style.width, self.style.width if self.style.separator == BLANK else 0
        found = [
            not least <= len(fields) <= width or (number == self.cut and len(fields) < width)
            for fields, number in zip(lines.found, lines.numbers, strict=False)
        ]
        return np.array(found) if found else np.zeros(lines.numbers.size, bool)

    def _without_tail(self, text: bytes) -> bytes:
        """Cut off everything after the table: from a line that begins with NUL, or as the style defines."""
        end = min(
            (
                at
                for at in (text.find(b"\0"), _start(TAIL.search(text)) if self.style.tail else -1)
                if at >= 0
            ),
            default=-1,
        )
        if end < 0:
            return text
        line = self.next + text.count(b"\n", 0, end)
        if text[end - 1 : end] not in (b"", b"\n"):
            raise ValueError(f"found a NUL byte in line {line}; the file is damaged")
        self.tail_from = line
        return text[:end]

    def _whole(self, text: bytes, rows: int) -> Iterator[Lines]:
        """Parse whole lines."""
        used = 0
        while used < len(text):
            if self.style.separator != self.style.point:
                for lines, count in self._plain(np.frombuffer(text, np.uint8)[used:], rows):
                    used += count
                    if lines.numbers.size:
                        yield lines
                if used == len(text):
                    return
            end = text.rfind(b"\n", used, used + ODD_BLOCK) + 1 or text.find(b"\n", used) + 1
            lines = self._odd(text[used:end].decode("utf-8", errors="replace"))
            used = end
            for start in range(0, lines.numbers.size, rows):
                part = slice(start, start + rows)
                yield Lines(lines.values[:, part], lines.numbers[part], lines.found[part])

    def _plain(self, text: npt.NDArray[np.uint8], rows: int) -> Iterator[tuple[Lines, int]]:
        """Parse plain lines up to the first other one, or to the end; also return the number of bytes parsed."""
        used, most = 0, min(rows, text.size // (2 * self.style.width) + 1)
        while used < text.size:
            values = np.empty((len(self.places), most))
            count, bytes_used, odd = _text_kernels.parse(
                text[used:], self.outputs, values, ord(self.style.separator), ord(self.style.point)
            )
            used += bytes_used
            yield Lines(values[:, :count], self.next + np.arange(count), []), bytes_used
            self.next += count
            if odd:
                return

    def _odd(self, text: str) -> Lines:
        """Parse lines of any kind, one by one."""
        numbers, found = [], []
        separator, width = self.style.separator, self.style.width
        blanks = separator + " \t\r"
        for line in text.removesuffix("\n").split("\n"):
            if line.strip(blanks) and not line.lstrip().startswith(self.style.comments or ("\n",)):
                values = _split(line, separator)
                while len(values) > width and not values[-1].strip():
                    values.pop()
                numbers.append(self.next)
                found.append(values)
            self.next += 1
        columns = [
            numbers_of([row[place] if place < len(row) else "" for row in found], self.style.point)
            for place in self.places
        ]
        parsed = np.array(columns, np.float64).reshape(len(self.places), len(found))
        return Lines(parsed, np.array(numbers, np.int64), found)


def fields(line: str, separator: str) -> list[str]:
    """Split a line into its values, without the quotes and the blanks around them."""
    return [value.strip() for value in _split(line, separator)]


def _split(line: str, separator: str) -> list[str]:
    """Split a line into its values, without the quotes around them."""
    if '"' not in line:
        return line.split() if separator == BLANK else line.split(separator)
    values = next(csv.reader([line.replace("\r", BLANK)], delimiter=separator, skipinitialspace=True), [])
    return [value for value in values if value] if separator == BLANK else values


def numbers_of(values: Sequence[str], point: str) -> list[float]:
    """Convert texts to numbers; NaN where there is none."""
    if point != ".":
        return [number(value, point) for value in values]
    try:
        return [number(value) if "_" in value else float(value) if value else np.nan for value in values]
    except ValueError:
        return [number(value, point) for value in values]


def number(value: str, point: str = ".") -> float:
    """Convert a text to a number; NaN if it is none."""
    if point != "." and "." in value and GROUPED.fullmatch(value):
        return float("nan")
    plain = (value.replace(point, ".") if point != "." and "." not in value else value).strip()
    return float(plain) if _NUMBER.fullmatch(plain) else float("nan")


def numbers_in(words: str) -> list[float]:
    """The positive, finite numbers in a text."""
    found = (float(match[0]) for match in _NUMBER.finditer(words))
    return [value for value in found if 0 < value < np.inf]


def is_number(value: str, point: str = ".") -> bool:
    """Whether a text is a number, or a word for a missing one."""
    return value.casefold() in MISSING or number(value, point) == number(value, point)


def _start(match: re.Match[bytes] | None) -> int:
    return match.start() if match else -1
