"""The formats of files: one table that says what each holds, how it is recognised, and whether it is written."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import xarray as xr

from smlmsim.io.columns import ROWS
from smlmsim.io.reading import Reading, counted

HEAD = 4096
"""Bytes from which a format is recognised: a header of a table fits."""


class TableModule(Protocol):
    """What the module of a format for tables offers; one that writes has ``write(data, path)``, too."""

    FIRST_FRAME: int
    """What the format calls the first camera frame where a file does not say it: 1, unless a frame 0 occurs, or 0."""

    def chunks(self, path: Path, reading: Reading, *, rows: int, others: bool) -> Iterator[xr.Dataset]:
        """Read a file of the format piece by piece, in its order, frames as in the file.

        Parameters
        ----------
        path : Path
        reading : Reading
            How the table is to be understood where the file does not say.
        rows : int
            The most localizations to hold at a time.
        others : bool
            Whether to read the columns of numbers that the vocabulary does not know, too. The attribute ``left_out``
            then names those that are not read, if there are any.

        Yields
        ------
        xr.Dataset
            ``loc_y``, ``loc_x`` and what else of the vocabulary the file has, (localization,). The attributes are
            :class:`~smlmsim.io.metadata.Metadata`, and perhaps :data:`~smlmsim.io.reading.NOTES`.

        Raises
        ------
        ValueError
            If the file is damaged, if nobody says how large a pixel is where positions are in pixels, or if a row has
            no usable position or frame; the message names the file.
        OSError
            If there is no such file, or it may not be read.
        """
        ...

    def write(self, data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
        """Write a file of the format."""
        ...


class ImageModule(Protocol):
    """What the module of a format for images offers."""

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
        What people call it.
    module : str
        Where it is read and written, below ``smlmsim.io``. Where several formats share a signature, the module has
        ``recognises(path)``; the last one takes what no other does.
    holds : str
        "table" or "images".
    signatures : tuple of bytes
        How its files begin; none if they are text, or folders.
    extensions : tuple of str
        What files are called that are written in it; none if it is only read.
    verified : str
        Against what reading and writing were checked.
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
        """Read a table piece by piece, as its module does, but with frames counted from 0."""
        found = self.table.chunks(Path(path), reading, rows=rows, others=others)
        return counted(found, reading.first_frame, self.table.FIRST_FRAME, str(path))

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
        """What the format of one of its files is called, with the dialect if it has several."""
        named = getattr(self._load(), "format_name", None)
        return str(named(path)) if named else self.name

    def recognises(self, path: Path) -> bool:
        """Whether a file that begins as files of the format do is one of them."""
        return bool(self._load().recognises(path))


HDF5 = (b"\x89HDF\r\n\x1a\n",)
MATLAB = (b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file")
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

WRITTEN_DIALECT = "ThunderSTORM"
TEXT = Format(
    "ThunderSTORM CSV", "text_table", "table", (), (".csv",), "tables of four laboratories, there and back"
)
SMLM = Format(".smlm", "smlm", "table", (b"PK",), (".smlm",), "files laid out as ShareLoc's, there and back")
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
    OME_ZARR,
)  # fmt: skip


class Row(NamedTuple):
    """What there is to say of a format, or of a dialect of one."""

    name: str
    holds: str
    written: str
    verified: str


def overview() -> list[Row]:
    """Say for every format, and every dialect of text tables, what it holds and against what it was checked.

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
    """The formats that are written, by the extensions of their files."""
    return {extension: form for form in FORMATS for extension in form.extensions}


def recognised(path: str | Path) -> Format:
    """The format of a file by its first bytes; a folder is OME-Zarr, and text of any kind a table.

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
