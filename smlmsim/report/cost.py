"""What a reconstruction costs, beside how good it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim.grid.clips import read_clip


def costs(scores: xr.Dataset, metric: str, clips: Iterable[Path]) -> pd.DataFrame:
    """Put the time and the size of every reconstructor beside its mean score.

    Parameters
    ----------
    scores : xr.Dataset
        The metric, and ``seconds``, with the dims (*axes, seed, reconstructor).
    metric : str
        What stands for the quality.
    clips : iterable of Path
        As :func:`~smlmsim.report.movies.record_all` gives them.

    Returns
    -------
    pd.DataFrame
        A row for each reconstructor: ``score``, the mean over all movies; ``seconds``, the median time for the movie of
        a cell on one thread, NaN if it is not known; ``parameters``, the number it says it has, 0 if it says none. The
        attributes of the frame hold the ``label`` and the ``better`` end of the metric.
    """
    values, paths = scores[metric], list(clips)
    names = [str(name) for name in scores.reconstructor.values]
    parameters = [read_clip(path, names).parameters.values for path in paths]
    dims = [dim for dim in values.dims if dim != "reconstructor"]
    unknown = xr.full_like(values, np.nan)  # in scores of before the seconds were kept
    table = pd.DataFrame(
        {
            "score": values.mean(dims).values,
            "seconds": scores.get("seconds", unknown).median(dims).values,
            "parameters": np.max(parameters, axis=0),
        },
        index=pd.Index(names, name="reconstructor"),
    )
    table.attrs = {
        "label": values.attrs.get("long_name", metric),
        "better": values.attrs.get("better", "higher"),
    }
    return table
