"""Agreement of two reconstructions, neither of which is the truth: two halves of a table, or two colours."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.metrics.frc import WORST_NM, common_frc_nm
from smlmsim.metrics.manders import manders_truth
from smlmsim.metrics.metric import Movie, UnmeasurableError
from smlmsim.metrics.pearson import pearson
from smlmsim.metrics.scale import PERCENTILE, brightest
from smlmsim.metrics.skeleton import TOLERANCE_NM, skeleton_agreement

TILE_NM = 1280.0
"""Edge of the parts of the field whose resolution is measured by itself: 64 pixels of 20 nm."""
LEAST_TILE_PX = 16
"""Fewest pixels along the edge of such a part: fewer rings tell no resolution."""


def agreement(one: xr.DataArray, other: xr.DataArray, *, tolerance_nm: float = TOLERANCE_NM) -> xr.Dataset:
    """Measure how well two reconstructions of one sample agree.

    All measures but Manders' are symmetric in the two. What both share, true or invented, counts as agreement.

    Parameters
    ----------
    one, other : xr.DataArray
        Densities (time, y, x) on the same coordinates, in s and nm, each on a scale of its own.
    tolerance_nm : float
        Distance of centre lines that counts as agreement, such as the precision of the localizations.

    Returns
    -------
    xr.Dataset
        ``pearson``, [-1, 1]; ``manders_one``, the share of the first one's structure where the other has some, and
        ``manders_other``, [0, 1]; ``skeleton``, the F1 of their centre lines, [0, 1], NaN without any, with the reason;
        ``frc_nm``, the resolution at which their Fourier ring correlation falls below 1/7, at least two pixels and
        10000 nm if they never correlate, as :func:`smlmsim.metrics.frc.common_frc_nm` reads it. ``frc_over_time_nm``
        (time,) is that of each time point, and ``frc_over_space_nm`` (tile_y, tile_x) that of square parts of about
        1.28 um; NaN where one of them is empty. ``disagreement`` (time, y, x) is the absolute difference of the two,
        each divided by its own mean, relative to the 99.9th percentile of their average.

    Raises
    ------
    ValueError
        If the two do not have the same shape, or one of them is zero everywhere.

    References
    ----------
    Fourier ring correlation of halves: Nieuwenhuizen et al. 2013, doi:10.1038/nmeth.2448; colours: Manders et al. 1993,
    doi:10.1111/j.1365-2818.1993.tb03313.x.
    """
    a, b = _comparable(one, other)
    pixel_nm = _pixel_nm(one)
    found: dict[str, Any] = {
        **_colocalization(a, b, pixel_nm, tolerance_nm),
        "frc_nm": _scalar(common_frc_nm(a, b, pixel_nm), "nm", "Fourier ring correlation resolution"),
        "disagreement": _disagreement(a, b),
    }
    return xr.Dataset(
        found | _over_time(a, b, pixel_nm) | _over_space(a, b, pixel_nm),
        {
            **{dim: schema.variable(dim, one[dim].values) for dim in ("time", "y", "x")},
            "tile_y": _middles(one.y.values, _tiles(one.sizes["y"], pixel_nm), "y"),
            "tile_x": _middles(one.x.values, _tiles(one.sizes["x"], pixel_nm), "x"),
        },
        {"tolerance_nm": tolerance_nm, "pixel_nm": pixel_nm, "worst_nm": WORST_NM},
    )


def colocalization(one: xr.DataArray, other: xr.DataArray, *, tolerance_nm: float) -> xr.Dataset:
    """Measure only the colocalization of two reconstructions, which takes less time than all of :func:`agreement`.

    Parameters and errors are those of :func:`agreement`.

    Returns
    -------
    xr.Dataset
        ``pearson``; ``manders_one`` and ``manders_other``, of the pixels above Otsu's threshold of the respective
        movie, as all metrics with masks use. Costes' threshold (doi:10.1529/biophysj.103.038422) is the intensity below
        which pixels do not correlate: between two images of one structure that is close to zero, so that the whole
        field would count; and ``skeleton``.
    """
    a, b = _comparable(one, other)
    return xr.Dataset(_colocalization(a, b, _pixel_nm(one), tolerance_nm))


def _comparable(one: xr.DataArray, other: xr.DataArray) -> tuple[Movie, Movie]:
    """The values of two movies of one shape that hold something."""
    if one.dims != ("time", "y", "x") or one.shape != other.shape or one.dims != other.dims:
        raise ValueError(
            f"two movies (time, y, x) of one shape are compared, found {dict(one.sizes)} and {dict(other.sizes)}"
        )
    a, b = (np.ascontiguousarray(movie.values, np.float32) for movie in (one, other))
    for name, movie in (("first", a), ("second", b)):
        if not movie.any():
            raise ValueError(
                f"the {name} of two reconstructions is zero everywhere: there is nothing to compare"
            )
    return a, b


def _pixel_nm(movie: xr.DataArray) -> float:
    return float(movie.x[-1] - movie.x[0]) / max(movie.sizes["x"] - 1, 1)


def _colocalization(a: Movie, b: Movie, pixel_nm: float, tolerance_nm: float) -> dict[str, Any]:
    return {
        "pearson": _scalar(pearson(a, b), "1", "Pearson correlation"),
        "manders_one": _scalar(manders_truth(a, b), "1", "Manders' share of the first"),
        "manders_other": _scalar(manders_truth(b, a), "1", "Manders' share of the second"),
        "skeleton": _skeleton(a, b, pixel_nm, tolerance_nm),
    }


def _scalar(value: float, units: str, meaning: str, **more: str) -> tuple[tuple[()], float, dict[str, str]]:
    return (), value, {"units": units, "long_name": meaning, **more}


def _skeleton(
    a: Movie, b: Movie, pixel_nm: float, tolerance_nm: float
) -> tuple[tuple[()], float, dict[str, str]]:
    meaning = f"F1 of centre lines within {tolerance_nm:g} nm"
    try:
        return _scalar(skeleton_agreement(a, b, pixel_nm, tolerance_nm), "1", meaning)
    except UnmeasurableError:
        return _scalar(np.nan, "1", meaning, reason="there is no centre line of 200 nm or more to follow")


def _disagreement(a: Movie, b: Movie) -> tuple[tuple[str, ...], Movie, dict[str, str]]:
    """The difference of two movies of unknown scales, relative to what is bright in both."""
    one, other = (movie / movie.mean(dtype=np.float64) for movie in (a, b))
    values = np.abs(one - other) / brightest((one + other) / 2)
    return (
        ("time", "y", "x"),
        values.astype(np.float32),
        {"units": "1", "long_name": f"absolute difference / {PERCENTILE:g}th percentile of the average"},
    )


def _over_time(a: Movie, b: Movie, pixel_nm: float) -> dict[str, Any]:
    values = [_resolution(a[[at]], b[[at]], pixel_nm) for at in range(len(a))]
    return {
        "frc_over_time_nm": (
            ("time",), np.array(values), {"units": "nm", "long_name": "resolution of each time point"},
        )
    }  # fmt: skip


def _over_space(a: Movie, b: Movie, pixel_nm: float) -> dict[str, Any]:
    rows, columns = (_tiles(size, pixel_nm) for size in a.shape[1:])
    values = [[_resolution(a[:, y, x], b[:, y, x], pixel_nm) for x in columns] for y in rows]
    return {
        "frc_over_space_nm": (
            ("tile_y", "tile_x"), np.array(values), {"units": "nm", "long_name": "resolution of each part"},
        )
    }  # fmt: skip


def _resolution(a: Movie, b: Movie, pixel_nm: float) -> float:
    """The resolution of a part of two movies, NaN where one of them is constant or too small."""
    if min(a.shape[1:]) < LEAST_TILE_PX or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return common_frc_nm(a, b, pixel_nm)


def _tiles(size: int, pixel_nm: float) -> list[slice]:
    """Parts of an axis of about the length of a tile, which cover it."""
    number = max(1, min(round(size * pixel_nm / TILE_NM), size // LEAST_TILE_PX))
    edges = np.arange(number + 1) * size // number
    return [slice(int(low), int(high)) for low, high in itertools.pairwise(edges)]


def _middles(centres_nm: npt.NDArray[np.float64], tiles: list[slice], axis: str) -> xr.Variable:
    at = np.array([centres_nm[tile].mean() for tile in tiles])
    return xr.Variable((f"tile_{axis}",), at, {"units": "nm", "long_name": "middle of the part"})
