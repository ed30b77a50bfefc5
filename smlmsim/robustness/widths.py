"""The widths of filaments in the images of every laboratory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim.robustness.measures import TRUTH


def widths(profiles: xr.Dataset) -> pd.DataFrame:
    """Summarize the full width at half maximum of the profiles of every laboratory and image.

    Parameters
    ----------
    profiles : xr.Dataset
        ``profiles`` of the results: ``fwhm_nm`` (image, laboratory, number).

    Returns
    -------
    pd.DataFrame
        A row for each ``laboratory`` and ``image``: the ``median`` and the quartiles ``low`` and ``high`` in nm;
        ``error``, the median minus that of the truth; ``measured``, of how many profiles.
    """
    rows = []
    for laboratory in profiles.laboratory.values:
        here = profiles.fwhm_nm.sel(laboratory=laboratory)
        true = _quartiles(here.sel(image=TRUTH).values)[1]
        for image in here.image.values:
            values = here.sel(image=image).values
            low, median, high = _quartiles(values)
            rows.append({
                "laboratory": str(laboratory),
                "image": str(image),
                "median": median,
                "low": low,
                "high": high,
                "error": median - true,
                "measured": int(np.isfinite(values).sum()),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _quartiles(values: np.ndarray) -> tuple[float, float, float]:
    """The quartiles of the values that are known; NaN if there are none."""
    known = values[np.isfinite(values)]
    if known.size == 0:
        return (np.nan,) * 3
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
    return float(low), float(median), float(high)
