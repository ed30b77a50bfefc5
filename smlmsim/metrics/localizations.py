"""Scores of localizations against the molecules that were there, as in the localization microscopy challenge."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.optimize import linear_sum_assignment

from smlmsim import schema

WITHIN_NM = 250.0
"""Greatest distance of a localization from its molecule in the challenge."""
PER_NM = 0.01
"""Weight of the error in the efficiency: 100 nm cost as much as to find nothing."""
DOI = "10.1038/s41592-019-0364-4"

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


class Pairs(NamedTuple):
    """Localizations and events that belong together, by their indices, (pair,), and their distance in nm."""

    localization: Indices
    event: Indices
    distance_nm: Floats


def matched(localizations: xr.Dataset, events: xr.Dataset, *, within_nm: float = WITHIN_NM) -> Pairs:
    """Pair localizations with events of the same frame.

    In every frame there are as many pairs as possible within the distance and, of all such choices, the one with the
    smallest sum of squared distances (the assignment problem, solved exactly). Each belongs to one pair at most.

    Parameters
    ----------
    localizations : Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` (localization,), in any order.
    events : Dataset
        ``event_frame``, ``event_y``, ``event_x`` (event,), in any order.
    within_nm : float
        Greatest distance of a pair; positive.

    Raises
    ------
    SchemaError
        If a variable is missing or not finite.
    ValueError
        If the distance is not positive.
    """
    schema.check(localizations, "loc_frame", "loc_y", "loc_x")
    schema.check(events, "event_frame", "event_y", "event_x")
    if not within_nm > 0:
        raise ValueError(f"within_nm is positive, found within_nm={within_nm:g}")
    found, true = _by_frame(localizations, "loc"), _by_frame(events, "event")
    pairs = [
        _pairs(found[frame], true[frame], localizations, events, within_nm)
        for frame in sorted(found.keys() & true.keys())
    ]
    nothing = Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return Pairs(*(np.concatenate(parts) for parts in zip(nothing, *pairs, strict=True)))


def score_localizations(
    localizations: xr.Dataset,
    events: xr.Dataset,
    *,
    within_nm: float = WITHIN_NM,
    rectangle_nm: tuple[float, float, float, float] | None = None,
    min_photons: float = 0.0,
) -> xr.Dataset:
    """Score localizations against the events that were there, with the metrics of the localization challenge.

    Parameters
    ----------
    localizations : Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` (localization,).
    events : Dataset
        ``event_frame``, ``event_y``, ``event_x`` (event,), all that shone on the frames.
    within_nm : float
        Greatest distance of a localization from its event; see :func:`matched`.
    rectangle_nm : tuple of 4 floats, optional
        Part of the field that counts: upper left corner and extent, y0, x0, height, width. A pair counts if its event
        is inside. Molecules at the border of a frame are seen in part, so the challenge leaves a margin.
    min_photons : float
        Events with fewer photons (``event_photons``) need not be found, and whoever finds one makes no error.

    Returns
    -------
    Dataset
        Scalars. ``true_positives`` TP, the pairs; ``false_positives`` FP, localizations without an event;
        ``false_negatives`` FN, events without a localization; ``jaccard`` = TP / (TP + FP + FN), ``precision`` = TP /
        (TP + FP) and ``recall`` = TP / (TP + FN), higher is better; ``rmse_nm``, the root of the mean squared distance
        of the pairs, lower is better; ``efficiency`` = 1 - sqrt((1 - jaccard)^2 + (rmse_nm / 100 nm)^2), 1 at best.
        What is not defined, as without any pair, is NaN.

    Raises
    ------
    SchemaError, ValueError
        As :func:`matched`; also if photons are asked for that the events do not have.

    References
    ----------
    Sage et al. 2019, doi:10.1038/s41592-019-0364-4.

    Examples
    --------
    >>> spots = {"frame": [0, 0], "y": [0.0, 900.0], "x": [0.0, 0.0]}
    >>> events = schema.dataset(**{f"event_{name}": values for name, values in spots.items()})
    >>> found = schema.dataset(loc_frame=[0], loc_y=[3.0], loc_x=[4.0])
    >>> scores = score_localizations(found, events)
    >>> float(scores.jaccard), float(scores.rmse_nm)
    (0.5, 5.0)
    """
    pairs = matched(localizations, events, within_nm=within_nm)
    counted = _inside(events.event_y.values, events.event_x.values, rectangle_nm)
    if min_photons > 0:
        schema.check(events, "event_photons")
        counted &= events.event_photons.values >= min_photons
    alone = _inside(localizations.loc_y.values, localizations.loc_x.values, rectangle_nm)
    alone[pairs.localization] = False
    kept = counted[pairs.event]
    found, false = int(kept.sum()), int(alone.sum())
    missed = int(counted.sum()) - found
    jaccard = _ratio(found, found + false + missed)
    rmse_nm = float(np.sqrt(np.square(pairs.distance_nm[kept]).mean())) if found else np.nan
    return xr.Dataset(
        {
            "true_positives": _score(found, "localizations of events", "higher", np.inf),
            "false_positives": _score(false, "localizations without an event", "lower", np.inf),
            "false_negatives": _score(missed, "events without a localization", "lower", np.inf),
            "jaccard": _score(jaccard, "Jaccard index", "higher", 1.0),
            "precision": _score(_ratio(found, found + false), "precision", "higher", 1.0),
            "recall": _score(_ratio(found, found + missed), "recall", "higher", 1.0),
            "rmse_nm": _score(rmse_nm, "lateral error (root mean square)", "lower", within_nm, units="nm"),
            "efficiency": _score(
                1 - np.hypot(1 - jaccard, PER_NM * rmse_nm), "efficiency", "higher", 1.0, -np.inf
            ),
        },
        attrs={"within_nm": within_nm, "doi": DOI},
    )


def _by_frame(table: xr.Dataset, kind: str) -> dict[int, Indices]:
    """The indices of the rows of every frame."""
    frame = table[f"{kind}_frame"].values
    order = np.argsort(frame, kind="stable")
    numbers, begin = np.unique(frame[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(order, begin[1:]), strict=True)) if frame.size else {}


def _pairs(
    found: Indices, true: Indices, localizations: xr.Dataset, events: xr.Dataset, within_nm: float
) -> Pairs:
    """The pairs of one frame."""
    offsets = [
        localizations[f"loc_{axis}"].values[found, None].astype(np.float64)
        - events[f"event_{axis}"].values[None, true].astype(np.float64)
        for axis in "yx"
    ]
    squares = np.square(offsets).sum(axis=0)
    near = squares <= within_nm**2
    # One pair more outweighs whatever it adds to the squares of the others.
    row, column = linear_sum_assignment(np.where(near, squares, (min(squares.shape) + 1) * within_nm**2))
    good = near[row, column]
    row, column = row[good], column[good]
    return Pairs(found[row], true[column], np.sqrt(squares[row, column]))


def _inside(
    y: npt.NDArray[np.floating],
    x: npt.NDArray[np.floating],
    rectangle_nm: tuple[float, float, float, float] | None,
) -> npt.NDArray[np.bool_]:
    if rectangle_nm is None:
        return np.ones(y.shape, np.bool_)
    top, left, height, width = rectangle_nm
    inside: npt.NDArray[np.bool_] = (y >= top) & (y < top + height) & (x >= left) & (x < left + width)
    return inside


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else np.nan


def _score(
    value: float, long_name: str, better: str, highest: float, lowest: float = 0.0, units: str = "1"
) -> xr.Variable:
    attrs = {"long_name": long_name, "units": units, "better": better, "valid_range": [lowest, highest]}
    return xr.Variable((), value, attrs)
