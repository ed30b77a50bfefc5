"""Repeats: how many localizations are followed by another one of the same molecule."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema

Floats = npt.NDArray[np.float64]

CHANCE_FRAMES = (21, 41)
"""Later frames, from the first to before the last, in which neighbours are counted that are there by chance."""

LAGS = (2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800)
"""Frames after which it is looked whether molecules return."""
LATER = 0.25
"""Longest of them, as a part of the recording; the last two tell how often others are there by chance."""
RARE = 0.1
"""Share of returning molecules, relative to that in the next frame, below which returns are rare."""
LEAST_LAGS = 5
"""Fewest lags within the recording that tell of it."""
MOST_BY_CHANCE = 0.5
"""Neighbours that are there by chance while a molecule may be dark, at most: with more, molecules run together."""


class Repeats(NamedTuple):
    """The share of localizations that are followed by one of the same molecule, and its standard error.

    ``distance_nm`` is the distance within which a localization in the next frame is looked for. Molecules often return
    after up to ``dark_frames`` dark frames; if ``returns_later``, some return after more, but cannot be told from
    others.
    """

    share: float
    error: float
    distance_nm: float
    dark_frames: int = 1
    returns_later: bool = False

    @property
    def is_seen(self) -> bool:
        """Whether the share exceeds zero by more than three standard errors."""
        return self.share > 3 * self.error


def repeats(table: xr.Dataset, *, distance_nm: float) -> Repeats:
    """Estimate the share of localizations whose molecule is localized again in the next camera frame.

    A localization has a neighbour in the next frame, within the distance, because its molecule is still lit, or because
    another molecule lies there. How often it is another one is counted in the frames 21 to 40 later, where the
    structure is nearly the same. Molecules that return after more than 20 frames are counted as others, so the share is
    a lower bound of how much they blink.

    Up to how many dark frames molecules often return is told by the same count over longer times, against that of up
    to 800 frames, or a quarter of the recording, later.

    Parameters
    ----------
    table : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` (localization,).
    distance_nm : float
        About three standard errors of a localization.

    Raises
    ------
    smlmsim.schema.SchemaError
        If frames or positions are missing.

    Examples
    --------
    >>> found = schema.dataset(loc_frame=range(200), loc_y=np.arange(200) // 2 * 500.0, loc_x=np.zeros(200))
    >>> repeats(found, distance_nm=50).share
    0.5
    """
    from scipy.spatial import cKDTree  # here, since it takes longer to load than the rest

    schema.check(table, "loc_frame", "loc_y", "loc_x")
    number = table.sizes["localization"]
    places = np.column_stack([table[name].values.astype(np.float64) for name in ("loc_y", "loc_x")])
    # Frames are a third coordinate, so far apart that only those of one frame are within the distance.
    apart = 10 * distance_nm
    points = np.column_stack([places, table.loc_frame.values.astype(np.float64) * apart])
    tree = cKDTree(points)

    def followed(frames: int) -> float:
        near, _ = tree.query(points + np.array([0, 0, frames * apart]), distance_upper_bound=distance_nm)
        return float(np.mean(np.isfinite(near)))

    chance = float(np.mean([followed(frames) for frames in range(*CHANCE_FRAMES, 4)]))
    next_one = followed(1)
    share = max(next_one - chance, 0.0) / max(1 - chance, 1 / number)
    error = np.sqrt((next_one * (1 - next_one) + chance * (1 - chance)) / number)
    found = Repeats(float(min(share, 1.0)), float(max(error, 1 / number)), distance_nm)
    lags = [lag for lag in LAGS if lag <= LATER * int(np.ptp(table.loc_frame.values))]
    if not found.is_seen or len(lags) < LEAST_LAGS:
        return found
    dark_frames, later = _darkness(dict(zip(lags, map(followed, lags), strict=True)), next_one)
    return found._replace(dark_frames=dark_frames, returns_later=later)


def _darkness(followed: dict[int, float], next_one: float) -> tuple[int, bool]:
    """The dark frames after which molecules often return, and whether some return after more.

    ``followed`` is the share of localizations with a neighbour after some frames, the last two by chance alone.
    """
    lags = list(followed)
    chance = (followed[lags[-1]] + followed[lags[-2]]) / 2
    often = [lag for lag, share in followed.items() if share - chance > RARE * (next_one - chance)]
    longest = max(often, default=1)
    most = MOST_BY_CHANCE / chance if chance else math.inf
    return max(1, int(min(longest, most)) - 1), longest > most
