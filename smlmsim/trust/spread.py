"""The reconstruction of a table, and how unsure the reconstructor is of it."""

from __future__ import annotations

import logging

import numpy as np
import xarray as xr

from smlmsim import domain
from smlmsim.reconstruct import load, reconstruct
from smlmsim.trust.choice import Given

_log = logging.getLogger(__name__)


def reconstructed(
    name: str, observation: xr.Dataset, given: Given
) -> tuple[xr.DataArray, float | None, xr.DataArray | None]:
    """The reconstruction, and the standard deviation if it has one, or a network with dropout can give it.

    The number between them is the mean of the standard deviation relative to that of the density.
    """
    settings = {"weights": given.weights} if given.weights else {}
    reconstructor = load(name, settings)
    with domain.gathered():  # said on the page
        several = reconstruct(reconstructor, observation)
        estimate, about = several.density, "standard deviation that the network expects"
        if "uncertainty" in several:
            return estimate, *_deviation(several, about)
        if not given.passes or not hasattr(reconstructor, "uncertainty"):
            return estimate, None, None
        try:
            several = reconstruct(load(name, {**settings, "uncertainty": given.passes}), observation)
        except ValueError as error:
            _log.info("%s gives no uncertainty: %s", name, error)
            return estimate, None, None
    if "uncertainty" not in several:
        return estimate, None, None
    return estimate, *_deviation(several, f"standard deviation of {given.passes} passes with dropout")


def _deviation(estimate: xr.Dataset, what: str) -> tuple[float | None, xr.DataArray]:
    """The standard deviation of an estimate with its variance, and its mean relative to that of the density."""
    spread = np.sqrt(estimate.uncertainty.values)
    mean = float(estimate.density.mean())
    about = {"units": estimate.density.attrs.get("units", "1"), "long_name": what}
    deviation = xr.DataArray(spread, estimate.density.coords, estimate.density.dims, "uncertainty", about)
    return float(spread.mean()) / mean if mean else None, deviation
