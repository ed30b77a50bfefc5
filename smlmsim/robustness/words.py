"""The result of a study of robustness in words."""

from __future__ import annotations

import tomllib

import pandas as pd
import xarray as xr

from smlmsim.robustness.differences import BEYOND_CLASSIC, CHANGED, UNSEEN, differences
from smlmsim.robustness.study import ALL, CONTROL


def in_words(scores: xr.Dataset) -> str:
    """Describe the result of a study of robustness: in unseen laboratories, and after the perturbation.

    Parameters
    ----------
    scores : xr.Dataset
        Scores from :func:`~smlmsim.robustness.run.run_robustness`.
    """
    metrics = [str(name) for name in scores]
    parts = [_what(scores), _level(scores, metrics[0])]
    for name in metrics:
        table = differences(scores, name)
        parts += [_unseen(scores[name], table), _perturbed(scores[name], table)]
    return "\n\n".join([*parts, _few(differences(scores, metrics[0]))]).strip() + "\n"


def _what(scores: xr.Dataset) -> str:
    budget = tomllib.loads(scores.attrs["configuration"]).get("budget", {})
    laboratories = scores.sizes["laboratory"]
    return (
        f"{1 + laboratories} networks {scores.attrs['network']} were trained, {budget.get('steps', '?')} steps of "
        f"{budget.get('batch', '?')} crops at most each: {ALL} in all {laboratories} laboratories, the others in all "
        f"except one. Each was tested on {scores.sizes['seed']} movies of every laboratory and condition. "
        "Each was trained once, so the p-values refer to other movies, not to other trainings."
    )


def _level(scores: xr.Dataset, metric: str) -> str:
    """Compare the network trained in all laboratories with the classic reconstructor; warn if it is not better."""
    classic, found = scores.attrs["classic"], scores[metric].sel(condition=CONTROL).mean("seed")
    ours, theirs = found.sel(model=ALL), found.sel(model=classic)
    sign = _sign(scores[metric])
    behind = [str(name) for name in scores.laboratory.values[(sign * (ours - theirs) <= 0).values]]
    means = f"{_label(scores[metric])} {float(ours.mean()):.3f} against {float(theirs.mean()):.3f}"
    if not behind:
        return f"{ALL} scores better than {classic} in every laboratory ({means} on average)."
    return (
        f"{ALL} does not score better than {classic} in {', '.join(behind)} ({means}, mean of all laboratories): "
        "networks that are too small, or trained too briefly, say little about generalization."
    )


def _unseen(scores: xr.DataArray, table: pd.DataFrame) -> str:
    rows = table[table.question == UNSEEN]
    sign, label = _sign(scores), _label(scores)
    sure = rows[rows.told_apart]
    worse, better = sure[sign * sure.difference < 0], sure[sign * sure.difference > 0]
    said = [
        f"In laboratories without training data, a network is worse than {ALL} by {label} in {len(worse)} of "
        f"{len(rows)}{_listed(worse)}, better in {len(better)}{_listed(better)}"
    ]
    if len(sure) < len(rows):
        open_rows = rows[~rows.told_apart]
        said.append(f"; in {len(open_rows)} the difference is not significant{_listed(open_rows)}")
    return "".join(said) + "."


def _perturbed(scores: xr.DataArray, table: pd.DataFrame) -> str:
    changed, beyond = (table[table.question == question] for question in (CHANGED, BEYOND_CLASSIC))
    by_role = changed.groupby("role", sort=False)["difference"].mean()
    means = ", ".join(f"{change:+.3f} ({role})" for role, change in by_role.items())
    sign = _sign(scores)
    sure = beyond[beyond.told_apart]
    lost, won = (sure[sign * side * sure.difference > 0] for side in (-1, 1))
    return (
        f"Under the perturbation {_label(scores)} changes on average by: {means}. "
        f"Compared with the change of the classic reconstructor, networks lose in {len(lost)} of "
        f"{len(beyond)} comparisons{_listed(lost)} and gain in {len(won)}{_listed(won)}."
    )


def _listed(rows: pd.DataFrame) -> str:
    """Name the comparisons of some rows with their numbers, in brackets."""
    if rows.empty:
        return ""
    return " (" + "; ".join(
        f"{row['model']} in {row['laboratory']}: {row['difference']:+.3f}, p = {row['p_holm']:.2g}"
        for row in rows.to_dict("records")
    ) + ")"  # fmt: skip


def _few(table: pd.DataFrame) -> str:
    """Return a warning if the movies are too few for all comparisons to be significant, else ""."""
    needed, movies = int(table.movies_needed.max()), int(table.movies.max())
    if movies >= needed:
        return ""
    return f"With {movies} movies, not all differences can be significant, however large; at least {needed} are needed."


def _sign(scores: xr.DataArray) -> int:
    return -1 if scores.attrs["better"] == "lower" else 1


def _label(scores: xr.DataArray) -> str:
    return str(scores.attrs["long_name"])
