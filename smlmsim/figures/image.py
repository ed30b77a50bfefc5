"""A frame of a movie as a picture: brightness, scale bar, time."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.brightness import white_level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from smlmsim.estimate import Line

Floats = npt.NDArray[np.float64]

LONGEST_LINE = 26  # letters in a line beside a colour bar
COLOURS = {
    "uncertainty": "viridis",
    "disagreement": "viridis",
}  # colour maps of quantities other than intensities
SHORT_UNITS = {"1": "", "nm-1": "nm⁻¹", "nm-2": "nm⁻²"}
LINE_COLOUR = "#56b4e9"


def frame_times(image: xr.DataArray, wanted_s: Sequence[float] | None) -> list[float]:
    """The times of the frames nearest to the requested times; by default five, from the first to the last."""
    if wanted_s is None:
        places = np.linspace(0, image.sizes["time"] - 1, 5).round().astype(int)
        return [float(time) for time in image.time.values[np.unique(places)]]
    return [float(time) for time in image.time.sel(time=list(wanted_s), method="nearest")]


def largest_shown(image: xr.DataArray, values: npt.NDArray[np.float64]) -> float:
    """The value at the upper end of a movie's brightness scale; for an uncertainty, its largest value."""
    if image.name == "uncertainty":
        return float(values.max()) or 1.0
    return white_level(values)


def frames(image: xr.DataArray, times_s: Sequence[float]) -> list[npt.NDArray[np.float64]]:
    """The frames (y, x) nearest to given times, as brightness between 0 and 1 on a common scale."""
    chosen = image.sel(time=list(times_s), method="nearest").transpose("time", "y", "x")
    values = chosen.values.astype(np.float64)
    return list((values / largest_shown(image, values)).clip(0, 1))


def draw_frame(panel: Axes, frame: npt.NDArray[np.float64], image: xr.DataArray) -> None:
    """Draw a frame, grey (y, x) or coloured (y, x, 3), with the pixel size of its movie."""
    height_nm, width_nm = (_extent_nm(image[dim].values) for dim in "yx")
    panel.imshow(frame, cmap=colours(image), vmin=0, vmax=1, extent=(0, width_nm, height_nm, 0))
    panel.autoscale(False)  # later drawings must not widen the frame
    panel.set_xticks([])
    panel.set_yticks([])


def show_field(panel: Axes, image: xr.DataArray, whole: xr.DataArray) -> None:
    """Show a movie of a part of the field where it lies in the whole of it, the rest in grey."""
    (left, right), (top, bottom) = (
        [
            _edge_nm(whole[dim].values) + far - _edge_nm(image[dim].values)
            for far in (0, _extent_nm(whole[dim].values))
        ]
        for dim in "xy"
    )
    panel.set(xlim=(left, right), ylim=(bottom, top), facecolor="0.9")


def colours(image: xr.DataArray) -> str:
    """The colour map of a movie."""
    return COLOURS.get(str(image.name), "inferno")


def draw_colour_bar(figure: Figure, panels: Sequence[Axes], image: xr.DataArray, largest: float) -> None:
    """Draw a colour bar beside panels, from 0 to the value at the upper end of their scale."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = ScalarMappable(Normalize(0, largest), colours(image))
    bar = figure.colorbar(scale, ax=list(panels), fraction=0.05, pad=0.01, aspect=18, extend="max")
    bar.set_label(quantity(image), fontsize=7)
    bar.ax.ticklabel_format(axis="y", style="sci", scilimits=(-2, 4))


def quantity(image: xr.DataArray) -> str:
    """The quantity that a movie shows, with its unit."""
    units = str(image.attrs.get("units", ""))
    units = SHORT_UNITS.get(units, units)
    name = str(image.name or "intensity")
    if units:
        return f"{name} ({units})"
    meaning = str(image.attrs.get("long_name", name))
    return name if meaning == name else f"{name}:\n{textwrap.fill(meaning, LONGEST_LINE)}"


def draw_line(panel: Axes, line: Line, image: xr.DataArray) -> None:
    """Draw the line of a kymograph, with a dot at its start."""
    x, y = _on_panel(line, image)
    panel.plot(x, y, color=LINE_COLOUR, linewidth=0.8, linestyle=(0, (3, 2)))
    panel.plot(x[:1], y[:1], color=LINE_COLOUR, marker="o", markersize=2.5)


def _on_panel(line: Line, image: xr.DataArray) -> Floats:
    """The ends of a line, (xy, end), measured from the upper left corner of a panel."""
    left, top = (_edge_nm(image[dim].values) for dim in "xy")
    ends = [(line.start_x_nm - left, line.end_x_nm - left), (line.start_y_nm - top, line.end_y_nm - top)]
    return np.array(ends)


def draw_scale_bar(panel: Axes, image: xr.DataArray, line: Line | None = None) -> None:
    """Draw a scale bar of a round length, about a quarter of the width, in a corner that the line avoids."""
    from matplotlib.patheffects import withStroke

    width_nm, height_nm = _extent_nm(image.x.values), _extent_nm(image.y.values)
    length_nm = round_length_nm(0.3 * width_nm)
    label = f"{length_nm / 1000:g} µm" if length_nm >= 1000 else f"{length_nm:g} nm"
    left, bottom = _corner(width_nm, height_nm, _on_panel(line, image) if line else None)
    edge = [withStroke(linewidth=2, foreground="black")]
    panel.plot([left, left + length_nm], [bottom, bottom], color="white", linewidth=2, solid_capstyle="butt")
    panel.annotate(
        label, (left, bottom), (0, 2.5), textcoords="offset points", color="white", path_effects=edge
    )


def _corner(width_nm: float, height_nm: float, line: Floats | None) -> tuple[float, float]:
    """The start of a scale bar: at the lower left, or in the first corner that the line, (xy, end), avoids."""
    right, below = 0.6 * width_nm, height_nm - 0.07 * width_nm
    above = min(0.25 * width_nm, below)
    corners = [(0.06 * width_nm, below), (right, below), (0.06 * width_nm, above), (right, above)]
    if line is None:
        return corners[0]
    x, y = (np.linspace(start, stop, 200) for start, stop in line)
    distances = []
    for left, bottom in corners:
        beside = np.maximum(left - 0.03 * width_nm - x, x - left - 0.4 * width_nm)
        over = np.maximum(bottom - 0.2 * width_nm - y, y - bottom - 0.03 * width_nm)
        distances.append(float(np.maximum(beside, over).min()))
    free = [corner for corner, distance in zip(corners, distances, strict=True) if distance > 0]
    return free[0] if free else corners[int(np.argmax(distances))]


def round_length_nm(longest_nm: float) -> float:
    """The longest of 1, 2, 5, 10, 20, ... that does not exceed a length."""
    decade = 10.0 ** np.floor(np.log10(longest_nm))
    return float(max(step * decade for step in (1, 2, 5) if step * decade <= longest_nm))


def _pixel_nm(centres_nm: npt.NDArray[Any]) -> float:
    """The distance between the centres of neighbouring pixels."""
    return _extent_nm(centres_nm) / centres_nm.size


def _edge_nm(centres_nm: npt.NDArray[Any]) -> float:
    """The outer edge of the first pixel."""
    return float(centres_nm[0]) - _pixel_nm(centres_nm) / 2


def _extent_nm(centres_nm: npt.NDArray[Any]) -> float:
    """The distance between the outer edges of the first and the last pixel."""
    return float(centres_nm[-1] - centres_nm[0]) * centres_nm.size / max(centres_nm.size - 1, 1)
