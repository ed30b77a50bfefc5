"""Half movies: a movie observed twice, with half of its localizations each."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlmsim.acquisition import Acquisition
from smlmsim.channels import CHANNEL
from smlmsim.field import FieldOfView
from smlmsim.halves import halves
from smlmsim.sparse import bin_localizations


def half_movies(
    observation: xr.Dataset,
    rng: np.random.Generator,
    *,
    distance_nm: float | None = None,
    dark_frames: int = 1,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Split an observation at random into two, with the pixels and the time points of the whole.

    Parameters
    ----------
    observation : xr.Dataset
        ``counts`` (time, y, x) and ``loc_*`` (localization,), with the attributes ``frames_per_point`` and
        ``exposure_s``.
    rng, distance_nm, dark_frames :
        As for :func:`smlmsim.halves.halves`.

    Returns
    -------
    first, second : xr.Dataset
        Observations with the attributes of the whole; every localization is in one of them.

    Raises
    ------
    ValueError
        If the observation has several channels, or if one of the halves would be empty.
    """
    if CHANNEL in observation.counts.dims:
        raise ValueError("the table holds several channels; halves are of one: choose it, as in channel=1")
    field = FieldOfView.of(observation)
    acquisition = Acquisition(
        time_points=observation.sizes["time"],
        frames_per_point=observation.attrs["frames_per_point"],
        exposure_s=observation.attrs["exposure_s"],
    )
    first, second = (
        bin_localizations(half, field, acquisition)
        for half in halves(observation, rng, distance_nm=distance_nm, dark_frames=dark_frames)
    )
    if not (first.counts.values.any() and second.counts.values.any()):
        raise ValueError("the table holds too few localizations or molecules for two halves")
    return first, second
