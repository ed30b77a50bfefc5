"""The reconstructions of two halves of a table, and how well they agree."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import domain
from smlmsim.estimate.repeats import Repeats, repeats
from smlmsim.experimental import Experimental
from smlmsim.half_movies import half_movies
from smlmsim.localization_density import explained_nm, precisions
from smlmsim.metrics import agreement
from smlmsim.metrics.skeleton import TOLERANCE_NM
from smlmsim.reconstruct import load, reconstruct
from smlmsim.rng import stream
from smlmsim.trust.choice import Given
from smlmsim.trust.findings import Halves

LINK_SIGMAS = 3.0
"""Distance within which a molecule is looked for again, in median precisions."""
BLINKING = 0.05
"""Share of localizations followed by another of the same molecule, from which halves are split by molecule."""


class Split(NamedTuple):
    """The reconstructions of both halves by their names, their agreement, and what was found; empty without halves."""

    movies: dict[str, xr.DataArray]
    agreement: xr.Dataset | None
    found: Halves


def seen_again(table: xr.Dataset) -> Repeats:
    """How often a molecule is localized again."""
    return repeats(table, distance_nm=LINK_SIGMAS * float(np.median(precisions(table).nm)))


def split(name: str, observation: xr.Dataset, given: Given, seen: Repeats, study: Experimental) -> Split:
    """Reconstruct two halves, split by molecule where molecules are seen several times, and compare them."""
    joined = study.selection.link_nm is not None
    by_molecule = not joined and seen.is_seen and seen.share > BLINKING
    reconstructor = load(name, {"weights": given.weights} if given.weights else {})
    dark_frames = study.selection.link_dark_frames if joined else seen.dark_frames
    made = Halves(
        by="molecule" if joined or by_molecule else "localization",
        dark_s=dark_frames * float(observation.attrs["exposure_s"]) if joined or by_molecule else math.nan,
    )
    try:
        parts = half_movies(
            observation, stream(given.seed, "halves"), distance_nm=seen.distance_nm if by_molecule else None,
            dark_frames=dark_frames,
        )  # fmt: skip
        with domain.gathered():
            one, other = (reconstruct(reconstructor, part).density for part in parts)
        found = agreement(one, other, tolerance_nm=explained_nm(observation, study.pixel_nm) or TOLERANCE_NM)
    except ValueError as error:
        return Split({}, None, made._replace(problem=str(error)))
    made = made._replace(
        pearson=float(found.pearson), lines=float(found.skeleton), tolerance_nm=float(found.attrs["tolerance_nm"]),
        frc_nm=float(found.frc_nm), worst_nm=float(found.attrs["worst_nm"]),
        times_nm=_ends(found.frc_over_time_nm.values), places_nm=_ends(found.frc_over_space_nm.values),
    )  # fmt: skip
    return Split({"first half": one, "second half": other}, found, made)


def _ends(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (math.nan, math.nan)
