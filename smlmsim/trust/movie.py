"""The movies of the trust report as sheets of pictures that a browser plays."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.brightness import white_level
from smlmsim.report.sprites import Quality, encode, sheet_columns
from smlmsim.trust.examine import Examination

LONGEST_SIDE = 512
"""Pixels along the longer side of the movie on the page; those of larger fields are averaged in squares."""
MOST_FRAMES = 60
"""Frames of the movie on the page."""
WEBP = 75
SCALES = {"uncertainty": "viridis", "where halves disagree": "viridis"}


def sheets(found: Examination) -> dict[str, Any]:
    """The movie as sheets of pictures, with its times and scale."""
    first = found.images["localizations"]
    kept = np.unique(np.linspace(0, first.sizes["time"] - 1, MOST_FRAMES).round().astype(int))
    step = max(1, math.ceil(max(first.sizes["y"], first.sizes["x"]) / LONGEST_SIDE))
    pixel_nm = found.findings.shown.pixel_nm
    layers = [_layer(name, image, kept, step) for name, image in found.images.items()]
    rows, columns = layers[0].pop("shape")
    for layer in layers[1:]:
        layer.pop("shape")
    times_s = first.time.values[kept] + found.findings.shown.begin_s
    return {
        "times": [round(float(time), 4) for time in times_s],
        "shape": [rows, columns],
        "columns": sheet_columns(kept.size),
        "width_nm": pixel_nm * step * columns,
        "layers": layers,
    }


def _layer(name: str, image: xr.DataArray, kept: npt.NDArray[np.int64], step: int) -> dict[str, Any]:
    values = _averaged(image.values[kept].astype(np.float64), step)
    white = float(values.max()) or 1.0 if name == "uncertainty" else white_level(values)
    levels = np.rint((values / white).clip(0, 1) * 255).astype(np.uint8)
    units = {"localizations": "per pixel", "where halves disagree": ""}.get(name, "own units")
    notes = {
        "localizations": "what was measured",
        "uncertainty": "standard deviation",
        "where halves disagree": "difference relative to the brightest",
    }
    return {
        "name": name,
        "note": notes.get(name, "the reconstruction"),
        "units": units,
        "white": float(f"{white:.2g}"),
        "scale": SCALES.get(name, "inferno"),
        "shape": list(values.shape[1:]),
        "sheet": base64.b64encode(encode(levels, Quality(len(levels), 1, WEBP))).decode(),
    }


def _averaged(values: npt.NDArray[np.float64], step: int) -> npt.NDArray[np.float64]:
    """The means over squares of step x step pixels; rows and columns that fill no square are left out."""
    number, rows, columns = values.shape
    rows, columns = rows // step, columns // step
    blocks = values[:, : rows * step, : columns * step].reshape(number, rows, step, columns, step)
    return np.asarray(blocks.mean(axis=(2, 4)))
