"""Layers that napari shows for a movie or a result, with names and scales; made without importing napari."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import channels, io, schema
from smlmsim.grid import read_scores
from smlmsim.grid.clips import clip_path, lacking, read_clip, shown_cells, shown_seeds
from smlmsim.grid.store import grid_of, open_store
from smlmsim.io import ome_zarr, tiff
from smlmsim.regions import axes_of
from smlmsim.report.page import store_of
from smlmsim.spec import one_line

Layer = tuple[npt.NDArray[Any], dict[str, Any], str]

CLIP = ".nc"
MOST_FILES = 50
"""Files of a folder that are looked into before it is left to other readers."""
_log = logging.getLogger(__name__)

TRUTH, SEEN = "truth", ("counts", "localizations")
UNITS = ("s", "nm", "nm")
COLOURS = ("magenta", "green", "cyan", "yellow", "red", "blue")
"""Colours of the channels; the first two are white where they overlap."""


def layers(path: str | Path) -> list[Layer]:
    """Make the layers of a movie or a result, the lowest first.

    Parameters
    ----------
    path : str or Path
        A stack or a localization table that :mod:`smlmsim.io` reads; a folder of them, as ``smlmsim simulate`` and
        ``smlmsim reconstruct`` leave it; a clip; or a grid with its clips, as ``smlmsim report`` leaves them.

    Returns
    -------
    list of (data, settings, kind)
        Layer data tuples: images (time, y, x) in s and nm, or (row, column, time, y, x) for a grid, whose first axes
        number the values of its settings; points (y, x) in nm. The truth is green and estimates are magenta, so that
        they look white where they agree; one estimate is visible at first.

    Raises
    ------
    ValueError
        If the path holds none of these. Files of a folder that cannot be read are logged if others can.
    OSError
        If there is no such file.
    """
    path = Path(path)
    if (store := store_of(path)).joinpath("zarr.json").exists() and not _is_image(store):
        return _shown(_of_grid(store))
    if path.is_dir() and not _is_image(path):
        files = _files(path)
        if not files:
            raise ValueError(
                f"{path} holds no stack, no table and no grid; known are {', '.join(io.extensions())}"
            )
        return _shown(_of_files(files))
    return _shown(_of_clip(path) if path.suffix == CLIP else _of_file(path))


def reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[Layer]] | None:
    """Return what reads files dropped on napari, for the entry point ``napari.manifest``.

    Parameters
    ----------
    path : str or sequence of str
        One file or folder, or several that are opened together.

    Returns
    -------
    function or None
        Makes the layers of the same paths; None if one of them is nothing that :func:`layers` could show, as far as
        its header and its first image or rows tell, so that napari asks other readers. The reason is logged.
    """
    return _read if all(map(_known, _paths(path))) else None


def _read(path: str | Sequence[str]) -> list[Layer]:
    return [layer for one in _paths(path) for layer in layers(one)]


def _paths(path: str | Sequence[str]) -> list[Path]:
    return [Path(path)] if isinstance(path, str) else [Path(one) for one in path]


def _known(path: Path) -> bool:
    """Whether :func:`layers` shows a path, as far as its beginning tells; those of others are for other readers."""
    try:
        with _quietly():
            _look_into(path)
    except (ValueError, OSError) as error:
        _log.info("%s is left to other readers: %s", path, one_line(_reason(error, path), 200))
        return False
    return True


def _look_into(path: Path) -> None:
    """Raise a ValueError or an OSError if a path is no clip, grid, stack or table, and no folder of the latter."""
    if (store := store_of(path)).joinpath("zarr.json").exists() and not _is_image(store):
        grid_of(open_store(store).attrs, store)
    elif path.is_dir() and not _is_image(path):
        if not any(map(_known, _files(path)[:MOST_FILES])):
            raise ValueError("it holds no stack, no table and no grid that can be read")
    elif path.suffix.lower() == CLIP:
        read_clip(path)
    elif path.suffix.lower() not in io.extensions():
        raise ValueError(f"known are {', '.join((*io.extensions(), CLIP))}")
    elif path.is_dir():
        ome_zarr.require_movie(path)
    elif not io.holds_table(path):
        tiff.require_movie(path)
    elif next(io.chunks(path, rows=100), None) is None:
        raise ValueError("it holds no localization")


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what reading logs, which is said again when a file is opened."""
    logger = logging.getLogger(io.__name__)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(error: Exception, path: Path) -> str:
    """What an error says, without the path."""
    return str(error).removeprefix(f"{path}: ")


