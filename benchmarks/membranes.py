"""Show what split halves cannot see: `python benchmarks/membranes.py --out out/membranes`.

A membrane around a tube, as labels of TOM22 in mitochondria make it, is seen in projection as a filled body with a
brighter border. A network trained on filaments draws lines there, and draws much the same lines from either half.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from smlmsim.cli import interruption, main

if __name__ == "__main__":
    interruption.end_while_loading()

import numpy as np
import pandas as pd
import typer
import xarray as xr

from smlmsim import figures, io, load
from smlmsim.acquisition import Acquisition
from smlmsim.brightness import white_level
from smlmsim.cli.messages import Command
from smlmsim.cli.sweep import seeds_of
from smlmsim.figures.image import draw_frame, draw_scale_bar
from smlmsim.figures.style import styled
from smlmsim.half_movies import half_movies
from smlmsim.metrics import agreement, score
from smlmsim.motion import Static
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.reconstruct import reconstruct
from smlmsim.rng import stream
from smlmsim.structures import Mitochondria
from smlmsim.superpose import superpose

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Images = dict[str, xr.DataArray]

RECONSTRUCTORS = ("annapalm2d", "gaussian_time")
RATE_HZ = 1600.0
"""The highest rate of the map in the README, at which halves of filaments agree almost completely."""
LAYERS = 8
TRUE = ("ms_ssim", "pearson", "skeleton_precision")


class Membranes(SimulatedDynamic):
    """Membranes of mitochondria in projection: outlines of a membrane cut at several heights.

    The heights are R cos(a) with equally spaced angles a, so that the density in the image is that of a uniformly
    labelled cylinder of radius R.
    """

    structure: Mitochondria = Mitochondria(per_um2=0.5)
    layers: int = LAYERS

    def moving(self, seed: int) -> xr.Dataset:
        """The outlines of all layers; they share their centres, lengths, curvatures and ends."""
        return functools.reduce(superpose, [self._layer(layer, seed) for layer in range(self.layers)])

    def _layer(self, layer: int, seed: int) -> xr.Dataset:
        whole = self.structure
        # Rounded to 1/1024 nm, so that length plus width, and with it the box, is exactly the same in all layers.
        width_nm = round(1024 * whole.width_nm * math.sin(math.pi / 2 * (layer + 0.5) / self.layers)) / 1024
        longer_nm = whole.width_nm - width_nm
        outline = whole.replace(
            {
                "width_nm": width_nm,
                "shortest_nm": whole.shortest_nm + longer_nm,
                "longest_nm": whole.longest_nm + longer_nm,
            }
        )
        structure = outline.build(self.field, stream(seed, "structure"))
        return self.motion.move(structure, self.acquisition.step_times_s, stream(seed, "motion"))


def study_of(structure: str, time_points: int) -> SimulatedDynamic:
    """The study of membranes at rest, or of filaments at rest, at the same rate."""
    kind = {"membranes": Membranes, "filaments": SimulatedDynamic}[structure]
    return kind(
        acquisition=Acquisition(time_points=time_points),
        motion=Static(),
        photophysics=Poisson(rate_hz=RATE_HZ),
    )


def compared(structure: str, name: str, seed: int, *, time_points: int) -> tuple[dict[str, float], Images]:
    """Reconstruct both halves of a movie, and all of it; return agreement and true scores, and the images."""
    movie = simulate(study_of(structure, time_points), seed)
    truth = cast(xr.Dataset, movie.truth)
    reconstructor = load(name)
    first, second = (
        reconstruct(reconstructor, half).density
        for half in half_movies(movie.observation, stream(seed, "halves"))
    )
    whole = reconstruct(reconstructor, movie.observation)
    found, scores = agreement(first, second), score(whole, truth, metrics=TRUE)
    numbers = {
        "halves_pearson": float(found.pearson),
        "halves_lines": float(found.skeleton),
        "halves_frc_nm": float(found.frc_nm),
        **{f"true_{metric}": float(scores[metric]) for metric in TRUE},
    }
    images = {
        "truth": truth.density,
        "first half": first,
        "second half": second,
        "where they disagree": found.disagreement,
    }
    return numbers, images


def in_words(table: pd.DataFrame) -> str:
    """Describe the means over the seeds in one line for each structure and reconstructor."""
    lines = []
    for (structure, name), rows in table.groupby(["structure", "reconstructor"], sort=False):
        mean = rows.drop(columns=["structure", "reconstructor", "seed"]).mean()
        lines.append(
            f"{structure}, {name}: {100 * mean.halves_lines:.0f} % of the centre lines of two halves agree, Pearson "
            f"{mean.halves_pearson:.2f}, resolution {mean.halves_frc_nm:.0f} nm; "
            f"{100 * mean.true_skeleton_precision:.0f} % of the centre lines of the whole are true, Pearson "
            f"{mean.true_pearson:.2f}, MS-SSIM {mean.true_ms_ssim:.2f}"
        )
    return "\n".join(lines)


def drawn(shown: dict[str, Images]) -> Figure:
    """Draw the first time point of some movies, a row for each set of images, each image on its own scale."""
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(6.4, 1.75 * len(shown)), layout="constrained")
        rows = figure.subplots(len(shown), 4, squeeze=False)
        for place, (row, (label, images)) in enumerate(zip(rows, shown.items(), strict=True)):
            row[0].set_ylabel(label)
            for panel, (name, image) in zip(row, images.items(), strict=True):
                first = image.values[0].astype(np.float64)
                draw_frame(panel, (first / white_level(first)).clip(0, 1), image)
                panel.set_title("" if place else name)
        draw_scale_bar(rows[0][0], next(iter(next(iter(shown.values())).values())))
    return figure


def run(out: Path, seeds: tuple[int, ...], time_points: int) -> pd.DataFrame:
    """Compare all reconstructors on both structures, and draw the first seed of the network."""
    out.mkdir(parents=True, exist_ok=True)
    rows, shown = [], {}
    for structure, name in itertools.product(("filaments", "membranes"), RECONSTRUCTORS):
        for seed in seeds:
            numbers, images = compared(structure, name, seed, time_points=time_points)
            rows.append({"structure": structure, "reconstructor": name, "seed": seed, **numbers})
            if name == RECONSTRUCTORS[0] and seed == seeds[0]:
                shown[structure] = images
    figures.save(drawn(shown), out / "membranes.png")
    with io.replacing(out / "membranes.json") as draft:
        draft.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return pd.DataFrame(rows)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(cls=Command)
def membranes(
    out: Annotated[Path, typer.Option("--out", help="Folder for the figures and numbers; made if absent.")],
    seeds: Annotated[str, typer.Option(help="Seeds, as in 0-4.")] = "0-4",
    time_points: Annotated[int, typer.Option(min=1, help="Time points of 1.5 s in each movie.")] = 6,
) -> None:
    """Compare the agreement of two halves with the truth, on filaments and on membranes.

    Files in DIR: `membranes.png`, the truth and what annapalm2d makes of both halves, of the first seed;
    `membranes.json`, all numbers.
    """
    io.require_writable(out)
    typer.echo(in_words(run(out, tuple(seeds_of(seeds, "--seeds") or (0,)), time_points)))


if __name__ == "__main__":
    main(app)
