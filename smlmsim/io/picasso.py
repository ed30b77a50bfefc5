"""Localization tables of Picasso: HDF5, and a YAML file of the same name beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr
import yaml

from smlmsim import schema
from smlmsim.io import columns as table_columns
from smlmsim.io import hdf5, plain_yaml
from smlmsim.io.atomic import replacing
from smlmsim.io.columns import REQUIRED, ROWS
from smlmsim.io.limits import bounded_memory
from smlmsim.io.metadata import Metadata
from smlmsim.io.reading import Reading, counted

LOCS = "locs"
PIXELS = {"loc_x": ("x",), "loc_y": ("y",), "loc_sigma": ("sx", "sy"), "loc_uncertainty": ("lpx", "lpy")}
OTHERS = {
    "loc_frame": ("frame",),
    "loc_z": ("z",),
    "loc_uncertainty_z": ("lpz",),
    "loc_intensity": ("photons",),
    "loc_background": ("bg",),
    "loc_channel": ("channel",),
}
FIELDS = OTHERS | PIXELS
WHOLE = {"frame": "<u4", "channel": "<i4"}
NOMINAL_PIXEL_NM = 100.0
OURS = "smlmsim"


class Locs(NamedTuple):
    """The records of a file, and what is said beside them."""

    records: h5py.Dataset
    pixel_nm: float
    metadata: Metadata


def read(path: str | Path, reading: Reading = Reading(), *, others: bool = False) -> xr.Dataset:
    """Read a localization table.

    Parameters
    ----------
    path : str or Path
        The HDF5 file; ``table.hdf5`` has its ``table.yaml``.
    reading : Reading
        How the table is to be understood; ``camera_pixel_nm`` goes before what the YAML file says.
    others : bool
        Whether to read the fields of numbers that are not in ``FIELDS``, too.

    Returns
    -------
    xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` and what else of ``FIELDS`` there is, (localization,), sorted by frame.
        Widths and standard errors that differ between x and y are averaged: the widths geometrically, the
        errors by their squares. The attributes are :class:`~smlmsim.io.metadata.Metadata`.

    Raises
    ------
    ValueError
        If it is no such file, is damaged, claims an absurd size, holds no localizations, or lies outside of the
        file itself, if nobody says how large a pixel is, or if a value is NaN or infinite.
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
        The most localizations to hold at a time.

    Yields
    ------
    xr.Dataset
        As from :func:`read`, but not sorted.

    Raises
    ------
    ValueError, OSError
        As :func:`read`, when the piece is reached.
    """
    return counted(_chunks(path, reading, rows, others), reading.first_frame, 0, str(path))


def _chunks(path: str | Path, reading: Reading, rows: int, others: bool) -> Iterator[xr.Dataset]:
    """The pieces of a table, frames as in the file."""
    with hdf5.opened(path) as file:
        with bounded_memory():
            locs = _locs(file, Path(path), reading.camera_pixel_nm)
        for start in range(0, locs.records.size, rows):
            with bounded_memory(rows * locs.records.dtype.itemsize):
                found = locs.records[start : start + rows]
            more = _others(found) if others else []
            yield table_columns.dataset(_columns(found, locs, start), locs.metadata.tree(), more)


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write the localizations of a dataset, and beside them a YAML file with what Picasso asks for.

    What has no place in ``FIELDS`` is left out, such as the time of a localization, but for columns from other files,
    whose fields lose their units. Lengths along x and y are in pixels, rounded to float32: of ``camera_pixel_nm``, or
    of 100 nm if that is not known.

    Parameters
    ----------
    data : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` and any other variable of ``FIELDS``.
    path : str or Path
        The HDF5 file to make or replace.

    Raises
    ------
    smlmsim.schema.SchemaError
        If frames or positions are missing, or a value is NaN or infinite.
    OSError
        If a file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    columns = table_columns.written(data, FIELDS, *REQUIRED)
    metadata = Metadata.of(data)
    pixel_nm = metadata.camera_pixel_nm or NOMINAL_PIXEL_NM
    values: dict[str, npt.NDArray[Any]] = {}
    for name, found in columns.items():
        scaled = (found / np.float64(pixel_nm)).astype(np.float32) if name in PIXELS else found
        values |= dict.fromkeys(FIELDS[name], scaled)
    values |= {
        heading: column.values
        for heading, column in table_columns.others(data).items()
        if heading not in values
    }
    records = np.empty(data.sizes["localization"], [(field, WHOLE.get(field, "<f4")) for field in values])
    for field, scaled in values.items():
        records[field] = scaled
    text = _yaml(columns, pixel_nm, metadata)
    with replacing(path) as draft, h5py.File(draft, "w") as file:
        file.create_dataset(LOCS, data=records)
    with replacing(Path(path).with_suffix(".yaml")) as draft:
        draft.write_text(text, encoding="utf-8")


