"""The file formats: one table of what each holds, how it is recognised, and whether it is written."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import xarray as xr

from smlmsim.io.columns import ROWS
from smlmsim.io.raw_stack import Stack
from smlmsim.io.reading import Headings, Reading, counted

HEAD = 4096
"""Bytes from which a format is recognised: a header of a table fits."""


class TableModule(Protocol):
    """The interface of a module for a table format; a format that is also written has ``write(data, path)``."""

    FIRST_FRAME: int
    """Number of the first camera frame if a file does not state it: 0, or 1 unless a frame 0 occurs."""

    def chunks(self, path: Path, reading: Reading, *, rows: int, others: bool) -> Iterator[xr.Dataset]:
        """Read a file of the format in pieces, in its order, with frames numbered as in the file.

        Parameters
        ----------
        path : Path
        reading : Reading
            Units and columns where the file does not state them.
        rows : int
            Largest number of localizations in a piece.
        others : bool
            Whether to also read columns of numbers that are not in the vocabulary. The attribute ``left_out``
            then names the columns that are not read, if there are any.

        Yields
        ------
        xr.Dataset
            ``loc_y``, ``loc_x`` and other variables of the vocabulary, (localization,). The attributes are
            :class:`~smlmsim.io.metadata.Metadata`, and perhaps :data:`~smlmsim.io.reading.NOTES`.

        Raises
        ------
        ValueError
            If the file is damaged, if positions are in pixels of unknown size, or if a row has no usable position or
            frame; the message names the file.
        OSError
            If there is no such file, or it may not be read.
        """
        ...

    def write(self, data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
        """Write a file of the format."""
        ...


class ImageModule(Protocol):
    """The interface of a module for an image format."""

    def stack(self, path: str | Path) -> AbstractContextManager[Stack]:
        """Open a file of the format as camera frames, to be read piece by piece."""
        ...

    def read(
        self, path: str | Path, *, pixel_nm: float | None = None, point_s: float | None = None
    ) -> xr.Dataset:
        """Read a file of the format."""
        ...

    def write(self, data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
        """Write a file of the format."""
        ...


class Format(NamedTuple):
    """A format of files.

    Parameters
    ----------
    name : str
        Name of the format.
    module : str
        Module below ``smlmsim.io`` that reads and writes it. If several formats share a signature, the module has
        ``recognises(path)``; the last of them takes all other files.
    holds : str
        "table" or "images".
    signatures : tuple of bytes
        First bytes of its files; none for texts and folders.
    extensions : tuple of str
        Extensions of files that are written in it; none if it is only read.
    verified : str
        What reading and writing were checked against.
    """

    name: str
    module: str
    holds: str
    signatures: tuple[bytes, ...]
    extensions: tuple[str, ...]
    verified: str

    def chunks(
        self, path: str | Path, reading: Reading = Reading(), *, rows: int = ROWS, others: bool = False
    ) -> Iterator[xr.Dataset]:
        """Read a table in pieces, as its module does, but with frames counted from 0.

        Raises
        ------
        ValueError
            If headings are given for a format whose columns have fixed names, in addition to what its module raises.
        """
        if reading.columns != Headings() and not self.has_headings:
            raise ValueError(
                f"{path} is {self.name}, whose columns have fixed names; leave out columns=, or convert to text first"
            )
        found = self.table.chunks(Path(path), reading, rows=rows, others=others)
        return counted(found, reading.first_frame, self.table.FIRST_FRAME, str(path))

    @property
    def has_headings(self) -> bool:
        """Whether the columns have headings that whoever writes a file chooses."""
        return self.module == TEXT.module

    def _load(self) -> Any:
        return importlib.import_module(f"smlmsim.io.{self.module}")

    @property
    def table(self) -> TableModule:
        """The module of a format for tables."""
        return cast(TableModule, self._load())

    @property
    def images(self) -> ImageModule:
        """The module of a format for images."""
        return cast(ImageModule, self._load())

    def called(self, path: Path) -> str:
        """The name of the format of a file, including the dialect if there are several."""
        named = getattr(self._load(), "format_name", None)
        return str(named(path)) if named else self.name

    def recognises(self, path: Path) -> bool:
        """Whether a file with the signature of the format is of the format."""
        return bool(self._load().recognises(path))


HDF5 = (b"\x89HDF\r\n\x1a\n",)
MATLAB = (b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file")
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

WRITTEN_DIALECT = "ThunderSTORM"
TEXT = Format(
    "ThunderSTORM CSV", "text_table", "table", (), (".csv",), "tables of four laboratories, there and back"
)
SMLM = Format(".smlm", "smlm", "table", (b"PK",), (".smlm",), "files laid out as ShareLoc's, there and back")
OME_TIFF = Format(
    "OME-TIFF of camera frames", "frames", "images", (), (".ome.tif", ".ome.tiff"), "tifffile, there and back"
)
OME_ZARR = Format("OME-Zarr", "ome_zarr", "images", (), (".zarr",), "zarr, there and back")
FORMATS = (
    TEXT,
    SMLM,
    Format("DECODE HDF5", "decode", "table", HDF5, (), "files laid out by its documentation"),
    Format("storm-analysis HDF5", "storm_analysis", "table", HDF5, (), "files laid out by its documentation"),
    Format("Picasso HDF5", "picasso", "table", HDF5, (".hdf5", ".h5"), "Picasso 0.11 and pandas 3, there and back"),
    Format("SMAP _sml.mat", "smap", "table", MATLAB, (), "files of Picasso 0.11 and SciPy, and laid out as MATLAB's"),
    Format("Insight3 .bin", "insight3", "table", (b"M425",), (), "files laid out by its documentation"),
    Format("TIFF (OME, ImageJ, plain)", "tiff", "images", TIFF, (".tif", ".tiff"), "tifffile, there and back"),
    OME_TIFF,
    OME_ZARR,
)  # fmt: skip


class Row(NamedTuple):
    """One row of the overview: a format, or a dialect of one."""

    name: str
    holds: str
    written: str
    verified: str


def overview() -> list[Row]:
    """List for every format, and every dialect of text tables, what it holds and what it was checked against.

    ``written`` lists the extensions of files that are written in it.
    """
    from smlmsim.io.dialects import dialects

    rows = [
        Row(form.name, form.holds, ", ".join(form.extensions), form.verified)
        for form in FORMATS
        if form is not TEXT
    ]
    texts = {
        dialect.name: Row(
            dialect.name,
            TEXT.holds,
            ", ".join(TEXT.extensions) if dialect.name == WRITTEN_DIALECT else "",
            dialect.verified,
        )
        for dialect in dialects()
    }
    return [*texts.values(), *rows]


def extensions() -> dict[str, Format]:
    """The writable formats, by file extension."""
    return {extension: form for form in FORMATS for extension in form.extensions}


def recognised(path: str | Path) -> Format:
    """Recognise the format of a file by its first bytes; a folder is OME-Zarr, and any text is a table.

    Raises
    ------
    ValueError
        If the file is of no known format.
    OSError
        If there is no such file, or it may not be read.
    """
    if Path(path).is_dir():
        return OME_ZARR
    with open(path, "rb") as file:
        head = file.read(HEAD)
    fitting = [form for form in FORMATS if head.startswith(form.signatures or (b"\0" * HEAD,))]
    if fitting:
        return next((form for form in fitting[:-1] if form.recognises(Path(path))), fitting[-1])
    return TEXT
