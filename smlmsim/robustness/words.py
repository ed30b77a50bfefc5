"""The result of a study of robustness in words."""

from __future__ import annotations

import tomllib

import pandas as pd
import xarray as xr

from smlmsim.robustness.differences import BEYOND_CLASSIC, CHANGED, UNSEEN, differences
from smlmsim.robustness.study import ALL, CONTROL


def in_words(scores: xr.Dataset) -> str:
    """Say what a study of robustness found: in laboratories not seen, and after the perturbation.

    Parameters
    ----------
    scores : xr.Dataset
        As :func:`~smlmsim.robustness.run.run_robustness` gives it.
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
        f"{budget.get('batch', '?')} crops at most each: {ALL} in all {laboratories} laboratories, the others without "
        f"one of them. Each was tested on {scores.sizes['seed']} movies of every laboratory and condition. "
        "Each was trained once, so the p-values speak of other movies, not of other trainings."
    )


def _level(scores: xr.Dataset, metric: str) -> str:
    """Whether the network that saw everything exceeds the classic opponent: otherwise it tells little."""
    classic, found = scores.attrs["classic"], scores[metric].sel(condition=CONTROL).mean("seed")
    ours, theirs = found.sel(model=ALL), found.sel(model=classic)
    sign = _sign(scores[metric])
    behind = [str(name) for name in scores.laboratory.values[(sign * (ours - theirs) <= 0).values]]
    means = f"{_label(scores[metric])} {float(ours.mean()):.3f} against {float(theirs.mean()):.3f}"
    if not behind:
        return f"{ALL} does better than {classic} in every laboratory ({means} on average)."
    return (
        f"{ALL} does no better than {classic} in {', '.join(behind)} ({means} on average over all laboratories): "
        "networks so small, or trained so briefly, say little about how networks generalize."
    )


def _unseen(scores: xr.DataArray, table: pd.DataFrame) -> str:
    rows = table[table.question == UNSEEN]
    sign, label = _sign(scores), _label(scores)
    sure = rows[rows.told_apart]
    worse, better = sure[sign * sure.difference < 0], sure[sign * sure.difference > 0]
    said = [
        f"In laboratories it never saw, a network does worse than {ALL} by {label} in {len(worse)} of {len(rows)}"
        f"{_listed(worse)}, better in {len(better)}{_listed(better)}"
    ]
    if len(sure) < len(rows):
        open_rows = rows[~rows.told_apart]
        said.append(f"; in {len(open_rows)} they are not told apart{_listed(open_rows)}")
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
        f"Beyond what happens to the classic reconstructor, which learned nothing, networks lose in {len(lost)} of "
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
    """Say that the movies are too few to tell anything apart, if they are."""
    needed, movies = int(table.movies_needed.max()), int(table.movies.max())
    if movies >= needed:
        return ""
    return f"{movies} movies cannot tell all comparisons apart, however different they are; it takes at least {needed}."


def _sign(scores: xr.DataArray) -> int:
    return -1 if scores.attrs["better"] == "lower" else 1


def _label(scores: xr.DataArray) -> str:
    return str(scores.attrs["long_name"])
