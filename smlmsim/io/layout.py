"""The layout of a text table: its header, its rows, and the separator of its columns."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from smlmsim.io import text
from smlmsim.io.text import BLANK, COMMENTS, Readable

LONGEST_HEADER = 2**20
"""Bytes of the lines before a table, 1 MiB; a longer header is no header."""
MOST_COLUMNS = 1000
"""Columns of a table; more are damage."""
SEPARATORS = ("\t", ";", ",", "|", BLANK)
"""Characters between columns, the less ambiguous ones first."""
SAMPLE = 200  # rows that are examined that are examined
MOST_TITLES = 20  # largest number of lines above a header that may look like rows
BLOCK = 2**16
"""Bytes read at a time in search of the header's end."""
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_XML_FIELD = re.compile(r"<field\b([^>]*)>")
_XML_SAYS = re.compile(r'(identifier|unit)="([^"]*)"')
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+")
_KNOWN_BINARY = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook or another Office document; save it as CSV",
    b"{\\rtf": "rich text; save it as plain text",
    b"%PDF": "a PDF document",
    b"<!DOCTYPE": "a web page; save it as CSV",
    b"<html": "a web page; save it as CSV",
    b"<?xml": "XML; save it as CSV",
}


class Layout(NamedTuple):
    """The header of a table and a sample of its rows.

    Parameters
    ----------
    headings : tuple of str
        Names of the columns, without quotes; empty if the table has no header.
    header : str
        The unchanged header line.
    comments : str
        All other lines before the rows.
    width : int
        Number of columns.
    separator, point : str
        As in :class:`~smlmsim.io.text.Style`.
    rows : tuple of tuple of str
        The first rows.
    rest : bytes
        The part of the file that was read, from the first row on.
    first_line : int
        Number of the line with the first row, counted from 1.
    """

    headings: tuple[str, ...]
    header: str
    comments: str
    width: int
    separator: str
    point: str
    rows: tuple[tuple[str, ...], ...]
    rest: bytes
    first_line: int

    @property
    def quoted(self) -> bool:
        """Whether the header has quotes."""
        return '"' in self.header

    def style(self, *, tail: bool = False) -> text.Style:
        """The style in which the rows are written."""
        return text.Style(self.width, self.separator, self.point, tail)

    def odd(self, value: str) -> str:
        """Explain why a value is not a number, as the end of a sentence; "" without an explanation."""
        if _DECIMAL_COMMA.fullmatch(value.strip()) and self.point == ".":
            return " (a decimal comma where a decimal point is expected)"
        return " (write numbers without separators of thousands)" if text.GROUPED.fullmatch(value) else ""

    def numeric(self, place: int) -> bool:
        """Whether a column holds numbers or nothing: at most as many texts as numbers in the sample."""
        values = [row[place] for row in self.rows if place < len(row)]
        values = [value for value in values if value.casefold() not in text.MISSING]
        numbers = sum(text.is_number(value, self.point) for value in values)
        return 2 * numbers >= len(values)


def found(file: Readable, is_header: Callable[[Sequence[str]], bool]) -> Layout:
    """Read the beginning of a file and find the layout of its table.

    Parameters
    ----------
    file : Readable
        File in UTF-8.
    is_header : function
        Returns whether headings are those of a table. The header is the first such line, comment or not; otherwise
        it is the line before the first one with two numbers.

    Raises
    ------
    ValueError
        If the file is not text, or its header is absurdly long or wide.
    """
    head, layout = b"", None
    while more := file.read(BLOCK):
        head += more
        layout = _of(head, is_header, whole=False)
        if layout.rows or len(head) > LONGEST_HEADER:
            break
    else:
        layout = _of(head, is_header, whole=True)
    if layout.width > MOST_COLUMNS:
        raise ValueError(f"the header names {layout.width} columns; no table has more than {MOST_COLUMNS}")
    return layout


