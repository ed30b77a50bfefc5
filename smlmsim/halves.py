"""Split halves: the localizations of a table, assigned at random to two halves."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlmsim.linking import molecules


def halves(
    table: xr.Dataset,
    rng: np.random.Generator,
    *,
    distance_nm: float | None = None,
    dark_frames: int = 1,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Assign every localization, or every molecule, to one of two halves by a fair coin.

    The halves of Poisson events are two independent Poisson processes of half the rate. Localizations of one molecule
    are not independent: split one by one, they are in both halves, which then agree more than two recordings of other
    molecules would. Split by molecule, all localizations of a molecule are in one half.

    Parameters
    ----------
    table : xr.Dataset
        ``loc_*`` (localization,).
    rng : Generator
    distance_nm : float, optional
        Split by molecule: localizations in successive frames within this distance of each other are of one molecule,
        as for :func:`~smlmsim.linking.link`. By default every localization is assigned by itself.
    dark_frames : int
        Number of successive frames in which a molecule may be dark.

    Returns
    -------
    first, second : xr.Dataset
        Every localization of the table is in one of the two, in the order of the table.

    Examples
    --------
    >>> from smlmsim import schema
    >>> table = schema.dataset(loc_frame=[0, 1], loc_y=[0.0, 1.0], loc_x=[0.0, 0.0])
    >>> first, second = halves(table, np.random.default_rng(0), distance_nm=30)
    >>> sorted([first.sizes["localization"], second.sizes["localization"]])
    [0, 2]
    """
    number = table.sizes["localization"]
    of = (
        np.arange(number)
        if distance_nm is None
        else molecules(table, distance_nm=distance_nm, dark_frames=dark_frames)
    )
    coins = rng.random(int(of.max(initial=-1)) + 1) < 0.5
    heads = coins[of]
    return table.isel(localization=np.flatnonzero(heads)), table.isel(localization=np.flatnonzero(~heads))
