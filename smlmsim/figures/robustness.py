"""Robustness: networks on data of unseen laboratories and perturbed cells, and trained on few and many fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlmsim.figures.label import score_label
from smlmsim.figures.style import CATEGORIES, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

Floats = npt.NDArray[np.float64]

APART = 0.75
"""Distance between the boxes of a group; pairs are 2 apart."""

NETWORKS = {
    "few fields of one laboratory": CATEGORIES[5],
    "all laboratories but this one": CATEGORIES[1],
    "all laboratories": CATEGORIES[4],
}
CELLS = {"control": CATEGORIES[2], "perturbed": CATEGORIES[3]}
TRUTH = "truth"
IMAGES = ("black", *NETWORKS.values(), "0.6")
"""Colours of the truth, the three networks and the classic reconstructor."""
LABELS = (TRUTH, *NETWORKS)
FEW_MANY = (CATEGORIES[7], CATEGORIES[8], CATEGORIES[10], CATEGORIES[11])


def laboratories(scores: xr.Dataset, table: pd.DataFrame) -> Figure:
    """Compare, per metric and laboratory, networks trained on few fields of one, on all but this one, and on all.

    Parameters
    ----------
    scores : xr.Dataset
        Scores returned by :func:`smlmsim.robustness.run_robustness`.
    table : pd.DataFrame
        Table returned by :func:`smlmsim.robustness.differences`; its corrected p-values are drawn between neighbours.
    """

    def draw(panel: Axes, metric: str, laboratory: str) -> None:
        _draw_laboratory(panel, scores, table, metric, laboratory)

    return _panels(scores, draw, NETWORKS, panel_width=1.75)


def _draw_laboratory(
    panel: Axes, scores: xr.Dataset, table: pd.DataFrame, metric: str, laboratory: str
) -> None:
    """Draw the three networks on the control movies of a laboratory."""
    movies = scores[metric].sel(laboratory=laboratory, condition="control")
    questions = table[table.question.isin(["unseen", "several laboratories"])]
    rows = _of(questions, metric, laboratory).set_index("question")
    names = [
        scores.attrs["one_laboratory"], rows.loc["unseen", "model"], scores.attrs["all_laboratories"],
    ]  # fmt: skip
    p = rows["p_holm"].loc[["several laboratories", "unseen"]].tolist()
    _draw_groups(panel, [[movies.sel(model=name).values for name in names]], [p], NETWORKS)
    panel.set_xticks(APART * np.arange(3), names)


def perturbation(scores: xr.Dataset, table: pd.DataFrame) -> Figure:
    """Compare, per metric and laboratory, control and perturbed movies, for three networks and a classic method.

    Parameters
    ----------
    scores, table :
        As in :func:`laboratories`.
    """
    rows = table[table.question == "perturbed"]

    def draw(panel: Axes, metric: str, laboratory: str) -> None:
        movies = scores[metric].sel(laboratory=laboratory)
        found = _of(rows, metric, laboratory)
        if found.empty:
            panel.set_xticks([])
            panel.text(0.5, 0.5, "no perturbed movies", ha="center", transform=panel.transAxes)
            return
        pairs = [
            [movies.sel(model=model, condition=condition).values for condition in CELLS]
            for model in found["model"]
        ]
        _draw_groups(panel, pairs, [[p] for p in found["p_holm"]], CELLS)
        names = [str(name).replace("_", "\n") for name in found["model"]]
        panel.set_xticks(2 * np.arange(len(pairs)) + APART / 2, names)

    return _panels(scores, draw, CELLS, panel_width=2.3)


def quantity(scores: xr.Dataset, metric: str) -> Figure:
    """Draw, per laboratory, the mean score of every training on few and on many fields.

    Parameters
    ----------
    scores : xr.Dataset
        ``quantity`` of the results of :func:`smlmsim.robustness.run_robustness`.
    metric : str
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(3.6, 2.6), layout="constrained")
        _draw_quantity(figure.subplots(), scores[metric])
    return figure


