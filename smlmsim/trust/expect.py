"""The expected score at the place of an experiment on a map, and which reconstructor to take."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr

import smlmsim
from smlmsim.estimate.contour_density import contour_density
from smlmsim.estimate.location import VELOCITY, Box, good_up_to, scores_inside
from smlmsim.spec import parse_toml
from smlmsim.trust.findings import Expected
from smlmsim.windows import at_best_windows, best_of, has_windows, unit_s_of

USUAL_WINDOW_S, USUAL_PIXEL_NM = 1.5, 20.0
"""Time point and pixel of a map that does not state its study: those of the map of the package."""


GOOD_SCORE = 0.7
"""Expected score that is good enough, as for `smlmsim locate-on-map`."""


def without_windows(scores: xr.Dataset, metric: str) -> xr.Dataset:
    """The scores of one metric; of a map with time windows, those of the best window of each cell."""
    return at_best_windows(scores, metric) if has_windows(scores) else scores[[metric]]


def expected(scores: xr.Dataset, box: Box, metric: str) -> list[Expected]:
    """Return the expected score of every installed reconstructor of a map, the best first."""
    scores = without_windows(scores, metric)
    up_to = good_up_to(scores, box.rate_hz, metric=metric, threshold=GOOD_SCORE)
    found = scores[metric]
    if "seed" not in found.dims:
        found = found.expand_dims("seed")
    inside = scores_inside(found, box.rate_hz, _velocities(scores, box))
    sign = -1 if scores[metric].attrs.get("better") == "lower" else 1
    made = []
    for name in _usable(inside.reconstructor.values.tolist()):
        of_seeds = inside.sel(reconstructor=name)
        by_seed, by_place = of_seeds.mean("place").values, of_seeds.mean("seed").values
        if np.isfinite(by_seed).all():
            spread = float(by_seed.std(ddof=1)) if by_seed.size > 1 else float("nan")
            made.append(
                Expected(
                    name,
                    float(by_seed.mean()),
                    spread,
                    float(by_place.min()),
                    float(by_place.max()),
                    up_to[name],
                )
            )
    return sorted(made, key=lambda one: -sign * one.mean)


def outside(name: str, observation: xr.Dataset, weights: object = None) -> tuple[str, ...]:
    """Say where an observation lies outside what an installed network was trained for; empty for all others."""
    domain = getattr(smlmsim.load(name, {"weights": weights} if weights else {}), "domain", None)
    if domain is None:
        return ()
    contour = contour_density(observation) if domain.density_per_um else None
    return tuple(domain.outside(observation, density_per_um=contour))


def window_s(scores: xr.Dataset, box: Box, name: str | None, metric: str) -> float:
    """The duration of a time point that a map advises for a reconstructor, or with which it was made."""
    if not has_windows(scores):
        study = study_of(scores).get("acquisition", {})
        return float(study.get("exposure_s", 0.03)) * float(
            study.get("frames_per_point", USUAL_WINDOW_S / 0.03)
        )
    unit_s = unit_s_of(scores)
    means = scores[metric].mean("seed") if "seed" in scores.dims else scores[metric]
    means = scores_inside(means, box.rate_hz, _velocities(scores, box)).mean("place", skipna=False)
    best = best_of(means.assign_attrs(scores[metric].attrs), unit_s)
    names = best.reconstructor.values.tolist()
    chosen = float(best.window.sel(reconstructor=name if name in names else names[0]))
    return chosen if unit_s else 0.03 * chosen


def study_of(scores: xr.Dataset) -> dict[str, dict[str, float]]:
    """The settings of the movies of a map; empty if it does not state them."""
    if "grid" not in scores.attrs:
        return {}
    return dict(parse_toml(str(scores.attrs["grid"]), "the grid of the scores").get("study", {}))


def axis_range(scores: xr.Dataset, axis: str) -> tuple[float, float]:
    """The lowest and the highest value of an axis of a map."""
    return float(scores[axis].min()), float(scores[axis].max())


def _velocities(scores: xr.Dataset, box: Box) -> tuple[float, float]:
    return box.velocity_nm_per_s or axis_range(scores, VELOCITY)


def _usable(names: Iterable[str]) -> list[str]:
    """The reconstructors that are installed and need nothing but localizations."""
    installed = set(smlmsim.reconstruct.available())
    return [name for name in names if name in installed and not smlmsim.reconstruct.needs(smlmsim.load(name))]
