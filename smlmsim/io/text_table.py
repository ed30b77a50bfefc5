"""Localization tables as text of any dialect: columns of numbers below a header.

Columns may be in any order, separated by tabs, semicolons, commas, bars or blanks, with decimal points or commas. Files
may be in UTF-8, UTF-16 or UTF-32, and compressed by gzip; the micro sign of older encodings is understood. The dialect
of the table (``dialects.toml``) gives the meaning of the columns. Coordinates without a unit are in nm, or in camera
pixels if their size is given; widths and precisions without a unit are in pixels if the coordinates are, and in nm
otherwise. Assumptions are logged. The time of a localization is not in the file.

Metadata may be stored next to a table as JSON: ``table.csv.json`` belongs to ``table.csv``.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import columns as table_columns
from smlmsim.io import dialects, layout, text
from smlmsim.io.channels import Channels
from smlmsim.io.columns import LEFT_OUT, PIXEL
from smlmsim.io.decoding import Source
from smlmsim.io.dialects import Dialect
from smlmsim.io.flaws import Flaws
from smlmsim.io.headings import named, split
from smlmsim.io.layout import Layout
from smlmsim.io.meaning import Column, Meaning, understood
from smlmsim.io.metadata import Metadata, read_json
from smlmsim.io.reading import NOTES, Reading
from smlmsim.io.thunderstorm import FIRST_FRAME, beside, write

__all__ = ["FIRST_FRAME", "chunks", "format_name", "write"]


class _Opened(NamedTuple):
    """A file after reading its beginning, and what was found there."""

    source: Source
    layout: Layout
    dialect: Dialect


def format_name(path: str | Path) -> str:
    """Return the name of the dialect of a table.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    with _opened(path, Reading()) as found:
        return found.dialect.name if "text" in found.dialect.name else f"{found.dialect.name} text"


@contextlib.contextmanager
def _opened(path: str | Path, reading: Reading) -> Iterator[_Opened]:
    """Open a table and read its beginning; any fault, now or later, is raised as a ValueError."""
    asked = reading.columns.model_dump().values()
    given = {heading for heading in asked if heading is not None and not heading.isdecimal()}

    def is_header(headings: Any) -> bool:
        return dialects.is_header(headings) or len(given & set(headings)) > 1

    with open(path, "rb") as file:
        try:
            source = Source(file, Path(path).stat().st_size)
            found = layout.found(source, is_header)
            yield _Opened(source, found, dialects.recognised(found))
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path}: {error}") from None


def chunks(path: Path, reading: Reading, *, rows: int, others: bool) -> Iterator[xr.Dataset]:
    """Read the pieces of a table, as :class:`~smlmsim.io.formats.TableModule` says."""
    with _opened(path, reading) as (source, found, dialect):
        meaning, metadata = _understood(found, dialect, reading, read_json(beside(path)))
        first_frame = dialect.first_frame if metadata.first_frame is None else metadata.first_frame
        notes = [f"read as {dialect.name}"] if meaning.notes and dialect.headings else []
        notes.extend(meaning.notes)
        notes.extend(["the decimal point is a comma"] if found.point == "," else [])
        table = _Table(found, dialect, meaning, Flaws(str(path), drop_bad_rows=reading.drop_bad_rows), others)
        if others and table.texts:
            notes.append(f"columns of text are left out: {', '.join(map(repr, table.texts))}")
        attrs = metadata.tree() | {NOTES: notes} | ({LEFT_OUT: table.texts} if others and table.texts else {})
        empty = True
        for piece, channels in table.pieces(source, rows, metadata.channels):
            empty = False
            said = {"channels": list(channels)} if channels else {}
            yield piece.assign_attrs(attrs | said | _first(first_frame, piece))
        table.flaws.require_rows()
        if empty:
            raise ValueError("a header, but no localizations" if found.headings else "no localizations")
        table.flaws.say()


