"""Clips: the movie of a cell for display, with every reconstruction, in 8 bits."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import channels, schema
from smlmsim.brightness import white_level
from smlmsim.grid.attempt import Attempt, attempt
from smlmsim.grid.grid import SHOWN_SEEDS, Cell, Grid
from smlmsim.io import hdf5, netcdf
from smlmsim.pipeline import Movie, simulate
from smlmsim.provenance import versions
from smlmsim.spec import brief, one_line

log = logging.getLogger(__name__)

OBSERVED, TRUTH = "localizations", "truth"
SIZING = ("field.", "acquisition.", "frames", "pixel_nm", "coverage", "selection.", "reading.", "exposure_s")
"""How the settings begin on which the size of a movie may depend."""
BLANK = "blank"
"""Attribute of the clip of a movie that could not be simulated."""
PARTS = (
    ("brightness", ("layer", "time", "y", "x"), "u"),
    ("white", ("layer",), "f"),
    ("parameters", ("reconstructor",), "iu"),
    ("reason", ("reconstructor",), "OTU"),
    ("layer", ("layer",), "OTU"),
    ("reconstructor", ("reconstructor",), "OTU"),
    *((dim, (dim,), "f") for dim in ("time", "y", "x")),
)
"""The variables of a clip, with their dims and dtype kinds."""


def shown_seeds(grid: Grid) -> tuple[int, ...]:
    """Return the seeds whose movies are shown: the first of the requested ones, as many as fit the size limit.

    Raises
    ------
    ValueError
        If the grid lacks a requested seed.
    """
    return wanted_seeds(grid)[: grid.movies.most_bytes // seed_bytes(grid)]


def wanted_seeds(grid: Grid) -> tuple[int, ...]:
    """Return the seeds whose movies a grid requests, whatever their size; errors as :func:`shown_seeds`."""
    wanted = grid.seeds[:SHOWN_SEEDS] if grid.movies.seeds is None else grid.movies.seeds
    if missing := [seed for seed in wanted if seed not in grid.seeds]:
        raise ValueError(
            f"the grid has no seed {missing[0]}, whose movies --movies-of asks for; "
            f"it has {brief(list(grid.seeds))}"
        )
    return tuple(dict.fromkeys(wanted))


def shown_cells(grid: Grid) -> list[Cell]:
    """Return the cells whose movies are shown, seed by seed."""
    return [cell for seed in shown_seeds(grid) for cell in grid.cells() if cell.seed == seed]


def seed_bytes(grid: Grid) -> int:
    """Return the size in bytes of the clips of a seed before compression."""
    sizing = [axis for axis in grid.axes if axis.setting.startswith(SIZING)]
    studies = [
        grid.study.replace(dict(zip((axis.setting for axis in sizing), values, strict=True)))
        for values in itertools.product(*(axis.values for axis in sizing))
    ]
    extents = [study.extent() for study in studies]
    pixels = sum(acquisition.time_points * math.prod(field.shape) for field, acquisition in extents)
    cells = math.prod(grid.shape[:-1]) // len(studies)
    return cells * pixels * (len(grid.reconstructors) + len((OBSERVED, TRUTH)))


def clip_path(grid: Grid, cell: Cell, folder: Path) -> Path:
    """Return the path of the clip of a cell, which does not depend on the reconstructors."""
    described = json.dumps([grid.study_of(cell).to_toml(), cell.seed, versions()])
    return folder / f"{hashlib.sha256(described.encode()).hexdigest()[:16]}.nc"


def record(grid: Grid, cell: Cell, names: Sequence[str]) -> xr.Dataset:
    """Simulate the movie of a cell, run some reconstructors on it, and return the clip."""
    movie = simulate(grid.study_of(cell), cell.seed)
    return recording(cell, movie, {name: attempt(name, movie.observation) for name in names})


def recording(cell: Cell, movie: Movie, attempts: Mapping[str, Attempt]) -> xr.Dataset:
    """Return the clip of a movie that was reconstructed.

    Returns
    -------
    xr.Dataset
        The clip. ``brightness`` (layer, time, y, x) uint8: the observation, all reconstructions and the truth, each on
        its own scale, on which 255 is the value ``white`` (layer). Over ``reconstructor``: ``parameters``, their
        reported number (0 if none), and ``reason``, why a reconstruction failed. Of several channels, the first.
    """
    truth = cast(xr.Dataset, movie.truth)
    counts = channels.first(movie.observation.counts).values
    nothing = np.zeros(counts.shape, np.float32)
    densities = [
        nothing if found.estimate is None else channels.first(found.estimate.density).values
        for found in attempts.values()
    ]
    layers = [counts, *densities, channels.first(truth.density).values]
    whites = [white_level(layer.astype(np.float64)) for layer in layers]
    shown = np.stack([_brightness(layer, white) for layer, white in zip(layers, whites, strict=True)])
    rows = [(found.parameters, found.reason) for found in attempts.values()]
    coords = {name: truth[name] for name in ("time", "y", "x")}
    return _clip(list(attempts), shown, whites, rows, coords, _about(cell))


def blank(grid: Grid, cell: Cell, names: Sequence[str], reason: str) -> xr.Dataset:
    """Make the clip of a movie that cannot be simulated: it is black, and every reconstructor has the reason."""
    study = grid.study_of(cell)
    field, acquisition = study.extent()
    times_s = acquisition.times_s
    axes = {"time": times_s, "y": field.y_nm, "x": field.x_nm}
    layers = len(names) + len((OBSERVED, TRUTH))
    shown = np.zeros((layers, times_s.size, *field.shape), np.uint8)
    coords = {name: schema.variable(name, values) for name, values in axes.items()}
    about = {**_about(cell), BLANK: 1}
    return _clip(list(names), shown, [1.0] * layers, [(0, reason)] * len(names), coords, about)


def _about(cell: Cell) -> dict[str, Any]:
    """What a clip says of its movie."""
    return {"seed": cell.seed, "settings": json.dumps(cell.settings)}


def keep(path: Path, clip: xr.Dataset, order: Sequence[str]) -> None:
    """Write a clip, or add its reconstructors to an existing one; the bytes are the same in either case.

    Parameters
    ----------
    path : Path
        Path from :func:`clip_path`.
    clip : xr.Dataset
        Clip from :func:`recording`.
    order : sequence of str
        Order of the reconstructors.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    if path.exists():
        try:
            before = read_clip(path)
            clip = clip if BLANK in before.attrs else _joined(before, clip, order)
        except ValueError as error:
            log.warning("%s; it is replaced", error)
    _write(path, clip)