def _files(folder: Path) -> list[Path]:
    """The files of a folder that have the ending of a stack or a table."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in io.extensions())


def _of_files(files: Sequence[Path]) -> list[Layer]:
    """The layers of all files that can be read; the error of the first one if none can."""
    made: list[Layer] = []
    refused: list[tuple[Path, ValueError]] = []
    for file in files:
        try:
            made += _of_file(file)
        except ValueError as error:
            refused.append((file, error))
    if refused and not made:
        raise refused[0][1]
    for file, problem in refused:
        _log.warning("%s is left out: %s", file, one_line(_reason(problem, file), 200))
    return made


def _is_image(path: Path) -> bool:
    """Whether a folder is an OME-Zarr image, and not the store of a grid or a folder of files."""
    return ome_zarr.is_image(path)


def _of_file(path: Path) -> list[Layer]:
    """The layers of a stack, one for each channel, or the one of a table."""
    found = io.read(path)
    images = [image for image in found.data_vars.values() if image.dims[-3:] == ("time", "y", "x")]
    if images:
        parts = channels.panels({path.stem: images[0]})
        made = [(part.values, {"name": name, **_scale(found)}, "image") for name, part in parts.items()]
        if len(made) > 1:
            for (_, settings, _), colour in zip(made, itertools.cycle(COLOURS), strict=False):
                settings.update(metadata={"movie": path.stem}, colormap=colour)
        return made
    schema.check(found, "loc_y", "loc_x")
    points = np.stack([found.loc_y.values, found.loc_x.values], axis=1)
    settings = {"name": path.stem, "size": 20.0, "units": UNITS[1:], "axis_labels": ("y", "x")}
    return [(points, settings, "points")]


def _of_clip(path: Path) -> list[Layer]:
    clip = read_clip(path)
    return [
        (movie, {"name": str(name), **_scale(clip)}, "image")
        for name, movie in zip(clip.layer.values, clip.brightness.values, strict=True)
    ]


def _of_grid(store: Path) -> list[Layer]:
    """The clips of the first seed: one layer each for the localizations, every reconstruction and the truth."""
    scores = read_scores(store)
    grid = grid_of(scores.attrs, store)
    first = grid.replace({"movies.seeds": (shown_seeds(grid) or grid.seeds)[:1]})
    paths = [clip_path(grid, cell, store.parent / "clips") for cell in shown_cells(first)]
    if missing := sum(bool(lacking(path, grid.reconstructors)) for path in paths):
        raise ValueError(
            f"{missing} clips are missing beside {store}; `smlmsim report {store} --out DIR` makes them"
        )
    axes = axes_of(scores[grid.metrics[0]])
    clips = [read_clip(path, grid.reconstructors) for path in paths]
    clip = clips[0]
    movies = np.stack([clip.brightness.values for clip in clips], axis=1)
    movies = movies.reshape(movies.shape[0], *(scores.sizes[axis] for axis in axes), *movies.shape[2:])
    scale = _scale(clip, {axis: str(scores[axis].attrs.get("long_name", axis)) for axis in axes})
    return [
        (movie, {"name": str(name), **scale}, "image")
        for name, movie in zip(clip.layer.values, movies, strict=True)
    ]


def _scale(found: xr.Dataset, before: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Scale and position of an image along (time, y, x), after axes that only number the cells of a grid."""
    before = before or {}
    axes = [found[dim].values.astype(float) for dim in ("time", "y", "x")]  # unknown times are 0, 1, 2, ...
    steps = [float(axis[1] - axis[0]) if axis.size > 1 else 1.0 for axis in axes]
    return {
        "scale": (*(1.0 for _ in before), *steps),
        "translate": (*(0.0 for _ in before), *(float(axis[0]) for axis in axes)),
        "units": (*("pixel" for _ in before), UNITS[0] if "time" in found.coords else "pixel", *UNITS[1:]),
        "axis_labels": (*before.values(), "time", "y", "x"),
    }


def _shown(made: list[Layer]) -> list[Layer]:
    """Set the colours and the order of the layers, and hide all estimates but the first."""
    order = {"points": 0, **dict.fromkeys(SEEN, 1), TRUTH: 3}
    made = sorted(made, key=lambda layer: order.get(layer[2], order.get(_movie_of(layer[1]), 2)))
    estimates = [
        _movie_of(settings)
        for _, settings, kind in made
        if kind == "image" and _movie_of(settings) not in (*SEEN, TRUTH)
    ]
    shown = {TRUTH, *(estimates[:1] or SEEN)}
    return [
        (
            data,
            (_look(_movie_of(settings), shown) if kind == "image" else {"visible": not estimates}) | settings,
            kind,
        )
        for data, settings, kind in made
    ]


def _movie_of(settings: Mapping[str, Any]) -> str:
    """What the movie of a layer is called, which may be one of several channels of it."""
    return str(settings.get("metadata", {}).get("movie", settings["name"]))


def _look(name: str, shown: set[str]) -> dict[str, Any]:
    colour = "green" if name == TRUTH else "gray" if name in SEEN else "magenta"
    return {"colormap": colour, "blending": "additive", "visible": name in shown}
