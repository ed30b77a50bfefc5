"""Clips: the movie of a cell as it is shown, with every reconstruction, in 8 bits."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import xarray as xr
from tqdm import tqdm

from smlmsim import io, reconstruct, workers
from smlmsim.figures.image import white_level
from smlmsim.grid import Cell, Grid
from smlmsim.io import netcdf
from smlmsim.pipeline import simulate
from smlmsim.provenance import versions
from smlmsim.spec import one_line

OBSERVED, TRUTH = "localizations", "truth"
PARTS = (
    ("brightness", ("layer", "time", "y", "x"), "u"),
    ("seconds", ("reconstructor",), "f"),
    ("parameters", ("reconstructor",), "iu"),
    ("reason", ("reconstructor",), "OTU"),
    ("layer", ("layer",), "OTU"),
    ("reconstructor", ("reconstructor",), "OTU"),
    *((dim, (dim,), "f") for dim in ("time", "y", "x")),
)
"""What a clip consists of: its variables, their dims, and the kinds of numbers, or text, that they are."""


def shown_cells(grid: Grid) -> list[Cell]:
    """The movies that a report shows: of every cell that of the first seed."""
    return [cell for cell in grid.cells() if cell.place[-1] == 0]


def clip_path(grid: Grid, cell: Cell, folder: Path) -> Path:
    """Where the clip of a cell lies: a name for all that it depends on."""
    described = json.dumps([grid.study_of(cell).to_toml(), cell.seed, grid.reconstructors, versions()])
    return folder / f"{hashlib.sha256(described.encode()).hexdigest()[:16]}.nc"


def record(grid: Grid, cell: Cell) -> xr.Dataset:
    """Simulate the movie of a cell, reconstruct it, and keep what is to be seen of it.

    Returns
    -------
    xr.Dataset
        ``brightness`` (layer, time, y, x) uint8: what was observed, all reconstructions in the order of the grid, the
        truth; each on a scale of its own, on which 255 is white. Over ``reconstructor``: ``seconds`` that it took,
        ``parameters``, the number of them it says it has (0 if none), and ``reason``, why there is nothing to be seen.
    """
    movie = simulate(grid.study_of(cell), cell.seed)
    truth = cast(xr.Dataset, movie.truth)
    results = [_reconstructed(name, movie.observation) for name in grid.reconstructors]
    layers = [movie.observation.counts.values, *(density for density, *_ in results), truth.density.values]
    seconds, parameters, reasons = (
        list(column) for column in zip(*(rest for _, *rest in results), strict=True)
    )
    return xr.Dataset(
        {
            "brightness": (("layer", "time", "y", "x"), np.stack([_brightness(layer) for layer in layers])),
            "seconds": ("reconstructor", seconds, {"units": "s", "long_name": "time for the movie"}),
            "parameters": ("reconstructor", np.array(parameters, np.int64)),
            "reason": ("reconstructor", np.array(reasons, dtype=object)),
        },
        {
            "layer": [OBSERVED, *grid.reconstructors, TRUTH],
            "reconstructor": list(grid.reconstructors),
            **{name: truth[name] for name in ("time", "y", "x")},
        },
        {"seed": cell.seed, "settings": json.dumps(cell.settings)},
    )


def record_all(
    grid: Grid, folder: Path, *, processes: int | None = None, progress: bool = True
) -> dict[tuple[int, ...], Path]:
    """Record the clips of a grid that a folder does not hold yet, and say where all of them are, by their cell.

    Raises
    ------
    OSError
        If the folder cannot be written.
    RuntimeError
        If the process that recorded a clip died.
    """
    workers.require_guarded()
    io.require_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {cell.place[:-1]: clip_path(grid, cell, folder) for cell in shown_cells(grid)}
    todo = [cell for cell in shown_cells(grid) if not paths[cell.place[:-1]].exists()]
    outcomes = workers.spread(functools.partial(record, grid), todo, workers=processes)
    for cell, clip in tqdm(outcomes, total=len(todo), unit="clip", disable=not (progress and todo)):
        if isinstance(clip, Exception):
            raise clip
        with io.replacing(paths[cell.place[:-1]]) as draft:
            clip.to_netcdf(draft, engine="h5netcdf", encoding={"brightness": {"zlib": True, "complevel": 4}})
    return paths


def recorded(grid: Grid, folder: Path) -> list[Path]:
    """The clips of a grid that a folder holds."""
    return [path for cell in shown_cells(grid) if (path := clip_path(grid, cell, folder)).exists()]


def read_clip(path: Path) -> xr.Dataset:
    """Read a clip from the folder that :func:`record_all` filled.

    Raises
    ------
    ValueError
        If the file is damaged, or is no clip.
    OSError
        If there is no such file, or it may not be read.
    """
    try:
        found = netcdf.read(path)
        _require_clip(found)
    except ValueError as error:
        raise ValueError(
            f"{path} is not a clip ({one_line(error)}); delete it, and it is recorded anew"
        ) from error
    return found


def _require_clip(found: xr.Dataset) -> None:
    """Refuse what lacks a part of a clip, or has it in another form."""
    for name, dims, kinds in PARTS:
        if name not in found.variables or found[name].dims != dims or found[name].dtype.kind not in kinds:
            raise ValueError(f"it has no {name} {dims}")
    if found.brightness.dtype != np.uint8 or min(found.brightness.shape) < 1:
        raise ValueError(f"brightness is {found.brightness.shape} of {found.brightness.dtype}")
    texts = [value for name in ("reason", "layer", "reconstructor") for value in found[name].values.tolist()]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a reason or a name is no text")
    if not all(np.isfinite(found[name].values).all() for name in ("time", "y", "x")):
        raise ValueError("its scale is not finite")
    if not isinstance(found.attrs.get("seed"), (int, np.integer)):
        raise ValueError("it does not say its seed")


def _reconstructed(name: str, observation: xr.Dataset) -> tuple[npt.NDArray[np.float32], float, int, str]:
    """The density, the seconds it took, the number of parameters, and why there is none if it failed."""
    try:
        reconstructor = reconstruct.load(name)
        start = time.perf_counter()
        density = reconstruct.reconstruct(reconstructor, observation).density.values
        seconds = time.perf_counter() - start
        parameters = getattr(reconstructor, "parameters", 0)
        return density, seconds, parameters if isinstance(parameters, int) else 0, ""
    except Exception as error:
        nothing = np.zeros(observation.counts.shape, np.float32)
        return nothing, np.nan, 0, f"{type(error).__name__}: {error}"


def _brightness(movie: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A movie in 8 bits, on the scale on which it would be drawn; what is negative is black."""
    values = movie.astype(np.float64)
    shown: npt.NDArray[np.uint8] = np.rint((values / white_level(values)).clip(0, 1) * 255).astype(np.uint8)
    return shown
