"""The number by which a truth is divided before it is compared with an estimate."""

from __future__ import annotations

import functools
import math
import tomllib
from typing import Any

import numpy as np
import numpy.typing as npt

CRESTS = 3
"""Data range of a sparse movie, in crests of a straight filament: where three cross, it saturates."""
PERCENTILE = 99.9
"""Percentile of the pixels that are not zero that makes the data range of other movies."""
WITHOUT_CONTOURS = {"fixed_pair", "hybrid", "nuclear_pores"}
"""Kinds of studies and structures made of specks or spots, which a straight filament does not represent."""


def crest(sigma_nm: float) -> float:
    """Return the crest, the density on the centre line of a single straight filament, in nm^-1.

    The density of a contour is the line integral of a Gaussian around each pixel. On an infinite straight line it is
    the integral over s of exp(-s^2 / (2 sigma^2)) / (2 pi sigma^2), which is 1 / (sqrt(2 pi) sigma).

    Examples
    --------
    >>> round(crest(30.0), 5)
    0.0133
    """
    return 1 / (math.sqrt(2 * math.pi) * sigma_nm)


def three_crests(study: object) -> float | None:
    """Return three times the crest of a single straight filament drawn as in a study, in nm^-1.

    Parameters
    ----------
    study : str
        Study in TOML, as in the attribute ``study`` of a simulated truth.

    Returns
    -------
    float or None
        None if the text is not a study, or if its structure has no contours: specks of measured tables, and the
        subunits of nuclear pores, which are smaller than the Gaussian with which they are drawn.
    """
    found = _read(str(study))
    kinds = {found.get("kind"), _table(found, "structure").get("kind")}
    sigma_nm = _table(found, "density").get("sigma_nm")
    if not isinstance(sigma_nm, int | float) or not sigma_nm > 0 or not kinds.isdisjoint(WITHOUT_CONTOURS):
        return None
    return CRESTS * crest(sigma_nm)


def brightest(truth: npt.NDArray[Any]) -> float:
    """Return the 99.9th percentile of the non-zero pixels of a truth, which must have at least one."""
    return float(np.percentile(truth[truth != 0], PERCENTILE))


def described(scale: float | None) -> str:
    """Describe how truth and estimate are normalised, for the attributes of a score; None means the percentile."""
    unit = (
        f"the {PERCENTILE:g}th percentile of its pixels that are not zero"
        if scale is None
        else f"{CRESTS} crests of a single straight filament"
    )
    return f"truth / {unit}; estimate * its non-negative least-squares factor; one of each per movie"


@functools.lru_cache(maxsize=16)
def _read(study: str) -> dict[str, Any]:
    try:
        return tomllib.loads(study)
    except tomllib.TOMLDecodeError:
        return {}


def _table(found: dict[str, Any], name: str) -> dict[str, Any]:
    table = found.get(name)
    return table if isinstance(table, dict) else {}
