"""Writing of ``.smlm`` files that every reader of the format opens."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.io import columns as table_columns
from smlmsim.io.atomic import replacing
from smlmsim.io.columns import Columns
from smlmsim.io.metadata import Metadata
from smlmsim.io.smlm.hash import joined_hash, table_hash
from smlmsim.io.smlm.manifest import DTYPES, FIRST_FRAME, NAME, VERSION, Attachment
from smlmsim.io.smlm.table import HEADINGS
from smlmsim.io.smlm.tags import manifest_keys, table_keys

TABLE_FORMAT = "smlm-table(binary)-0"
LEVEL = 1  # compression level: the low bits of float32 are noise, which cannot be compressed further
LAST_FRAME = 2**24  # float32 represents all whole numbers up to this one
BLOCK = 2**16  # number of rows packed at a time


def write(
    data: xr.Dataset | xr.DataArray,
    path: str | Path,
    *,
    images: Mapping[str, npt.NDArray[Any]] | None = None,
    attachments: Iterable[Attachment] = (),
) -> None:
    """Write the localizations of a dataset, its metadata, and images; every channel becomes a table.

    All columns are float32, as every reader of the format expects. Frames are counted from the attribute
    ``first_frame``, or from 1. Variables that are not in ``HEADINGS``, such as the time of a localization, are left
    out, except columns from other files.

    Parameters
    ----------
    data : xr.Dataset
        ``loc_y``, ``loc_x`` and any other variable of ``HEADINGS``; ``loc_channel`` if there are
        several channels.
    path : str or Path
        File to make or replace.
    images : mapping of str to array, optional
        Images, such as a widefield image, of a type in the format.
    attachments : iterable of Attachment, optional
        Files that :func:`read_attachments` read from another archive.

    Raises
    ------
    smlmsim.schema.SchemaError
        If positions are missing, frames or positions are NaN or infinite, another value is infinite, or a frame is
        above 2**24.
    ValueError
        If an image is of another type, or two files have the same name.
    OSError
        If the file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    channel, columns, metadata = _channels(data)
    names = _names(channel, metadata)
    entries: list[dict[str, Any]] = []
    formats = {TABLE_FORMAT: _table_format(list(columns), data)}
    with replacing(path) as draft, _archive(draft) as archive:
        for index, (name, file) in enumerate(zip(names, _files(names), strict=True)):
            table = {header: values[channel == index] for header, values in columns.items()}
            _store_records(archive, file, list(table.values()))
            entries.append(table_keys(metadata, index) | _table_entry(table, file, name))
        for index, (name, pixels) in enumerate((images or {}).items()):
            key, file = f"smlm-image(raw)-{index}", f"{name}.raw"
            formats[key] = _image_format(name, pixels)
            entries.append({"name": file, "type": "image", "format": key, "channel": name, "offset": {}})
            _store(
                archive, file, np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<")).tobytes()
            )
        for content, entry, described in attachments:
            if entry["name"] in {NAME, *(known["name"] for known in entries)}:
                raise ValueError(f"two files of the archive would be called {entry['name']!r}")
            if described is not None:
                formats.setdefault(entry["format"], described)
            entries.append(entry)
            _store(archive, entry["name"], content)
        keys = manifest_keys(metadata) | {
            "format_version": VERSION,
            "formats": formats,
            "files": entries,
            "hash": joined_hash([entry["hash"] for entry in entries if "hash" in entry]),
        }
        _store(archive, NAME, json.dumps(keys, indent=1).encode())


def _archive(draft: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)