def _first(first_frame: int | None, piece: xr.Dataset) -> dict[str, int]:
    """The first frame of the dialect as an attribute, unless the table contradicts it."""
    if first_frame is None or "loc_frame" not in piece:
        return {}
    return {"first_frame": first_frame}


def _understood(
    found: Layout, dialect: Dialect, reading: Reading, metadata: Metadata
) -> tuple[Meaning, Metadata]:
    """The meaning of the columns, and the metadata."""
    comments = f"{found.comments}\n{found.header}"
    said = dialect.said(comments)
    headings = found.headings or ("",) * found.width
    sides = text.numbers_in(said.get("camera_pixel_nm", ""))
    notes = _of_pixel(sides, reading.camera_pixel_nm or metadata.camera_pixel_nm, headings, said)
    camera = {"camera_pixel_nm": sides[0] if sides and not notes else None, "exposure_s": _exposure_s(said)}
    known = {name: value for name, value in camera.items() if value and getattr(metadata, name) is None}
    metadata = metadata.replace(dict[str, Any](known))
    if not found.headings and None in (reading.columns.x, reading.columns.y):
        if not found.rows:
            raise ValueError("there are no localizations in it")
        first = ", ".join(found.rows[0][:10])
        raise ValueError(
            f"there is no header with x and y, the first line holds {first}; "
            "say which columns they are, counted from 1, as in columns=frame=1,x=2,y=3"
        )
    meaning = understood(
        headings,
        dialect,
        reading.columns,
        units=_units(found, dialect),
        pixel_nm=reading.camera_pixel_nm or metadata.camera_pixel_nm,
        in_pixels=reading.camera_pixel_nm is not None,
        length_unit=said.get("length_unit", ""),
    )
    return Meaning(meaning.columns, [*meaning.notes, *notes]), metadata


def _exposure_s(said: Mapping[str, str]) -> float | None:
    """The duration of a camera frame, if the comments state it."""
    for name, per_s in (("exposure_s", 1), ("exposure_ms", 1000)):
        for found in text.numbers_in(said.get(name, "")):
            return found / per_s
    return None


def _of_pixel(
    sides: Sequence[float], known_nm: float | None, headings: Sequence[str], said: Mapping[str, str]
) -> list[str]:
    """Notes on a camera pixel that is not square, which is refused if coordinates are in pixels."""
    if len({f"{side:g}" for side in sides}) < 2:
        return []
    size = f"the camera pixel is {' by '.join(f'{side:g}' for side in sides)} nm along x and y"
    if known_nm is not None:
        return [f"{size}, but camera_pixel_nm={known_nm:g} goes before that"]
    units = {said.get("length_unit", ""), *(unit for heading in headings for unit in split(heading).units)}
    if any(unit.casefold() in PIXEL for unit in units):
        raise ValueError(
            f"{size}, and only square pixels are read; write the positions in nm, "
            f"or give camera_pixel_nm={sides[0]:g} to use that along both"
        )
    return [f"{size} and is not kept, since only square ones are"]


def _units(found: Layout, dialect: Dialect) -> list[str]:
    """The units in the last line of a header of several lines."""
    if dialect.header_lines == 1:
        return []
    lines = found.rest.split(b"\n", dialect.header_lines)[: dialect.header_lines - 1]
    for line in reversed(lines):
        values = text.fields(line.decode("utf-8", errors="replace").strip(), found.separator)
        if any(value[:1] in ("(", "[") for value in values) and len(values) <= found.width:
            return [*values, *[""] * (found.width - len(values))]
    return []