def course(areas: xr.Dataset, table: pd.DataFrame) -> Figure:
    """Draw the area fraction over time after the perturbation, of the truth and of all images.

    Parameters
    ----------
    areas : xr.Dataset
        ``course`` of the results of :func:`smlmsim.robustness.run_robustness`.
    table : pd.DataFrame
        Table returned by :func:`smlmsim.robustness.followed`: where the difference from before is significant, points
        are filled.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(3.8, 2.8), layout="constrained")
        _draw_course(figure.subplots(), areas, table)
    return figure


def profiles(found: xr.Dataset, names: Mapping[str, Sequence[str]]) -> Figure:
    """Draw, per laboratory, the mean intensity profile across filaments and the distribution of their widths.

    Parameters
    ----------
    found : xr.Dataset
        ``profiles`` of the results of :func:`smlmsim.robustness.run_robustness`.
    names : mapping
        Laboratory -> the images to show: the truth, M0, the model that never saw the laboratory, that which saw all,
        and the classic reconstructor.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(1.75 * len(names) + 0.7, 4.2), layout="constrained")
        rows = figure.subplots(2, len(names), squeeze=False, sharey="row")
        _draw_profile_rows(rows, found, names)
        for panel, laboratory in zip(rows[0], names, strict=True):
            panel.set_title(laboratory.replace("_", " "))
        figure.legend(handles=_image_patches(names), loc="outside lower center", ncols=3, frameon=False)
    return figure


def robustness(
    scores: xr.Dataset,
    table: pd.DataFrame,
    few_many: xr.Dataset,
    areas: xr.Dataset,
    area_table: pd.DataFrame,
    found: xr.Dataset,
    names: Mapping[str, Sequence[str]],
) -> Figure:
    """Draw a study in one figure: laboratories, profiles and widths, number of fields, and the course.

    Parameters
    ----------
    scores, table :
        As in :func:`laboratories`; the first metric is drawn.
    few_many, areas, area_table, found, names :
        As in :func:`quantity`, :func:`course` and :func:`profiles`.
    """
    from matplotlib.figure import Figure

    metric = next(str(name) for name in scores)
    with styled():
        figure = Figure(figsize=(7.4, 7.6), layout="constrained")
        upper, lower = figure.subfigures(2, 1, height_ratios=[2.6, 1], squeeze=False)[:, 0]
        rows = upper.subplots(3, len(names), squeeze=False, sharey="row")
        for panel, laboratory in zip(rows[0], names, strict=True):
            _draw_laboratory(panel, scores, table, metric, laboratory)
            panel.margins(y=0.22)
            panel.set_title(laboratory.replace("_", " "))
        rows[0][0].set_ylabel(score_label(scores[metric]))
        _draw_profile_rows(rows[1:], found, names)
        upper.legend(handles=_image_patches(names), loc="outside lower center", ncols=3, frameon=False)
        left, right = lower.subplots(1, 2)
        _draw_quantity(left, few_many[metric])
        _draw_course(right, areas, area_table)
    return figure


def _draw_quantity(panel: Axes, scores: xr.DataArray) -> None:
    """Draw a point for every training, and a bar for the mean of those with equally many fields."""
    names = [str(name) for name in scores.laboratory.values]
    means = scores.mean("seed").transpose("laboratory", "fields", "draw").values
    numbers = scores.fields.values
    for place, (fields, colour) in enumerate(zip(numbers, FEW_MANY, strict=False)):
        at = np.arange(len(names)) + 0.5 * (place - (len(numbers) - 1) / 2) / len(numbers) * 1.4
        label = f"{fields} field{'s' if fields > 1 else ''}"
        values = means[:, place]
        panel.hlines(values.mean(axis=1), at - 0.12, at + 0.12, color=colour, linewidth=1.5, label=label)
        panel.plot(
            np.repeat(at, values.shape[1]), values.ravel(), "o", color=colour, markersize=2.5, alpha=0.7
        )
    panel.set_xticks(np.arange(len(names)), [name.replace("_", " ") for name in names])
    panel.set_ylabel(score_label(scores))
    panel.legend(frameon=False, fontsize=7)


def _draw_course(panel: Axes, areas: xr.Dataset, table: pd.DataFrame) -> None:
    """Draw the area fraction relative to that before, mean and standard deviation; open points are not significant."""
    for (name, rows), colour in zip(table.groupby("image", sort=False), IMAGES, strict=True):
        minutes, relative = rows["minute"].to_numpy(), rows["relative"].to_numpy()
        spread = rows["sd"].to_numpy() * relative[0] / rows["mean"].iloc[0]
        sure = rows["told_apart"].to_numpy() | (minutes == 0)
        panel.errorbar(
            minutes, relative, spread, color=colour, linewidth=0.9, elinewidth=0.4, label=str(name)
        )
        panel.scatter(
            minutes,
            relative,
            s=10,
            color=np.where(sure, colour, "white"),
            edgecolor=colour,
            linewidth=0.7,
            zorder=3,
        )
    panel.xaxis.set_major_formatter("{x:g}")
    panel.set(xlabel="minutes after the perturbation", ylabel="area fraction, relative", ylim=(0, 1.6))
    panel.legend(
        frameon=False, fontsize=7, loc="upper right", title=areas.attrs["followed"], title_fontsize=7
    )


