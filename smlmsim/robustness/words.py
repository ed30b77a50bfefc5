"""The result of a study of robustness in words."""

from __future__ import annotations

import tomllib

import pandas as pd
import xarray as xr

from smlmsim.robustness.course import followed
from smlmsim.robustness.differences import BEYOND_CLASSIC, CHANGED, SEVERAL, UNSEEN, differences
from smlmsim.robustness.measures import TRUTH
from smlmsim.robustness.quantity import quantities
from smlmsim.robustness.results import Results
from smlmsim.robustness.study import ALL, CONTROL, ONE
from smlmsim.robustness.widths import widths


def in_words(results: Results) -> str:
    """Describe the results of a study of robustness: unseen laboratories, numbers of fields, perturbation, widths.

    Parameters
    ----------
    results : Results
        From :func:`~smlmsim.robustness.run.run_robustness`.
    """
    scores = results.scores
    metrics = [str(name) for name in scores]
    parts = [_what(scores), _level(scores, metrics[0])]
    for name in metrics:
        table = differences(scores, name)
        parts += [_unseen(scores[name], table), _several(scores, name, table)]
        if (table.question == CHANGED).any():
            parts.append(_perturbed(scores[name], table))
    if results.quantity is not None:
        parts += [_quantity(results.quantity, name) for name in metrics]
    if results.course is not None:
        parts.append(_course(results.course))
    if results.profiles is not None:
        parts.append(_widths(results.profiles))
    return "\n\n".join([*parts, _few(differences(scores, metrics[0]))]).strip() + "\n"


def _what(scores: xr.Dataset) -> str:
    budget = tomllib.loads(scores.attrs["configuration"]).get("budget", {})
    laboratories = scores.sizes["laboratory"]
    return (
        f"{2 + laboratories} networks {scores.attrs['network']} were trained, {budget.get('steps', '?')} steps of "
        f"{budget.get('batch', '?')} crops at most each: {ONE} on {scores.attrs['fields']} fields of "
        f'{scores.attrs["trained_alone"]}, "{ALL}" in all {laboratories} laboratories, the others in all except one. '
        f"Each was tested on {scores.sizes['seed']} movies of every laboratory and condition. "
        "Each was trained once, so the p-values refer to other movies, not to other trainings."
    )


def _level(scores: xr.Dataset, metric: str) -> str:
    """Compare the network trained in all laboratories with the classic reconstructor; warn if it is not better."""
    classic, found = scores.attrs["classic"], scores[metric].sel(condition=CONTROL).mean("seed")
    ours, theirs = found.sel(model=ALL), found.sel(model=classic)
    sign = _sign(scores[metric])
    behind = [str(name) for name in scores.laboratory.values[(sign * (ours - theirs) <= 0).values]]
    means = f"{_label(scores[metric])} {float(ours.mean()):.3f} against {float(theirs.mean()):.3f}"
    who = f'The network of all laboratories ("{ALL}")'
    if not behind:
        return f"{who} scores better than {classic} in every laboratory ({means} on average)."
    return (
        f"{who} does not score better than {classic} in {', '.join(behind)} (all laboratories on average: {means}). "
        "Networks that are too small, or trained too briefly, say little about generalization."
    )


def _unseen(scores: xr.DataArray, table: pd.DataFrame) -> str:
    rows = table[table.question == UNSEEN]
    return (
        f'In laboratories without training data, a network is worse than "{ALL}" by {_label(scores)} in '
        f"{_counted(scores, rows)}."
    )


def _several(scores: xr.Dataset, metric: str, table: pd.DataFrame) -> str:
    """Compare networks that never saw a laboratory with M0, where it did not see it either, and in its own."""
    rows = table[table.question == SEVERAL]
    own = rows.laboratory == scores.attrs["trained_alone"]
    label = _label(scores[metric])
    return (
        f"Where neither saw the laboratory, a network trained in several others is worse than {ONE} by {label} in "
        f"{_counted(scores[metric], rows[~own])}. In the laboratory of {ONE} it is worse in "
        f"{_counted(scores[metric], rows[own])}."
    )


