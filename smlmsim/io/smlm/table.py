"""The tables of a ``.smlm`` file: packed records, or text."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import columns as table_columns
from smlmsim.io import dialects, text
from smlmsim.io.columns import Columns
from smlmsim.io.flaws import Flaws
from smlmsim.io.headings import split
from smlmsim.io.meaning import Meaning, understood
from smlmsim.io.reading import Reading
from smlmsim.io.smlm.archive import member, pieces
from smlmsim.io.smlm.manifest import Entry, Manifest, TableFormat, table_format

HEADINGS = {
    "loc_frame": "frame",
    "loc_x": "x",
    "loc_y": "y",
    "loc_z": "z",
    "loc_sigma": "sigma",
    "loc_sigma_x": "sigma_x",
    "loc_sigma_y": "sigma_y",
    "loc_intensity": "intensity",
    "loc_background": "background",
    "loc_uncertainty": "uncertainty_xy",
    "loc_uncertainty_x": "uncertainty_x",
    "loc_uncertainty_y": "uncertainty_y",
    "loc_uncertainty_z": "uncertainty_z_nm",
}
"""Headers of the columns that are written."""
LONGEST_LINE = 2**20
"""Bytes of a line, 1 MiB; a longer one is damage."""


class _Piece(NamedTuple):
    """A piece of rows: the columns, the number of each row, and which rows are not valid."""

    columns: dict[str, npt.NDArray[Any]]
    places: npt.NDArray[np.int64]
    misfits: npt.NDArray[np.bool_] | None


class Table(NamedTuple):
    """A table of an archive."""

    archive: zipfile.ZipFile
    entry: Entry
    format: TableFormat
    headers: list[str]
    meaning: Meaning

    @classmethod
    def of(
        cls,
        archive: zipfile.ZipFile,
        manifest: Manifest,
        entry: Entry,
        reading: Reading = Reading(),
        pixel_nm: float | None = None,
    ) -> Table:
        """Find the layout of a table and the meaning of its columns.

        Parameters
        ----------
        archive, manifest, entry :
            The table.
        reading : Reading
            Units and columns where the file does not state them.
        pixel_nm : float, optional
            Size of a camera pixel, for columns in pixels.
        """
        form = table_format(manifest, entry)
        headers = _headers(archive, entry, form)
        return cls(archive, entry, form, headers, _meaning(entry, form, headers, reading, pixel_nm))

    def chunks(
        self, rows: int, flaws: Flaws, *, others: bool = False
    ) -> Iterator[tuple[Columns, list[xr.Variable]]]:
        """Read the table in pieces.

        Parameters
        ----------
        rows : int
            Largest number of localizations in a piece.
        flaws : Flaws
            Counts unusable rows and values.
        others : bool
            Whether to also read the other columns of packed records.

        Yields
        ------
        dict of str to array (localization,)
            Known columns, by their names in the vocabulary, in its units.
        list of Variable (localization,)
            The other columns.

        Raises
        ------
        ValueError
            If the table does not match the manifest.
        """
        more = self.others() if others else []
        read = 0
        for piece in self._binary(rows) if self.format.mode == "binary" else self._text(rows):
            read += piece.places.size
            known = {
                variable: self._shifted(column.heading, piece.columns)
                for variable, column in self.meaning.columns.items()
            }
            kept = self._kept(known, piece, flaws)
            if not flaws.refused and kept.any():
                yield (
                    {name: self._values(name, found, piece, kept, flaws) for name, found in known.items()},
                    [
                        table_columns.other(name, self.format.unit(name), piece.columns[name][kept])
                        for name in more
                    ],
                )
        if self.entry.rows not in (None, read):
            raise ValueError(f"{self.entry.name!r} holds {read} rows, {self.entry.rows} are announced")

    def others(self) -> list[str]:
        """The headers of unknown packed columns with one number per row."""
        known = {column.heading for column in self.meaning.columns.values()}
        if self.format.mode != "binary":
            return []
        return [header for header in _scalars(self.format, self.headers) if header and header not in known]

    def unread(self) -> list[str]:
        """The headers of all other columns: unknown ones of a text, except row numbers, and vectors."""
        read = {*(column.heading for column in self.meaning.columns.values()), *self.others()}
        rest = [header for header in self.headers if header and header not in read]
        return [name for name in rest if self.format.mode == "binary" or "id" not in split(name).names]

    def raw(self, *headers: str) -> list[npt.NDArray[Any]]:
        """Complete columns as they are stored."""
        read = [[piece.columns[header] for header in headers] for piece in self._binary(table_columns.ROWS)]
        return [np.concatenate(parts) for parts in zip(*read, strict=True)]

    def _offset(self, header: str) -> float:
        """The offset to be added to a column, in its own unit."""
        said = self.entry.offset or {}
        by_header = said if isinstance(said, Mapping) else dict(zip(self.format.headers, said, strict=False))
        return by_header.get(header, 0.0)

    def _shifted(self, header: str, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        offset = self._offset(header)
        return columns[header] + np.float64(offset) if offset else columns[header]

    def _kept(
        self, known: Mapping[str, npt.NDArray[Any]], piece: _Piece, flaws: Flaws
    ) -> npt.NDArray[np.bool_]:
        """Which rows have everything that a localization needs."""

        def place(row: int, name: str | None) -> str:
            where = f"in row {piece.places[row]} of {self.entry.name!r}"
            if name is None:
                return f"{where}, which does not hold {len(self.headers)} values"
            return f"{where}: found {known[name][row]:g} in the column {self.meaning.columns[name].heading!r}"

        return table_columns.complete(known, flaws, place, piece.misfits)

    def _values(
        self,
        variable: str,
        found: npt.NDArray[Any],
        piece: _Piece,
        kept: npt.NDArray[np.bool_],
        flaws: Flaws,
    ) -> npt.NDArray[Any]:
        places = piece.places[kept]
        column = self.meaning.columns[variable]

        def place(row: int) -> str:
            return f"in row {places[row]} of {self.entry.name!r}"

        return table_columns.values(variable, found[kept], column.factor, place, flaws, column.heading)

    def _binary(self, rows: int) -> Iterator[_Piece]:
        record = self.format.record()
        info = member(self.archive, self.entry.name)
        whole, rest = divmod(info.file_size, record.itemsize)
        if rest or self.entry.rows not in (None, whole):
            announced = "whole" if self.entry.rows is None else self.entry.rows
            raise ValueError(
                f"{self.entry.name!r} is {info.file_size} bytes long; "
                f"{announced} rows of {record.itemsize} bytes are announced"
            )
        with self.archive.open(info) as file:
            read = 0
            for piece in pieces(file, min(rows * record.itemsize, max(info.file_size, 1))):
                records = np.frombuffer(piece, record)
                fields = (records[name].reshape(records.size, -1)[:, 0] for name in record.names or ())
                yield _Piece(
                    dict(zip(self.format.headers, fields, strict=True)),
                    np.arange(read, read + records.size),
                    None,
                )
                read += records.size

    def _text(self, rows: int) -> Iterator[_Piece]:
        columns = self.meaning.columns
        comments = (self.format.comments,) if self.format.comments else ()
        style = text.Style(len(self.headers), self.format.delimiter, comments=comments)
        parser = text.Parser(style, [column.place for column in columns.values()], first=0)
        headings = [column.heading for column in columns.values()]
        with self.archive.open(member(self.archive, self.entry.name)) as file:
            for _ in range(self.format.header_row + 1):
                file.readline(LONGEST_LINE)
            for lines in parser.lines(file, rows=rows):
                yield _Piece(
                    dict(zip(headings, lines.values, strict=True)), lines.numbers, parser.misfits(lines)
                )


def _headers(archive: zipfile.ZipFile, entry: Entry, form: TableFormat) -> list[str]:
    """The headers of the columns, from the manifest or from the header line of a text."""
    if form.mode == "text" and (len(form.delimiter) != 1 or len(form.comments or "") > 1):
        raise ValueError("a text table has a delimiter, and at most a sign for comments, of one character")
    if form.headers or form.mode == "binary":
        return form.headers
    if form.header_row < 0:
        raise ValueError(f"the format {entry.format!r} names no columns")
    with archive.open(member(archive, entry.name)) as file:
        for _ in range(form.header_row):
            file.readline(LONGEST_LINE)
        line = file.readline(LONGEST_LINE).decode("utf-8-sig", errors="replace")
    names = [name.strip().strip('"') for name in line.strip().split(form.delimiter)]
    renamed = form.header_transform
    return [str(renamed.get(name, name)) for name in names] if isinstance(renamed, Mapping) else names


def _scalars(form: TableFormat, headers: list[str]) -> list[str]:
    """The headers of columns with one number per row, and "" for all others."""
    if form.mode != "binary":
        return headers
    record = form.record()
    return [header if math.prod(record[j].shape) == 1 else "" for j, header in enumerate(headers)]


def _x_says(headers: list[str], units: list[str]) -> bool:
    """Whether the column x has a unit; a given pixel is then not used for columns without one."""
    names = set(dialects.ANY().synonyms("loc_x"))
    return any(
        (unit or any(split(header).units)) and not names.isdisjoint(split(header).names)
        for header, unit in zip(headers, units, strict=True)
    )


def _meaning(
    entry: Entry, form: TableFormat, headers: list[str], reading: Reading, pixel_nm: float | None
) -> Meaning:
    """The meaning of the columns; in this format, lengths without a unit are in nm."""
    scalars = _scalars(form, headers)
    units = [form.said_unit(header) for header in headers]
    in_pixels = reading.camera_pixel_nm is not None and not _x_says(scalars, units)
    try:
        return understood(
            scalars,
            dialects.ANY(),
            reading.columns,
            units=units,
            pixel_nm=pixel_nm,
            in_pixels=in_pixels,
            length_unit="" if in_pixels else "nm",
        )
    except ValueError as error:
        for header, scalar in zip(headers, scalars, strict=True):
            if not scalar and header:
                shape = form.record()[headers.index(header)].shape
                raise ValueError(f"the column {header!r} holds {shape} values a row, not one") from None
        raise ValueError(f"{entry.name!r}: {error}") from None
