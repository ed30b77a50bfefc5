"""Writing of localization tables in the format of ThunderSTORM: CSV with units in the header.

Such a file has no metadata. They are written next to it as JSON: ``table.csv.json`` belongs to ``table.csv``.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim import schema
from smlmsim.io import columns as table_columns
from smlmsim.io import dialects
from smlmsim.io.atomic import replacing_pair
from smlmsim.io.headings import split
from smlmsim.io.metadata import Metadata

HEADINGS = {
    "loc_frame": "frame",
    "loc_x": "x",
    "loc_y": "y",
    "loc_z": "z",
    "loc_sigma": "sigma",
    "loc_sigma_x": "sigma1",
    "loc_sigma_y": "sigma2",
    "loc_intensity": "intensity",
    "loc_background": "offset",
    "loc_uncertainty": "uncertainty_xy",
    "loc_uncertainty_x": "uncertainty_x",
    "loc_uncertainty_y": "uncertainty_y",
    "loc_uncertainty_z": "uncertainty_z",
    "loc_channel": "channel",
}
FIRST_FRAME = 1  # ThunderSTORM counts frames from 1


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write the localizations of a dataset as a table, and its metadata, if any, to a file next to it.

    Variables that are not in ``HEADINGS``, such as the time of a localization, are left out, except columns from other
    files. Frames are counted from the attribute ``first_frame``, or from 1.

    Parameters
    ----------
    data : xr.Dataset
        ``loc_y``, ``loc_x`` and any other variable of ``HEADINGS``; columns read as ``others``.
    path : str or Path
        File to make or replace.

    Raises
    ------
    smlmsim.schema.SchemaError
        If positions are missing, frames or positions are NaN or infinite, or another value is infinite.
    OSError
        If the file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    found = table_columns.written(data, HEADINGS, "loc_x", "loc_y")
    metadata = Metadata.of(data)
    first_frame = FIRST_FRAME if metadata.first_frame is None else metadata.first_frame
    table = pd.DataFrame({"id": np.arange(1, data.sizes["localization"] + 1)})
    for name, values in found.items():
        table[_heading(HEADINGS[name], schema.VOCABULARY[name].units)] = values
    for numbered, column in table_columns.others(data).items():
        heading = _heading_of_other(column.attrs["heading"], column.attrs["units"])
        if heading in table:
            heading = _heading_of_other(numbered, column.attrs["units"])
        table[heading] = column.values
    if "loc_frame" in found:
        table["frame"] = table["frame"].astype(np.int64) + first_frame
    tree = (metadata.replace({"first_frame": None}) if first_frame == FIRST_FRAME else metadata).tree()
    said = json.dumps(tree, indent=2, ensure_ascii=False) + "\n" if tree else None
    with (
        replacing_pair(path, beside(path), said) as draft,
        open(draft, "w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(table.columns)
        table.to_csv(file, index=False, header=False, lineterminator="\n")


def _heading(name: str, units: str) -> str:
    return name + (f" [{units}]" if units != "1" else "")


def _heading_of_other(name: str, units: str) -> str:
    """The heading of a column that is kept unchanged; the unit 1 prevents confusion with a known column."""
    names = split(name).names
    known = any(set(names) & set(dialects.ANY().synonyms(variable)) for variable in HEADINGS)
    return f"{name} [{units}]" if known or units != "1" else name


def beside(path: str | Path) -> Path:
    """The path of the metadata of a table."""
    return Path(path).with_name(f"{Path(path).name}.json")
