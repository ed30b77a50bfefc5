"""The tables of a ``.smlm`` file: packed records, or text."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import columns as table_columns
from smlmsim.io import text
from smlmsim.io.columns import Columns
from smlmsim.io.smlm.archive import member, pieces
from smlmsim.io.smlm.manifest import Entry, Manifest, TableFormat, table_format

HEADINGS = {
    "loc_frame": ("frame",),
    "loc_x": ("x",),
    "loc_y": ("y",),
    "loc_z": ("z",),
    "loc_sigma": ("sigma",),
    "loc_sigma_x": ("sigma_x",),
    "loc_sigma_y": ("sigma_y",),
    "loc_intensity": ("intensity", "photons"),
    "loc_background": ("background", "offset"),
    "loc_uncertainty": ("uncertainty_xy", "uncertainty", "uncertainty_xy_nm"),
    "loc_uncertainty_x": ("uncertainty_x",),
    "loc_uncertainty_y": ("uncertainty_y",),
    "loc_uncertainty_z": ("uncertainty_z_nm", "uncertainty_z"),
}
VARIABLES = {heading: variable for variable, names in HEADINGS.items() for heading in names}
LONGEST_LINE = 2**20


class Table(NamedTuple):
    """A table of an archive."""

    archive: zipfile.ZipFile
    entry: Entry
    format: TableFormat

    @classmethod
    def of(cls, archive: zipfile.ZipFile, manifest: Manifest, entry: Entry) -> Table:
        """Look up how a table is laid out."""
        return cls(archive, entry, table_format(manifest, entry))

    def chunks(
        self, rows: int, *, pixel_nm: float | None, offsets: bool, others: bool = False
    ) -> Iterator[tuple[Columns, list[xr.Variable]]]:
        """Read the table piece by piece.

        Parameters
        ----------
        rows : int
            The most localizations to hold at a time.
        pixel_nm : float or None
            The size of a camera pixel, for columns in pixels.
        offsets : bool
            Add the offset of each column.
        others : bool
            Read the other columns of packed records, too.

        Yields
        ------
        dict of str to array (localization,)
            What ``HEADINGS`` knows, by its name in the vocabulary, in the units of the vocabulary.
        list of Variable (localization,)
            The other columns.

        Raises
        ------
        ValueError
            If the table is not what the manifest says, or a value cannot be used.
        """
        wanted = self._wanted(pixel_nm)
        more = self.others(pixel_nm) if others else []
        read = 0
        for records in self._binary(rows) if self.format.mode == "binary" else self._text(rows):
            known = {
                variable: self._values(variable, header, records[header], scale, read, offsets)
                for variable, (header, scale) in wanted.items()
            }
            yield known, [table_columns.other(name, self.format.unit(name), records[name]) for name in more]
            read += len(next(iter(records.values())))
        if self.entry.rows not in (None, read):
            raise ValueError(f"{self.entry.name!r} holds {read} rows, {self.entry.rows} are announced")

    def variables(self, pixel_nm: float | None) -> set[str]:
        """What of ``HEADINGS`` the table has."""
        return set(self._wanted(pixel_nm))

    def others(self, pixel_nm: float | None) -> list[str]:
        """The headers of the packed columns, one number a row, that ``HEADINGS`` does not have."""
        known = {header for header, _ in self._wanted(pixel_nm).values()}
        if self.format.mode != "binary":
            return []
        record = self.format.record()
        single = {header for j, header in enumerate(self._headers()) if math.prod(record[j].shape) == 1}
        return [header for header in self._headers() if header in single - known]

    def raw(self, *headers: str) -> list[npt.NDArray[Any]]:
        """Some columns as they are stored, whole."""
        read = [[records[header] for header in headers] for records in self._binary(table_columns.ROWS)]
        return [np.concatenate(parts) for parts in zip(*read, strict=True)]

    def _wanted(self, pixel_nm: float | None) -> dict[str, tuple[str, float]]:
        """The header and the factor of each column that is known."""
        found: dict[str, tuple[str, float]] = {}
        for header in self._headers():
            variable = VARIABLES.get(header.strip().lower())
            if variable is None:
                continue
            if variable in found:
                raise ValueError(f"the columns {found[variable][0]!r} and {header!r} mean the same; keep one")
            self._require_scalar(header)
            unit = self.format.unit(header)
            found[variable] = header, table_columns.factor(variable, header, unit, pixel_nm)
        if not {"loc_x", "loc_y"} <= found.keys():
            raise ValueError(f"{self.entry.name!r} has the columns {self._headers()!r}, not x and y")
        return found

    def _require_scalar(self, header: str) -> None:
        if self.format.mode == "binary":
            record = self.format.record()
            shape = record[self.format.headers.index(header)].shape
            if math.prod(shape) != 1:
                raise ValueError(f"the column {header!r} holds {shape} values a row, not one")

    def _offset(self, header: str) -> float:
        """What is to be added to a column, in its own unit."""
        said = self.entry.offset or {}
        by_header = said if isinstance(said, Mapping) else dict(zip(self.format.headers, said, strict=False))
        return by_header.get(header, 0.0)

    def _headers(self) -> list[str]:
        """The names of the columns: those of the manifest, or of the header line of a text."""
        if self.format.headers or self.format.mode == "binary":
            return self.format.headers
        if self.format.header_row < 0:
            raise ValueError(f"the format {self.entry.format!r} names no columns")
        with self.archive.open(member(self.archive, self.entry.name)) as file:
            for _ in range(self.format.header_row):
                file.readline(LONGEST_LINE)
            line = file.readline(LONGEST_LINE).decode("utf-8-sig", errors="replace")
        names = [name.strip().strip('"') for name in line.strip().split(self.format.delimiter)]
        renamed = self.format.header_transform
        return [str(renamed.get(name, name)) for name in names] if isinstance(renamed, Mapping) else names

    def _binary(self, rows: int) -> Iterator[dict[str, npt.NDArray[Any]]]:
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
            for piece in pieces(file, min(rows * record.itemsize, max(info.file_size, 1))):
                records = np.frombuffer(piece, record)
                fields = (records[name].reshape(records.size, -1)[:, 0] for name in record.names or ())
                yield dict(zip(self.format.headers, fields, strict=True))

    def _text(self, rows: int) -> Iterator[dict[str, npt.NDArray[Any]]]:
        if len(self.format.delimiter) != 1 or len(self.format.comments or "") > 1:
            raise ValueError(
                "a text table has a delimiter, and at most a sign for comments, of one character"
            )
        headers = self._headers()
        with self.archive.open(member(self.archive, self.entry.name)) as file:
            for _ in range(self.format.header_row + 1):
                file.readline(LONGEST_LINE)
            lines = io.TextIOWrapper(file, encoding="utf-8", errors="replace")
            form, width = self.format, len(headers)
            for found in text.tables(
                lines, width, rows=rows, delimiter=form.delimiter, comments=form.comments or None
            ):
                if found[width].notna().any():
                    raise ValueError(f"a line of {self.entry.name!r} holds more than {width} values")
                yield {header: found[j].to_numpy() for j, header in enumerate(headers)}

    def _values(
        self, variable: str, header: str, found: npt.NDArray[Any], scale: float, read: int, offsets: bool
    ) -> npt.NDArray[Any]:
        def place(row: int) -> str:
            return f"row {read + row} of {self.entry.name!r}, column {header!r}"

        if found.dtype.kind not in "iuf":
            raise ValueError(f"found text in {place(0)} or below, where numbers should be")
        offset = self._offset(header) if offsets else 0.0
        shifted = found + np.float64(offset) if offset else found
        return table_columns.values(variable, shifted, scale, place)
