"""Checks of scores from any source, before they are plotted or described."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from smlmsim.spec import brief

TEXTS = ("long_name", "units", "better")
LONGEST = 1000
"""Greatest number of characters of a name or text in a stored grid; a longer one means damage."""


def require_scores(scores: xr.Dataset, source: str) -> None:
    """Check that scores are numbers over axes (of numbers or texts) and reconstructors, with short labels.

    Parameters
    ----------
    scores : xr.Dataset
        The scores; variables of other dims are not checked.
    source : str
        The source of the scores, for the message.

    Raises
    ------
    ValueError
        If a check fails; the message names the first problem.
    """
    if problem := next(_problems(scores), ""):
        raise ValueError(f"{source} is damaged, or not the scores of a grid: {problem}")


def _problems(scores: xr.Dataset) -> Iterator[str]:
    if "reconstructor" not in scores.coords or not scores.sizes["reconstructor"]:
        yield "no reconstructor"
    if not _are_texts(scores.get("reconstructor", xr.DataArray([]))):
        yield "a reconstructor without a name"
    for dim in scores.dims:
        if dim not in scores.coords:
            if dim == "seed":
                continue
            yield f"no values along {brief(dim)}"
        elif len(set(scores[dim].values.tolist())) < scores.sizes[dim]:
            yield f"values along {brief(dim)} that appear twice"
        elif dim != "reconstructor" and not (
            _are_numbers(scores[dim]) or (dim != "seed" and _are_texts(scores[dim]))
        ):
            yield f"values along {brief(dim)} that are neither numbers nor short texts"
    for name, found in scores.variables.items():
        for text in TEXTS:
            if not isinstance(value := found.attrs.get(text, ""), str) or len(value) > LONGEST:
                yield f"{text} of {brief(name)} is {brief(value)}"
        if "better" in found.attrs and not (found.dtype.kind == "f" and "reconstructor" in found.dims):
            yield f"{brief(name)} holds no numbers for each reconstructor"


def _are_texts(axis: xr.DataArray) -> bool:
    return all(isinstance(text, str) and len(text) <= LONGEST for text in axis.values.ravel().tolist())


def _are_numbers(axis: xr.DataArray) -> bool:
    return axis.dtype.kind in "iuf" and bool(np.isfinite(axis.values).all())
