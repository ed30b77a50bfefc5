"""What lies along a line, over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from smlmsim.figures.image import white_level
from smlmsim.figures.style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def kymograph(profiles: Mapping[str, xr.DataArray]) -> Figure:
    """Draw profiles along a line side by side, time running down; every one has its own brightness.

    Parameters
    ----------
    profiles : mapping
        Name -> (time, distance), in s and nm, as :func:`~smlmsim.estimate.line_profile` gives them.

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
        figure = Figure(figsize=(1.8 * len(profiles) + 0.6, 3.2), layout="constrained")
        panels = figure.subplots(1, len(profiles), sharex=True, sharey=True, squeeze=False)[0]
        for panel, (name, profile) in zip(panels, profiles.items(), strict=True):
            values = profile.transpose("time", "distance").values.astype(np.float64)
            axes = profile.distance.values / 1000, profile.time.values
            brightness = {"cmap": "inferno", "vmin": 0, "vmax": white_level(values)}
            panel.pcolormesh(*axes, values, rasterized=True, **brightness)
            panel.set_title(name)
        panels[0].invert_yaxis()
        panels[0].set_ylabel("time (s)")
        figure.supxlabel("distance along the line (µm)")
    return figure