def _locs(file: h5py.File, path: Path, pixel_nm: float | None) -> Locs:
    """Find the records, if they are what they should be."""
    if not isinstance(file.get(LOCS, getlink=True), h5py.HardLink):
        raise ValueError(
            f"no dataset {LOCS!r} in the file; it holds {', '.join(sorted(file)[:10]) or 'nothing'}"
        )
    records = file[LOCS]
    if not isinstance(records, h5py.Dataset) or records.ndim != 1 or not records.dtype.names:
        raise ValueError(f"{LOCS!r} is no list of records")
    hdf5.require_readable(records)
    if missing := [name for name in ("frame", "x", "y") if name not in records.dtype.names]:
        raise ValueError(f"no field {' nor '.join(missing)}; found {', '.join(records.dtype.names[:20])}")
    if records.size == 0:
        raise ValueError(f"{LOCS!r} holds no localizations")
    found, metadata = _beside(path.with_suffix(".yaml"))
    size = pixel_nm or found
    if size is None:
        raise ValueError("the YAML file beside it has no Pixelsize in nm; say it, as in camera_pixel_nm=130")
    return Locs(records, size, metadata)


def _columns(found: npt.NDArray[Any], locs: Locs, start: int) -> dict[str, npt.NDArray[Any]]:
    """The columns of some records in the units of the vocabulary."""
    made = {}
    for name, fields in FIELDS.items():
        if fields[0] not in (found.dtype.names or ()):
            continue
        columns = [_numbers(found, field) for field in fields if field in (found.dtype.names or ())]
        scale = locs.pixel_nm if name in PIXELS else 1.0
        one = columns[0] if len(columns) == 1 else _mean(name, *columns)

        def place(row: int, field: str = fields[0]) -> str:
            return f"record {start + row}, field {field!r}"

        made[name] = table_columns.values(name, one, scale, place)
    return made


def _others(found: npt.NDArray[Any]) -> list[xr.Variable]:
    known = {field for fields in FIELDS.values() for field in fields}
    return [
        table_columns.other(field, "", found[field])
        for field in found.dtype.names or ()
        if field not in known and found[field].dtype.kind in "iuf" and found[field].ndim == 1
    ]


def _numbers(found: npt.NDArray[Any], field: str) -> npt.NDArray[Any]:
    if found[field].dtype.kind not in "iuf" or found[field].ndim != 1:
        raise ValueError(f"the field {field!r} holds {found[field].dtype}, not numbers")
    return found[field]


def _mean(name: str, along_x: npt.NDArray[Any], along_y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """One value for both axes; NaN, which is refused, where there is none."""
    x, y = along_x.astype(np.float64), along_y.astype(np.float64)
    with np.errstate(all="ignore"):
        if name == "loc_sigma":
            return np.asarray(np.where(x == y, x, np.sqrt(x * y)))
        return np.asarray(
            np.where((x == y) | (x < 0) | (y < 0), np.minimum(x, y), np.sqrt((x * x + y * y) / 2))
        )


def _beside(path: Path) -> tuple[float | None, Metadata]:
    """The size of a pixel and the metadata in a YAML file."""
    try:
        with path.open("rb") as file:
            content = file.read(plain_yaml.LARGEST + 1)
    except FileNotFoundError:
        return None, Metadata()
    try:
        documents = [found for found in plain_yaml.documents(content) if isinstance(found, Mapping)]
    except ValueError as error:
        raise ValueError(f"{path.name} is {error}") from None
    sizes = [float(size) for found in documents if _is_size(size := found.get("Pixelsize", 0))]
    pixel_nm = sizes[-1] if sizes else None
    ours = [found[OURS] for found in documents if OURS in found]
    if ours:
        return pixel_nm, Metadata.from_tree(ours[-1], f"{OURS!r} in {path.name}")
    return pixel_nm, Metadata(camera_pixel_nm=pixel_nm)


def _is_size(found: Any) -> bool:
    return (
        isinstance(found, (int, float)) and not isinstance(found, bool) and 0 < found < table_columns.LARGEST
    )


def _yaml(columns: Mapping[str, npt.NDArray[Any]], pixel_nm: float, metadata: Metadata) -> str:
    """What Picasso wants to know of the movie that localizations come from, and what else is known.

    An earlier ``.smlm`` manifest that is too long for it, as with a picture inside, is left out.
    """
    extent = {
        name: math.floor(float(columns[name].max(initial=0)) / pixel_nm) + 1 for name in ("loc_y", "loc_x")
    }
    movie = {
        "Width": extent["loc_x"],
        "Height": extent["loc_y"],
        "Frames": int(columns["loc_frame"].max(initial=-1)) + 1,
        "Pixelsize": pixel_nm,
        "Generated by": OURS,
    }
    for known in (metadata, metadata.replace({"smlm": None})):
        text: str = yaml.safe_dump_all([movie, {OURS: known.tree()}], sort_keys=False, allow_unicode=True)
        if len(text.encode()) <= plain_yaml.LARGEST:
            return text
    raise schema.SchemaError(
        f"the metadata are longer than {plain_yaml.LARGEST} bytes, which is what is read again"
    )
