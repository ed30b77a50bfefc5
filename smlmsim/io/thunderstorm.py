"""Localization tables as ThunderSTORM writes them: CSV with the units in the header.

Metadata have no place in such a file. They lie beside it as JSON: ``table.csv`` has ``table.csv.json``.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlmsim import schema
from smlmsim.io import columns as table_columns
from smlmsim.io import text
from smlmsim.io.atomic import replacing
from smlmsim.io.columns import LARGEST, REQUIRED, ROWS
from smlmsim.io.metadata import Metadata, read_json
from smlmsim.io.reading import Reading, counted

HEADINGS = {
    "loc_frame": ("frame",),
    "loc_x": ("x",),
    "loc_y": ("y",),
    "loc_z": ("z",),
    "loc_sigma": ("sigma",),
    "loc_sigma_x": ("sigma1", "sigma_x"),
    "loc_sigma_y": ("sigma2", "sigma_y"),
    "loc_intensity": ("intensity",),
    "loc_background": ("offset",),
    "loc_uncertainty": ("uncertainty_xy", "uncertainty"),
    "loc_uncertainty_x": ("uncertainty_x",),
    "loc_uncertainty_y": ("uncertainty_y",),
    "loc_uncertainty_z": ("uncertainty_z",),
    "loc_channel": ("channel",),
}
FIRST_FRAME = 1  # as ThunderSTORM counts
LONGEST_HEADER = 2**20
MOST_COLUMNS = 1000


class Column(NamedTuple):
    """A column of interest: where it stands, what the header calls it, its factor to our unit."""

    place: int
    heading: str
    factor: float


def read(path: str | Path, reading: Reading = Reading(), *, others: bool = False) -> xr.Dataset:
    """Read a localization table.

    The columns may stand in any order. A length without a unit is in nm. The time of a localization is not in the file.

    Parameters
    ----------
    path : str or Path
        Text in UTF-8; the micro sign of older encodings is understood.
    reading : Reading
        How the table is to be understood where the file does not say.
    others : bool
        Whether to read the columns that are not known, too: all but ``id`` and those that begin with a text.

    Returns
    -------
    xr.Dataset
        ``loc_frame`` (counted from 0; a file counts from 1, unless it has a frame 0), ``loc_y``, ``loc_x`` and,
        where the file has them, the other variables of ``HEADINGS``, all (localization,), sorted by frame;
        those of one frame stay in the order of the file. The attributes are the
        :class:`~smlmsim.io.metadata.Metadata` that lie beside it.

    Raises
    ------
    ValueError
        If frame, x or y are missing, a unit is not known, the table is empty or ragged, a value is text, NaN
        or infinite, a frame is not a whole number from 1, or an uncertainty is negative; the message names
        the file and, where there is one, the line.
    OSError
        If there is no such file, or it may not be read.
    """
    return table_columns.gathered(chunks(path, reading, others=others))


def chunks(
    path: str | Path, reading: Reading = Reading(), *, rows: int = ROWS, others: bool = False
) -> Iterator[xr.Dataset]:
    """Read a localization table piece by piece, in the order of the file.

    Parameters
    ----------
    path, reading, others :
        As in :func:`read`.
    rows : int
        The most lines to hold at a time.

    Yields
    ------
    xr.Dataset
        As from :func:`read`, but not sorted.

    Raises
    ------
    ValueError, OSError
        As :func:`read`, when the piece is reached.
    """
    return counted(_chunks(path, reading, rows, others), reading.first_frame, FIRST_FRAME, str(path))


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write the localizations of a dataset as a table, and its metadata, if any, beside it.

    What has no place in ``HEADINGS`` is left out, such as the time of a localization, but for columns from other files.
    Frames are counted from the attribute ``first_frame``, or from 1.

    Parameters
    ----------
    data : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` and any other variable of ``HEADINGS``; columns read as ``others``.
    path : str or Path
        The file to make or replace.

    Raises
    ------
    smlmsim.schema.SchemaError
        If frames or positions are missing, or a value is NaN or infinite.
    OSError
        If the file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    found = table_columns.written(data, HEADINGS, *REQUIRED)
    metadata = Metadata.of(data)
    first_frame = FIRST_FRAME if metadata.first_frame is None else metadata.first_frame
    table = pd.DataFrame({"id": np.arange(1, data.sizes["localization"] + 1)})
    for name, values in found.items():
        table[_heading(HEADINGS[name][0], schema.VOCABULARY[name].units)] = values
    for heading, column in table_columns.others(data).items():
        table[_heading(heading, column.attrs["units"])] = column.values
    table["frame"] = table["frame"].astype(np.int64) + first_frame
    with replacing(path) as draft:
        table.to_csv(draft, index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    _write_beside(metadata.replace({"first_frame": None}) if first_frame == FIRST_FRAME else metadata, path)


def _chunks(path: str | Path, reading: Reading, rows: int, others: bool) -> Iterator[xr.Dataset]:
    """The pieces of a table, frames as in the file."""
    try:
        metadata = read_json(_beside(path))
        pixel_nm = reading.camera_pixel_nm or metadata.camera_pixel_nm
        for found, more, lines in _parsed(path, rows, pixel_nm, others):
            pairs = zip(found.items(), lines.values[: len(found)], strict=True)
            values = {name: _values(name, column, array, lines) for (name, column), array in pairs}
            rest = [
                table_columns.other(*_split(column.heading, str), array)
                for column, array in zip(more, lines.values[len(found) :], strict=True)
            ]
            yield table_columns.dataset(values, metadata.tree(), rest)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from None


def _heading(name: str, units: str) -> str:
    return name + (f" [{units}]" if units != "1" else "")


def _beside(path: str | Path) -> Path:
    """Where the metadata of a table lie."""
    return Path(path).with_name(f"{Path(path).name}.json")


def _write_beside(metadata: Metadata, path: str | Path) -> None:
    """Put metadata beside a table; older ones, which no longer are about it, go."""
    tree = metadata.tree()
    if not tree:
        _beside(path).unlink(missing_ok=True)
        return
    with replacing(_beside(path)) as draft:
        draft.write_text(json.dumps(tree, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _parsed(
    path: str | Path, rows: int, pixel_nm: float | None, others: bool
) -> Iterator[tuple[dict[str, Column], list[Column], text.Lines]]:
    """Find the columns, the known and the others, and parse the lines below the header, the values in that order."""
    with open(path, "rb") as file:
        header = re.split(rb"[\r\n]", file.readline(LONGEST_HEADER), maxsplit=1)[0]
        headings = next(csv.reader([header.decode("utf-8-sig", errors="replace")]), [])
        columns = _columns(headings, pixel_nm)
        more = _others(path, headings, columns) if others else []
        width, places = len(headings), [column.place for column in (*columns.values(), *more)]
        empty = True
        file.seek(len(header))
        file.seek(len(header) + _line_end(file.read(2)))
        try:
            for lines in text.lines(file, width, places, rows=rows, first=2):
                if not (np.abs(lines.values[: len(columns)]) <= LARGEST).all():
                    _inspect(path, width, columns)
                empty = empty and lines.numbers.size == 0
                yield columns, more, lines
        except ValueError:
            _inspect(path, width, columns)
            raise
    if empty:
        raise ValueError("a header, but no localizations")


def _line_end(following: bytes) -> int:
    """How many bytes end a line."""
    return 2 if following == b"\r\n" else len(following[:1])


def _open(path: str | Path) -> TextIO:
    return open(path, encoding="utf-8-sig", errors="replace")


def _columns(headings: list[str], pixel_nm: float | None) -> dict[str, Column]:
    """Find the columns of interest by their headings, which read ``name [unit]``."""
    if len(headings) > MOST_COLUMNS:
        raise ValueError(
            f"the first line names {len(headings)} columns; no table has more than {MOST_COLUMNS}"
        )
    columns: dict[str, Column] = {}
    variables = {known: variable for variable, names in HEADINGS.items() for known in names}
    for place, heading in enumerate(headings):
        name, unit = _split(heading)
        variable = variables.get(name)
        if variable is None:
            continue
        if variable in columns:
            raise ValueError(
                f"the columns {columns[variable].heading!r} and {heading!r} mean the same; keep one"
            )
        columns[variable] = Column(place, heading, table_columns.factor(variable, heading, unit, pixel_nm))
    if missing := [HEADINGS[variable][0] for variable in REQUIRED if variable not in columns]:
        found = ", ".join(repr(heading[:40]) for heading in headings[:20]) or "nothing"
        raise ValueError(f"no column {' nor '.join(missing)}; the first line names {found}")
    return columns


def _others(path: str | Path, headings: list[str], known: Mapping[str, Column]) -> list[Column]:
    """The columns that are not known and begin with a number or nothing."""
    taken = {column.place for column in known.values()}
    with _open(path) as file:
        rows = csv.reader(file)
        next(rows)
        first = next(rows, [])
    found = enumerate(zip(headings, first, strict=False))
    return [
        Column(place, heading, 1.0)
        for place, (heading, value) in found
        if place not in taken and heading.strip() and _split(heading)[0] != "id" and _is_number(value)
    ]


def _is_number(text: str) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


def _split(heading: str, named: Callable[[str], str] = str.lower) -> tuple[str, str]:
    """Split ``name [unit]`` into the name, by default in lower case, and the unit."""
    name, _, unit = heading.strip().partition("[")
    return named(name.strip()), unit.removesuffix("]").strip()


def _inspect(path: str | Path, width: int, columns: Mapping[str, Column]) -> None:
    """Go through a file line by line and say what is wrong with it, if anything."""
    unusable, first = 0, ""
    with _open(path) as file:
        rows = csv.reader(file)
        next(rows)
        for row in filter(any, rows):
            line = f"line {rows.line_num}"
            if len(row) < width or any(row[width:]):
                raise ValueError(f"{line} holds {len(row)} values, the first line names {width}")
            for column in columns.values():
                found = f"{row[column.place][:40]!r} in {line}, column {column.heading!r}"
                if not _is_finite(row[column.place], found):
                    unusable, first = unusable + 1, first or found
    if unusable:
        raise ValueError(f"{unusable} values are missing, NaN or infinite, the first {first}")


def _is_finite(text: str, found: str) -> bool:
    try:
        return abs(float(text or "nan")) <= LARGEST
    except ValueError:
        raise ValueError(f"found {found}, where a number should be") from None


def _values(
    name: str, column: Column, found: npt.NDArray[np.float64], lines: text.Lines
) -> npt.NDArray[np.generic]:
    """The values of a column in the vocabulary's unit, checked."""

    def place(row: int) -> str:
        return f"line {lines.numbers[row]}, column {column.heading!r}"

    return table_columns.values(name, found, column.factor, place)
