"""Compare reconstructors: `python benchmarks/compare.py --preset quick --out out/compare` says which is best where.

It writes to the folder: `index.html` (the report), `win_map`, `paired`, `ranks`, `cost` and `heatmap` as PNG and PDF,
`comparison.csv` (every pair in every region), `scores.nc`, and the data to resume from: `scores.zarr` and `clips`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from smlmsim.cli import interruption, main

if __name__ == "__main__":
    interruption.end_while_loading()

import typer
import xarray as xr

from smlmsim import compare, figures, io
from smlmsim.cli.messages import Command
from smlmsim.cli.options import Scheduler, Workers
from smlmsim.cli.sweep import (
    Add,
    At,
    Metrics,
    MoviesOf,
    Pairs,
    Reconstructors,
    Seeds,
    seeds_of,
    slice_of,
    sweep_of,
)
from smlmsim.grid import run_grid, stored_grid
from smlmsim.grid.competitors import axis_of_pairs, paired, pairs_of
from smlmsim.grid.slices import cut, require_shown, sliced
from smlmsim.io import netcdf
from smlmsim.regions import axes_of, inside, regions_of
from smlmsim.report import costs, recorded, write_report

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

STUDIES = Path(__file__).parent / "studies"

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


@app.command(cls=Command)
def head_to_head(
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if absent.")],
    preset: Annotated[
        str | None, typer.Option(help="quick or full; or a sweep in TOML. [default: quick]")
    ] = None,
    reconstructor: Reconstructors = None,
    seeds: Seeds = None,
    metric: Metrics = None,
    at: At = None,
    pairs: Pairs = None,
    add: Add = False,
    movies_of: MoviesOf = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Run a grid, compare all reconstructors, and write the report; if killed, run it again to continue."""
    store, shown, chosen = out / "scores.zarr", seeds_of(movies_of, "--movies-of"), slice_of(at)
    grid = sweep_of(
        _sweep(preset) if preset else None, _sweep("quick"), store,
        reconstructors=reconstructor, seeds=seeds, metrics=metric, add=add,
    )  # fmt: skip
    kept = cut(grid, chosen)
    paired_with = axis_of_pairs(kept, pairs) if pairs else None
    require_shown({axis.setting: axis.values[0] for axis in kept.axes if axis is not paired_with})
    out.mkdir(parents=True, exist_ok=True)
    scores = run_grid(grid, store, add=add, movies_of=shown, processes=workers, scheduler=scheduler)
    netcdf.write(scores, out / "scores.nc")
    path = write_report(store, out, at=chosen, pairs=pairs, movies_of=shown, processes=workers)
    scores, grid = sliced(scores, stored_grid(store), chosen)
    names = list(pairs_of(grid, pairs).values()) if pairs else None
    scores = paired(scores, grid, pairs) if pairs else scores
    by = grid.metrics[0]
    table = compare.compare(scores, by)
    with io.replacing(out / "comparison.csv") as draft:
        table.to_csv(draft, index=False)
    drawn = {
        "heatmap": figures.heatmap(scores, by),
        "win_map": figures.win_map(compare.win_map(scores, by)),
        "paired": _paired(scores, by, table),
        "ranks": figures.rank_table(compare.mean_ranks(scores)),
        "cost": figures.cost(costs(scores, by, recorded(grid, out / "clips"), names)),
    }
    for name, figure in drawn.items():
        for suffix in (".png", ".pdf"):
            figures.save(figure, out / f"{name}{suffix}")
    typer.echo(f"{path} is the report, {path.stat().st_size / 1e6:.1f} MB; tables and figures are beside it")


def _sweep(preset: str) -> Path:
    return Path(preset) if preset.endswith(".toml") else STUDIES / f"compare-{preset}.toml"


def _paired(scores: xr.Dataset, metric: str, table: pd.DataFrame) -> Figure:
    """Plot the paired scores in the cells of live-cell experiments, or in all cells if the grid has none there."""
    movies, regions = scores[metric], regions_of(scores[metric])
    name = "live cells" if "live cells" in regions else "everywhere"
    means = movies.where(inside(movies, regions[name])).mean(axes_of(movies), keep_attrs=True)
    return figures.paired(means, table[table.region == name])


if __name__ == "__main__":
    main(app)
