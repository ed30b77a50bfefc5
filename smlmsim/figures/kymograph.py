"""Kymographs: the intensity along a line over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from smlmsim.figures.image import colours, largest_shown, quantity
from smlmsim.figures.style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from smlmsim.estimate import Line


def kymograph(profiles: Mapping[str, xr.DataArray], line: Line | None = None) -> Figure:
    """Draw profiles along a line side by side, time running down, each on its own scale, which is drawn below it.

    Parameters
    ----------
    profiles : mapping
        Name -> (time, distance), in s and nm, as :func:`~smlmsim.estimate.line_profile` returns it.
    line : Line, optional
        The line, whose ends are named on the axis.

    Raises
    ------
    ValueError
        If there is no profile.

    Examples
    --------
    >>> line = estimate.busiest_line(observation.counts)  # doctest: +SKIP
    >>> kymograph({"counts": estimate.line_profile(observation.counts, line)})  # doctest: +SKIP
    """
    from matplotlib.figure import Figure

    if not profiles:
        raise ValueError("a kymograph needs at least one profile, found none")
    with styled():
        figure = Figure(figsize=(1.9 * len(profiles) + 0.6, 3.9), layout="constrained")
        panels = figure.subplots(1, len(profiles), sharex=True, sharey=True, squeeze=False)[0]
        for panel, (name, profile) in zip(panels, profiles.items(), strict=True):
            values = profile.transpose("time", "distance").values.astype(np.float64)
            axes = profile.distance.values / 1000, profile.time.values
            scale = {"cmap": colours(profile), "vmin": 0, "vmax": largest_shown(profile, values)}
            drawn = panel.pcolormesh(*axes, values, rasterized=True, **scale)
            bar = figure.colorbar(drawn, ax=panel, location="bottom", fraction=0.05, pad=0.02, extend="max")
            bar.set_label(quantity(profile), fontsize=7)
            bar.ax.ticklabel_format(axis="x", style="sci", scilimits=(-2, 4))
            panel.set_title(name)
        panels[0].invert_yaxis()
        panels[0].set_ylabel("time (s)")
        figure.supxlabel("distance along the line (µm)" if line is None else _along(line), fontsize=8)
    return figure


def _along(line: Line) -> str:
    """The label of the distance axis, with the ends of the line."""
    x0, y0, x1, y1 = (
        f"{nm / 1000:.4g}" for nm in (line.start_x_nm, line.start_y_nm, line.end_x_nm, line.end_y_nm)
    )
    return f"distance (µm) along the line from x = {x0} µm, y = {y0} µm to x = {x1} µm, y = {y1} µm"