class _Table:
    """The rows of a table and their meaning."""

    def __init__(self, found: Layout, dialect: Dialect, meaning: Meaning, flaws: Flaws, others: bool) -> None:
        self.layout = found
        self.dialect = dialect
        self.columns = meaning.columns
        self.flaws = flaws
        rest = self._rest() if others else []
        self.more = [column for column in rest if found.numeric(column.place)]
        self.texts = [column.heading for column in rest if not found.numeric(column.place)]

    def _rest(self) -> list[Column]:
        """The unknown columns, except row numbers."""
        taken = {column.place for column in self.columns.values()}
        return [
            Column(place, heading, 1.0)
            for place, heading in enumerate(self.layout.headings)
            if place not in taken and heading and "id" not in split(heading).names
        ]

    def pieces(
        self, source: Source, rows: int, channels: tuple[str, ...]
    ) -> Iterator[tuple[xr.Dataset, tuple[str, ...]]]:
        """Read the rows in pieces, each with the names of its channels."""
        places = [column.place for column in (*self.columns.values(), *self.more)]
        style = self.layout.style(tail=self.dialect.tail)
        head, first = self._below_header(), self.layout.first_line + self.dialect.header_lines - 1
        parser = text.Parser(style, places, first=first)
        names = self._channels(channels)
        for lines in parser.lines(source, rows=rows, head=head):
            values = dict(zip(self.columns, lines.values, strict=False))
            if names is not None:
                values["loc_channel"] = names.numbers(
                    values["loc_channel"], self._written("loc_channel", lines)
                )
            kept = self._kept(values, parser.misfits(lines), lines)
            if self.flaws.refused or not kept.any():
                continue
            yield self._piece(values, lines, kept), names.known if names is not None else channels
        if parser.tail_from is not None:
            self.flaws.note(f"line {parser.tail_from} and those behind it are no rows and are passed over")

    def _below_header(self) -> bytes:
        rest = self.layout.rest
        for _ in range(self.dialect.header_lines - 1):
            rest = rest.partition(b"\n")[2]
        return rest

    def _channels(self, known: tuple[str, ...]) -> Channels | None:
        """The names of the channels, if they are named rather than numbered."""
        column = self.columns.get("loc_channel")
        if column is None or known:
            return None
        values = [row[column.place] for row in self.layout.rows if column.place < len(row)]
        return Channels() if Channels.are_names(values) else None

    def _written(self, variable: str, lines: text.Lines) -> list[str] | None:
        """The values of a column as written, if they are not all plain numbers."""
        place = self.columns[variable].place
        return (
            [row[place].strip() if place < len(row) else "" for row in lines.found] if lines.found else None
        )

    def _kept(
        self, values: dict[str, npt.NDArray[np.float64]], misfits: npt.NDArray[np.bool_], lines: text.Lines
    ) -> npt.NDArray[np.bool_]:
        """Which rows have everything that a localization needs."""

        def place(row: int, name: str | None) -> str:
            line = f"in line {lines.numbers[row]}"
            if name is None:
                return f"{line}, which holds {len(lines.found[row])} values where the header names {self.layout.width}"
            written = self._written(name, lines)
            found = repr(written[row][:40]) if written else f"{values[name][row]:g}"
            why = self.layout.odd(written[row]) if written else ""
            return f"{line}: found {found} in the column {self._called(name)}{why}"

        return table_columns.complete(values, self.flaws, place, misfits)

    def _called(self, name: str) -> str:
        column = self.columns[name]
        return repr(column.heading) if column.heading else str(column.place + 1)

    def _piece(
        self, values: dict[str, npt.NDArray[np.float64]], lines: text.Lines, kept: npt.NDArray[np.bool_]
    ) -> xr.Dataset:
        """Make the dataset of parsed lines."""
        everything = bool(kept.all())
        numbers = lines.numbers if everything else lines.numbers[kept]

        def place(row: int) -> str:
            return f"in line {numbers[row]}"

        made = {
            name: table_columns.values(
                name,
                found if everything else found[kept],
                self.columns[name].factor,
                place,
                self.flaws,
                self.columns[name].heading,
            )
            for name, found in values.items()
        }
        rest = [
            table_columns.other(*named(column.heading), found if everything else found[kept])
            for column, found in zip(self.more, lines.values[len(self.columns) :], strict=True)
        ]
        return table_columns.dataset(made, {}, rest)
