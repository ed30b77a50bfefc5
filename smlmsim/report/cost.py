"""The cost of reconstructions, with their scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim.grid.clips import parameters_in


def costs(
    scores: xr.Dataset, metric: str, clips: Iterable[Path], reconstructors: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the time, the number of parameters and the mean score of every reconstructor.

    Parameters
    ----------
    scores : xr.Dataset
        The metric, and ``seconds``, with the dims (*axes, seed, reconstructor).
    metric : str
        The metric of quality.
    clips : iterable of Path
        Clips from :func:`~smlmsim.report.movies.record_all`.
    reconstructors : sequence of str, optional
        The reconstructor of every competitor in the scores, if these are pairs.

    Returns
    -------
    pd.DataFrame
        A row for each reconstructor: ``score``, the mean over all movies; ``seconds``, the median time for the movie of
        a cell on one thread, NaN if unknown; ``parameters``, its reported number, 0 if it reports none. The attributes
        of the frame hold the ``label`` of the metric and which end is ``better``.
    """
    values, paths = scores[metric], list(clips)
    names = [str(name) for name in scores.reconstructor.values]
    parameters = [parameters_in(path, reconstructors or names) for path in paths]
    dims = [dim for dim in values.dims if dim != "reconstructor"]
    unknown = xr.full_like(values, np.nan)  # older scores have no times
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