def _channels(data: xr.Dataset | xr.DataArray) -> tuple[npt.NDArray[np.int32], Columns, Metadata]:
    """The channel of each localization, the columns by their headers, and the metadata."""
    columns = table_columns.written(data, (*HEADINGS, "loc_channel"), "loc_x", "loc_y")
    metadata = Metadata.of(data)
    first_frame = FIRST_FRAME if metadata.first_frame is None else metadata.first_frame
    if "loc_frame" in columns:
        columns["loc_frame"] = columns["loc_frame"].astype(np.int64) + first_frame
    if columns.get("loc_frame", np.zeros(1)).max(initial=0) > LAST_FRAME:
        raise schema.SchemaError(
            f"found the frame {columns['loc_frame'].max()}; a .smlm file counts up to {LAST_FRAME}, "
            "a .csv or .hdf5 file further"
        )
    channel = columns.pop("loc_channel", np.zeros(columns["loc_x"].size, np.int32))
    headers = {HEADINGS[name]: values.astype("<f4", copy=False) for name, values in columns.items()}
    others = table_columns.others(data)
    headers |= {
        heading: column.values.astype("<f4") for heading, column in others.items() if heading not in headers
    }
    said = first_frame if "frame" in headers else None
    return channel, headers, metadata.replace({"first_frame": said})


def _names(channel: npt.NDArray[np.int32], metadata: Metadata) -> list[str]:
    """The names of all channels; unnamed ones are called by their number, a single one "default"."""
    number = max(int(channel.max(initial=0)) + 1, len(metadata.channels))
    if number == 1 and not metadata.channels:
        return ["default"]
    return [*metadata.channels, *(str(index) for index in range(len(metadata.channels), number))]


def _files(names: list[str]) -> list[str]:
    """File names for the channels, in plain letters."""
    plain = [re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:40].strip("_") or "table" for name in names]
    if len(names) == 1:
        return ["table.bin"]
    return [f"{name}.bin" if plain.count(name) == 1 else f"{name}-{i}.bin" for i, name in enumerate(plain)]


def _table_format(headers: list[str], data: xr.Dataset | xr.DataArray) -> dict[str, Any]:
    units = {heading: column.attrs["units"] for heading, column in table_columns.others(data).items()}
    units |= {heading: schema.VOCABULARY[name].units for name, heading in HEADINGS.items()}
    return {
        "type": "table",
        "mode": "binary",
        "extension": ".bin",
        "columns": len(headers),
        "headers": headers,
        "dtype": ["float32"] * len(headers),
        "shape": [1] * len(headers),
        "units": [units[header] for header in headers],
    }


def _table_entry(table: Columns, file: str, channel: str) -> dict[str, Any]:
    entry = {
        "name": file,
        "type": "table",
        "format": TABLE_FORMAT,
        "channel": channel,
        "rows": table["x"].size,
        "offset": {},
        "exposure": -1,
    }
    if "frame" in table:
        entry["hash"] = table_hash(table["frame"], table["x"], table["y"])
    known = {
        header: finite for header, values in table.items() if (finite := values[np.isfinite(values)]).size
    }
    if known:
        entry["min"] = {header: float(values.min()) for header, values in known.items()}
        entry["max"] = {header: float(values.max()) for header, values in known.items()}
        entry["avg"] = {header: float(values.mean(dtype=np.float64)) for header, values in known.items()}
    return entry


def _image_format(name: str, pixels: npt.NDArray[Any]) -> dict[str, Any]:
    if pixels.dtype.name not in DTYPES or pixels.size == 0:
        raise ValueError(
            f"the image {name!r} holds {pixels.shape} pixels of {pixels.dtype}; written are {', '.join(DTYPES)}"
        )
    return {
        "type": "image",
        "mode": "binary",
        "extension": ".raw",
        "dtype": pixels.dtype.name,
        "shape": list(pixels.shape),
    }


def _store_records(archive: zipfile.ZipFile, name: str, columns: list[npt.NDArray[Any]]) -> None:
    """Compress columns as packed records, in blocks of rows."""
    with archive.open(name, "w", force_zip64=True) as file:
        for start in range(0, columns[0].size, BLOCK):
            file.write(np.stack([column[start : start + BLOCK] for column in columns], axis=1).tobytes())


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    with archive.open(name, "w", force_zip64=True) as file:
        file.write(content)
