"""What a reconstruction costs, beside how good it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import xarray as xr

from smlmsim.report.clips import read_clip


def costs(scores: xr.Dataset, metric: str, clips: Iterable[Path]) -> pd.DataFrame:
    """Put the time and the size of every reconstructor beside its mean score.

    Parameters
    ----------
    scores : xr.Dataset
        The metric with the dims (*axes, seed, reconstructor).
    metric : str
        What stands for the quality.
    clips : iterable of Path
        As :func:`~smlmsim.report.clips.record_all` gives them.

    Returns
    -------
    pd.DataFrame
        A row for each reconstructor: ``score``, the mean over all movies; ``seconds``, the median time for the movie of
        a cell on one thread; ``parameters``, the number it says it has, 0 if it says none. The attributes of the frame
        hold the ``label`` and the ``better`` end of the metric.
    """
    found = xr.concat([read_clip(path)[["seconds", "parameters"]] for path in clips], dim="cell")
    values = scores[metric]
    table = pd.DataFrame(
        {
            "score": values.mean([dim for dim in values.dims if dim != "reconstructor"]).values,
            "seconds": found.seconds.median("cell").values,
            "parameters": found.parameters.max("cell").values,
        },
        index=pd.Index([str(name) for name in scores.reconstructor.values], name="reconstructor"),
    )
    table.attrs = {
        "label": values.attrs.get("long_name", metric),
        "better": values.attrs.get("better", "higher"),
    }
    return table
