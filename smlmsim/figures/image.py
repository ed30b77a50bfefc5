"""A frame of a movie as a picture: brightness, scale bar, time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BRIGHTEST = 0.99


def frame_times(image: xr.DataArray, wanted_s: Sequence[float] | None) -> list[float]:
    """The times of the frames nearest to those wanted; by default of five, from the first to the last."""
    if wanted_s is None:
        places = np.linspace(0, image.sizes["time"] - 1, 5).round().astype(int)
        return [float(time) for time in image.time.values[np.unique(places)]]
    return [float(time) for time in image.time.sel(time=list(wanted_s), method="nearest")]


def white_level(values: npt.NDArray[np.float64]) -> float:
    """The value to show as white: 99 % of the values do not exceed it, nor half of those that are not 0."""
    lit = values[values > 0]
    return max(float(np.quantile(values, BRIGHTEST)), float(np.median(lit))) if lit.size else 1.0


def frames(image: xr.DataArray, times_s: Sequence[float]) -> list[npt.NDArray[np.float64]]:
    """The frames (y, x) nearest to some times, as brightness between 0 and 1 on a scale common to them."""
    chosen = image.sel(time=list(times_s), method="nearest").transpose("time", "y", "x")
    values = chosen.values.astype(np.float64)
    return list((values / white_level(values)).clip(0, 1))


def draw_frame(panel: Axes, frame: npt.NDArray[np.float64], image: xr.DataArray) -> None:
    """Draw a frame, grey (y, x) or in colours (y, x, 3), at the scale of its movie."""
    height_nm, width_nm = (_extent_nm(image[dim].values) for dim in "yx")
    panel.imshow(frame, cmap="inferno", vmin=0, vmax=1, extent=(0, width_nm, height_nm, 0))
    panel.set_xticks([])
    panel.set_yticks([])


def draw_scale_bar(panel: Axes, image: xr.DataArray) -> None:
    """Draw a bar of a round length, about a quarter of the width, in the lower left corner."""
    from matplotlib.patheffects import withStroke

    width_nm, height_nm = _extent_nm(image.x.values), _extent_nm(image.y.values)
    length_nm = round_length_nm(0.3 * width_nm)
    label = f"{length_nm / 1000:g} µm" if length_nm >= 1000 else f"{length_nm:g} nm"
    left, bottom = 0.06 * width_nm, height_nm - 0.07 * width_nm
    edge = [withStroke(linewidth=2, foreground="black")]
    panel.plot([left, left + length_nm], [bottom, bottom], color="white", linewidth=2, solid_capstyle="butt")
    panel.annotate(
        label, (left, bottom), (0, 2.5), textcoords="offset points", color="white", path_effects=edge
    )


def round_length_nm(longest_nm: float) -> float:
    """The longest of 1, 2, 5, 10, 20, ... that does not exceed a length."""
    decade = 10.0 ** np.floor(np.log10(longest_nm))
    return float(max(step * decade for step in (1, 2, 5) if step * decade <= longest_nm))


def _extent_nm(centres_nm: npt.NDArray[Any]) -> float:
    """From the outer edge of the first pixel to that of the last."""
    return float(centres_nm[-1] - centres_nm[0]) * centres_nm.size / max(centres_nm.size - 1, 1)
