"""Widefield images at the pixels and time points of the localizations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.ndimage import map_coordinates

Floats = npt.NDArray[np.float32]


def on_pixels(observation: xr.Dataset) -> Floats:
    """Return the widefield images of an observation at its time points and pixels, between 0 and 1.

    Each time point takes the nearest image in time, interpolated in space.

    Parameters
    ----------
    observation : xr.Dataset
        ``counts`` and ``widefield`` (widefield_time, widefield_y, widefield_x).
    """
    images = observation.widefield.values.astype(np.float32)
    low, high = float(images.min()), float(images.max())
    images = (images - low) / max(high - low, np.finfo(np.float32).tiny)
    y, x = (
        _positions(observation[axis].values, observation[f"widefield_{axis}"].values) for axis in ("y", "x")
    )
    grid = np.stack(np.meshgrid(y, x, indexing="ij"))
    shown = np.stack([map_coordinates(image, grid, order=1, mode="nearest") for image in images])
    taken_s, wanted_s = observation.widefield_time.values, observation.time.values
    nearest = np.abs(wanted_s[:, None] - taken_s).argmin(axis=1)
    found: Floats = shown[nearest]
    return found


def _positions(wanted: npt.NDArray[np.float64], known: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert coordinates to fractional indices into evenly spaced known coordinates."""
    step = (known[-1] - known[0]) / (known.size - 1) if known.size > 1 else 1.0
    return np.asarray((wanted - known[0]) / step)