def _of(head: bytes, is_header: Callable[[Sequence[str]], bool], *, whole: bool) -> Layout:
    _require_text(head)
    raw = head.split(b"\n")
    if not whole:
        raw.pop()
    lines = [
        line[:LONGEST_HEADER].decode("utf-8", errors="replace").strip("\r")
        for line in itertools.takewhile(lambda line: not line.startswith(b"\0"), raw)
    ]
    said = next((match[1] for line in lines[:5] if (match := _SEP_LINE.fullmatch(line.strip()))), None)
    first = next((index for index, line in enumerate(lines) if _is_row(line, said)), len(lines))
    header, headings, of_header = _header(lines[: max(first, MOST_TITLES)], first, said, is_header)
    start = header + 1 if header is not None else _first_plain(lines)
    below = [line for line in lines[start : start + SAMPLE] if line.strip() and not _is_comment(line)]
    rows = list(itertools.dropwhile(lambda line: not _is_row(line, said), below)) or below
    separator = said or (_separator(headings, rows) if rows else of_header)
    if header is not None and not _is_comment(lines[header]):
        headings = titles(lines[header], separator)
    values = tuple(tuple(text.fields(line, separator)) for line in rows)
    return Layout(
        headings=tuple(headings),
        header=lines[header] if header is not None else "",
        comments="\n".join(line for index, line in enumerate(lines[: max(first, start)]) if index != header),
        width=len(headings) or max(map(len, values[:5]), default=0),
        separator=separator,
        point=_point(values),
        rows=values if any(_is_row(line, said) for line in rows) else (),
        rest=head[sum(len(line) + 1 for line in raw[:start]) :],
        first_line=start + 1,
    )


def _first_plain(lines: list[str]) -> int:
    return next(
        (
            index
            for index, line in enumerate(lines)
            if line.strip() and not _is_comment(line) and not _SEP_LINE.fullmatch(line.strip())
        ),
        len(lines),
    )


def _require_text(head: bytes) -> None:
    for mark, what in _KNOWN_BINARY.items():
        if head.startswith(mark):
            raise ValueError(f"this is {what}")
    line = head.split(b"\n", 1)[0]
    if any(byte < 32 and byte not in b"\t\r\f\v" for byte in line):
        raise ValueError(f"this is of no known format, it begins with {head[:8]!r}")


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(COMMENTS)


def _is_row(line: str, separator: str | None) -> bool:
    """Whether a line holds at least two numbers and is not a comment."""
    if _is_comment(line):
        return False
    for candidate in [separator] if separator else SEPARATORS:
        point = "." if candidate == "," else ","
        if (
            sum(
                text.number(value, point) == text.number(value, point)
                for value in text.fields(line, candidate)
            )
            > 1
        ):
            return True
    return False


def _separator(headings: Sequence[str], rows: Sequence[str]) -> str:
    """The separator of columns: the one that divides rows like the header, or else into the most columns."""
    for width in (len(headings), 0):
        for candidate in SEPARATORS:
            widths = [len(text.fields(line, candidate)) for line in rows[:5]]
            if any(found > 1 and (found == width or not width) for found in widths):
                return candidate
    return ","


def titles(line: str, separator: str) -> list[str]:
    """The headings in a line; a unit after a blank belongs to the heading before it."""
    values = text.fields(line.strip(" \r"), separator)
    while values and not values[-1]:
        values.pop()
    if separator != BLANK:
        return values
    joined: list[str] = []
    for value in values:
        if joined and value[:1] in "[(":
            joined[-1] += f" {value}"
        else:
            joined.append(value)
    return joined


def _header(
    lines: list[str], first: int, separator: str | None, is_header: Callable[[Sequence[str]], bool]
) -> tuple[int | None, list[str], str]:
    """Find the header line, its headings, and the separator between them."""
    candidates = [separator] if separator else list(SEPARATORS)
    for index, line in enumerate(lines):
        for headings, candidate in zip(_readings(line, candidates), candidates, strict=False):
            if is_header(headings):
                return index, headings, candidate
    plain = [index for index, line in enumerate(lines[:first]) if line.strip() and not _is_comment(line)]
    if not plain or _SEP_LINE.fullmatch(lines[plain[-1]].strip()):
        return None, [], ","
    header = plain[-1] if first < len(lines) else plain[0]  # the line above the rows, if there are any
    best = max(candidates, key=lambda candidate: len(titles(lines[header], candidate)))
    return header, titles(lines[header], best), best


def _readings(line: str, separators: Sequence[str]) -> list[list[str]]:
    """The possible headings in a line, for each separator."""
    if fields := [dict(_XML_SAYS.findall(field)) for field in _XML_FIELD.findall(line)]:
        return [[f"{said.get('identifier', '')} [{said.get('unit', '')}]" for said in fields]]
    bare = line.lstrip().lstrip("#%/ \t") if _is_comment(line) else line
    return [titles(bare, separator) for separator in separators]


def _point(rows: Sequence[Sequence[str]]) -> str:
    """The decimal point of a sample: a comma if numbers have commas and use points for thousands only."""
    values = [value for row in rows for value in row]
    if any(map(_THOUSANDS.fullmatch, values)):
        return ","
    commas = any(map(_DECIMAL_COMMA.fullmatch, values))
    points = any(
        "." in value and text.number(value) == text.number(value) and not text.GROUPED.fullmatch(value)
        for value in values
    )
    return "," if commas and not points else "."