def _counted(scores: xr.DataArray, rows: pd.DataFrame) -> str:
    """Say in how many comparisons the second is worse, and in how many better; ``x of n, better in y; ...``."""
    sign = _sign(scores)
    sure = rows[rows.told_apart]
    worse, better = sure[sign * sure.difference < 0], sure[sign * sure.difference > 0]
    said = f"{len(worse)} of {len(rows)}{_listed(worse)}, better in {len(better)}{_listed(better)}"
    if len(sure) < len(rows):
        open_rows = rows[~rows.told_apart]
        said += f"; in {len(open_rows)} the difference is not significant{_listed(open_rows)}"
    return said


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


def _quantity(scores: xr.Dataset, metric: str) -> str:
    """Compare few fields with many, in their own laboratory and in the others."""
    table = quantities(scores, metric)
    few, many = int(table.fields.min()), int(table.fields.max())
    draws = int(table.draws.iloc[0])
    said = []
    for laboratory, rows in table.groupby("laboratory", sort=False):
        first, last = (rows[rows.fields == number].iloc[0] for number in (few, many))
        own = " (their own laboratory)" if laboratory == scores.attrs["quantified"] else ""
        said.append(
            f"{laboratory}{own} {first['mean']:.3f}{_sd(first)} and {last['mean']:.3f}{_sd(last)}, "
            f"{last['difference']:+.3f}{_interval(last)}"
        )
    return (
        f"Networks trained on {few} and on {many} fields of {scores.attrs['quantified']}, {_label(scores[metric])} of "
        f"{draws} trainings each (standard deviation between trainings; difference): {'; '.join(said)}."
    )


def _course(course: xr.Dataset) -> str:
    """Say how the area fraction changes after the perturbation, and when this is significant."""
    table = followed(course)
    said = []
    for image, rows in table.groupby("image", sort=False):
        last = rows.iloc[-1]
        said.append(
            f"{_image(image)} from {rows['mean'].iloc[0]:.3f} to {last['mean']:.3f} "
            f"({100 * (last['relative'] - 1):+.0f} %; {_when(rows)})"
        )
    return (
        f"Area fraction from before the perturbation to {course.minute.values[-1]:g} min after it in "
        f"{course.attrs['followed']}, {int(table.cells.iloc[0])} cells at each time, with the times at which they "
        "differ significantly from those before (Mann-Whitney test, Holm's correction over the times): "
        f"{'; '.join(said)}."
    )


def _when(rows: pd.DataFrame) -> str:
    """Name the times at which the area fraction of an image differs significantly from that before."""
    sure = rows[rows.told_apart]
    if sure.empty:
        return f"at no time, p = {rows.p_holm.min():.2g} at least"
    times = ", ".join(f"{minute:g}" for minute in sure.minute)
    return f"at {times} min, p = {sure.p_holm.max():.2g} at most"


def _image(name: object) -> str:
    """Name an image in a sentence."""
    return "the truth" if name == TRUTH else f'"{name}"' if name == ALL else str(name)


def _widths(profiles: xr.Dataset) -> str:
    """State the median width of the filaments in every laboratory."""
    table = widths(profiles)
    said = []
    for laboratory, rows in table.groupby("laboratory", sort=False):
        shown = ", ".join(f"{_image(row['image'])} {row['median']:.0f}" for row in rows.to_dict("records"))
        said.append(f"{laboratory}: {shown}")
    return (
        f"Full width at half maximum of filaments, median of up to {profiles.sizes['number']} profiles in nm: "
        f"{'; '.join(said)}."
    )


def _sd(row: pd.Series) -> str:
    return f" ± {row['sd']:.3f}" if row["draws"] > 1 else ""


def _interval(row: pd.Series) -> str:
    return f" ({row['low']:+.3f} to {row['high']:+.3f})" if row["draws"] > 1 else ""


def _listed(rows: pd.DataFrame) -> str:
    """Name the comparisons of some rows with their numbers, in brackets."""
    if rows.empty:
        return ""
    return " (" + "; ".join(
        f"{_image(row['model'])} in {row['laboratory']}: {row['difference']:+.3f}, p = {row['p_holm']:.2g}"
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