def lacking(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return the reconstructors that a clip does not show; all of them if there is no clip, or a black one."""
    known = _parameters(path) if path.exists() and not _is_blank(path) else {}
    return tuple(name for name in names if name not in known)


def leave_out(path: Path, names: Collection[str]) -> None:
    """Remove reconstructors from a clip, and the clip if it shows no other; no other file is touched.

    Raises
    ------
    OSError
        If the clip cannot be read or written.
    """
    try:
        shown = () if _is_blank(path) else tuple(_parameters(path))
        kept = [name for name in shown if name not in names]
        clip = read_clip(path, kept) if 0 < len(kept) < len(shown) else None
    except ValueError:
        return  # it is no clip, or it is damaged and refused by whoever reads it
    if clip is not None:
        _write(path, _joined(clip, clip, kept))
    elif shown and not kept:
        path.unlink()


def parameters_in(path: Path, names: Sequence[str]) -> list[int]:
    """Return the numbers of parameters that some reconstructors of a clip say they have; the movies are not read.

    Raises
    ------
    ValueError
        If the file is damaged, is no clip, or lacks a reconstructor.
    OSError
        If there is no such file, or it may not be read.
    """
    known = _parameters(path)
    try:
        return [known[name] for name in names]
    except KeyError as error:
        raise _unusable(path, error) from error


def _is_blank(path: Path) -> bool:
    """Whether a clip is that of a movie that could not be simulated; a damaged file is not."""
    try:
        with hdf5.opened(path) as file:
            return BLANK in file.attrs
    except ValueError:
        return False


def _parameters(path: Path) -> dict[str, int]:
    """Return the reconstructors of a clip, each with its number of parameters."""
    try:
        with hdf5.opened(path) as file:
            names, parameters = file["reconstructor"].asstr()[...], file["parameters"][...]
        return {str(name): int(number) for name, number in zip(names, parameters, strict=True)}
    except OSError:
        raise
    except Exception as error:
        raise _unusable(path, error) from error


def recorded(grid: Grid, folder: Path) -> list[Path]:
    """Return the clips of a grid that a folder holds."""
    return [path for cell in shown_cells(grid) if (path := clip_path(grid, cell, folder)).exists()]


def read_clip(path: Path, names: Sequence[str] | None = None) -> xr.Dataset:
    """Read a clip that :func:`keep` wrote: all of it, or only some reconstructors, in the given order.

    Raises
    ------
    ValueError
        If the file is damaged, is not a clip, or lacks a reconstructor.
    OSError
        If there is no such file, or it cannot be read.
    """
    try:
        found = netcdf.read(path)
        _require_clip(found)
        if names is not None:
            found = found.sel(layer=[OBSERVED, *names, TRUTH], reconstructor=list(names))
    except (ValueError, KeyError) as error:
        raise _unusable(path, error) from error
    return found


def _write(path: Path, clip: xr.Dataset) -> None:
    netcdf.write(clip, path, encoding={"brightness": {"zlib": True, "complevel": 4}})


def _unusable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is not a clip ({one_line(error)}); delete it, and it is recorded anew")


def _joined(before: xr.Dataset, after: xr.Dataset, order: Sequence[str]) -> xr.Dataset:
    """Join two clips of one movie; the later one is used if both show a reconstructor."""
    found = {
        name: part.sel(layer=name, reconstructor=name)
        for part in (before, after)
        for name in part.reconstructor.values.tolist()
    }
    names = sorted(found, key=lambda name: order.index(name) if name in order else len(order))
    layers = [after.sel(layer=OBSERVED), *(found[name] for name in names), after.sel(layer=TRUTH)]
    return _clip(
        names,
        np.stack([layer.brightness.values for layer in layers]),
        [float(layer.white) for layer in layers],
        [(int(found[name].parameters), str(found[name].reason.item())) for name in names],
        {name: after[name] for name in ("time", "y", "x")},
        dict(after.attrs),
    )


def _clip(
    names: list[str],
    shown: npt.NDArray[np.uint8],
    whites: list[float],
    rows: list[tuple[int, str]],
    coords: Mapping[str, Any],
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    parameters, reasons = [row[0] for row in rows], [row[1] for row in rows]
    return xr.Dataset(
        {
            "brightness": (("layer", "time", "y", "x"), shown),
            "white": ("layer", whites, {"long_name": "what is shown as white"}),
            "parameters": ("reconstructor", np.array(parameters, np.int64)),
            "reason": ("reconstructor", np.array(reasons, dtype=object)),
        },
        {"layer": [OBSERVED, *names, TRUTH], "reconstructor": names, **coords},
        attrs,
    )


def _require_clip(found: xr.Dataset) -> None:
    """Raise an error if a dataset lacks a part of a clip, or has it in another form."""
    for name, dims, kinds in PARTS:
        if name not in found.variables or found[name].dims != dims or found[name].dtype.kind not in kinds:
            raise ValueError(f"it has no {name} {dims}")
    if found.brightness.dtype != np.uint8 or min(found.brightness.shape) < 1:
        raise ValueError(f"brightness is {found.brightness.shape} of {found.brightness.dtype}")
    names, layers = found.reconstructor.values.tolist(), found.layer.values.tolist()
    if not all(isinstance(text, str) for text in [*found.reason.values.tolist(), *names, *layers]):
        raise ValueError("a reason or a name is not text")
    if layers != [OBSERVED, *names, TRUTH]:
        raise ValueError("its layers are not those of its reconstructors")
    if not all(np.isfinite(found[name].values).all() for name in ("time", "y", "x", "white")):
        raise ValueError("its scale is not finite")
    if not isinstance(found.attrs.get("seed"), (int, np.integer)):
        raise ValueError("it does not say its seed")


def _brightness(movie: npt.NDArray[Any], white: float) -> npt.NDArray[np.uint8]:
    """Convert a movie to 8 bits, on the scale of figures; negative values are black."""
    shown: npt.NDArray[np.uint8] = np.rint((movie.astype(np.float64) / white).clip(0, 1) * 255).astype(
        np.uint8
    )
    return shown