def _draw_profile_rows(
    rows: npt.NDArray[np.object_], found: xr.Dataset, names: Mapping[str, Sequence[str]]
) -> None:
    """Draw the mean profiles in one row of panels, and box plots of the widths (quartiles) in the next."""
    for (upper, lower), (laboratory, images) in zip(rows.T, names.items(), strict=True):
        here = found.sel(laboratory=laboratory)
        for place, (image, colour) in enumerate(zip(images, IMAGES, strict=True)):
            one = here.sel(image=image)
            upper.plot(found.offset.values, one.profile.values, color=colour, linewidth=1)
            widths = one.fwhm_nm.values
            box = lower.boxplot(
                [widths[np.isfinite(widths)]], positions=[place], widths=0.6, patch_artist=True, manage_ticks=False,
                flierprops={"markersize": 1.5, "marker": "o", "markeredgewidth": 0.3},
                medianprops={"color": "black"},
                whiskerprops={"linewidth": 0.6}, capprops={"linewidth": 0.6},
            )  # fmt: skip
            box["boxes"][0].set(facecolor=colour, linewidth=0.5)
        upper.set_xlabel("nm from the centre line")
        short = [image.replace("_", "\n") for image in images]
        lower.set_xticks(np.arange(len(images)), short, fontsize=6)
    rows[0][0].set_ylabel("intensity")
    rows[1][0].set_ylabel("FWHM (nm)")
    rows[1][0].set_ylim(0, None)


def _image_patches(names: Mapping[str, Sequence[str]]) -> list[Patch]:
    """The legend of the colours of images."""
    from matplotlib.patches import Patch

    classic = next(iter(names.values()))[-1]
    return [
        Patch(color=colour, label=label) for label, colour in zip((*LABELS, classic), IMAGES, strict=True)
    ]


def _panels(
    scores: xr.Dataset,
    draw: Callable[[Axes, str, str], None],
    colours: Mapping[str, str],
    *,
    panel_width: float,
) -> Figure:
    """Draw panels, a row for each metric and a column for each laboratory, with a given function; add a legend."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    metrics, names = [str(name) for name in scores], [str(name) for name in scores.laboratory.values]
    with styled():
        figure = Figure(
            figsize=(panel_width * len(names) + 0.7, 1.9 * len(metrics) + 0.5), layout="constrained"
        )
        panels = figure.subplots(len(metrics), len(names), sharey="row", squeeze=False)
        for row, metric in zip(panels, metrics, strict=True):
            for panel, name in zip(row, names, strict=True):
                draw(panel, metric, name)
                panel.margins(y=0.22)
            row[0].set_ylabel(f"{score_label(scores[metric])}\n{scores[metric].attrs['better']} is better")
        for panel, name in zip(panels[0], names, strict=True):
            panel.set_title(name.replace("_", " "))
        patches = [Patch(color=colour, label=label) for label, colour in colours.items()]
        figure.legend(handles=patches, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _draw_groups(
    panel: Axes, groups: Sequence[Sequence[Floats]], p: Sequence[Sequence[float]], colours: Mapping[str, str]
) -> None:
    """Draw box plots (quartiles) for each group, a line for every movie, and p-values between neighbours above."""
    number = len(colours)
    for place, (group, values) in enumerate(zip(groups, p, strict=True)):
        at = 2 * place + APART * np.arange(number)
        panel.plot(at, np.array(group), color="0.25", linewidth=0.4, marker="o", markersize=1.6, zorder=3)
        boxes = panel.boxplot(
            list(group), positions=at, widths=0.5, showfliers=False, patch_artist=True, manage_ticks=False,
            medianprops={"color": "black"}, whiskerprops={"linewidth": 0.6}, capprops={"linewidth": 0.6}, zorder=2,
        )  # fmt: skip
        for box, colour in zip(boxes["boxes"], colours.values(), strict=True):
            box.set(facecolor=colour, linewidth=0.5)
        for between, value in enumerate(values):
            panel.annotate(
                _p(value), (at[between : between + 2].mean(), 1), xycoords=("data", "axes fraction"),
                xytext=(0, -2 - 7 * between), textcoords="offset points", ha="center", va="top", fontsize=6,
            )  # fmt: skip
    panel.set_xlim(-0.6, 2 * len(groups) - 2 + APART * (number - 1) + 0.6)


def _of(rows: pd.DataFrame, metric: str, laboratory: str) -> pd.DataFrame:
    return rows[(rows["metric"] == metric) & (rows["laboratory"] == laboratory)]


def _p(value: float) -> str:
    return f"p = {value:.2g}" if value >= 0.001 else "p < 0.001"
